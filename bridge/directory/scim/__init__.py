"""SCIM 2.0 (RFC 7643, RFC 7644) as a source of the directory: what a client of it pushes, kept and read."""
