"""Matters: finding them, their conversations and their transcripts."""
