"""What the bot says when a command cannot be carried out."""

from __future__ import annotations


class CommandError(Exception):
    """A command that cannot be carried out. The message is the bot's reply: what is wrong and what to do."""
