"""Conversations and their rooms, participants, channels, pins, and the world that plans read."""
