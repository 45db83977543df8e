"""Smokeball as a source of the directory: its API asked, its webhooks taken as hints (S2)."""
