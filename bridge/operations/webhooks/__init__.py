"""Webhooks: who has a system told, and what it is told (A3)."""
