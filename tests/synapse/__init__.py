"""Tests on the real Synapse."""
