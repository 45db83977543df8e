"""The firm's single sign-on, as a client of its OpenID Connect provider: what it says of itself, and whom it names."""
