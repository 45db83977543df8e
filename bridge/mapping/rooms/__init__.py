"""Rooms as they should be, as a shape and as the state of Matrix. Pure."""
