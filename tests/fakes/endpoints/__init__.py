"""What the fake homeserver answers, by whom and what it is about."""
