"""Channels: making, finding and changing them, and who is in them."""
