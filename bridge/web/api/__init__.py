"""The API: for systems what commands and the panel are for people (A1, A2)."""
