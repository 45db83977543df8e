"""Matters by their words and numbers. Pure."""
