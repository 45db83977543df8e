"""Channels: making, changing and entering them, and finding them."""
