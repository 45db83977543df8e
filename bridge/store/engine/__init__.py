"""The database: backends, connection, units of work and what they announce."""
