"""Conversations of matters: starting, changing and entering them, and looking at matters."""
