"""What firm admins do and see of the firm, its record and its directory."""
