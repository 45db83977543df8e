"""What the bot says when a command cannot be carried out."""

from __future__ import annotations


class CommandError(Exception):
    """A command that cannot be carried out. The message is the bot's reply: what is wrong and what to do."""


class NotAllowedError(CommandError):
    """Somebody typed a command that is not theirs to use. `rule` is the rule of product.md that decided."""

    def __init__(self, message: str, rule: str) -> None:
        super().__init__(message)
        self.rule = rule
