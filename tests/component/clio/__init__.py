"""Clio as a source of the directory."""
