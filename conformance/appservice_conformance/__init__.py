"""Tries a Matrix application service as a homeserver would: the application service API, case by case."""
