"""Internal messaging for a law firm, as a Matrix application service."""

__version__ = "0.1.0"
