"""SCIM as a client of it sees it, and what the firm makes of that."""
