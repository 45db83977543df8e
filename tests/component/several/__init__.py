"""Several processes of the bridge on one PostgreSQL database (R1)."""
