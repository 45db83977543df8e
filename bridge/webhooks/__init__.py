"""Telling systems what happens: requests to their addresses, signed, in order, until they have them (A3)."""
