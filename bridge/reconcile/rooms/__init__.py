"""Rooms on the homeserver, one at a time: observed, changed, visited."""
