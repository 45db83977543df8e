"""The API (A1, A2)."""
