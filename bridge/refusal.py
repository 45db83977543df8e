"""What the bot says when a command cannot be carried out."""

from __future__ import annotations

from bridge.firm.rules import CitedRule


class CommandError(Exception):
    """A command that cannot be carried out. The message is the bot's reply: what is wrong and what to do."""


class NotAllowedError(CommandError):
    """Somebody typed a command that is not theirs to use. `rule` is the one that decided."""

    def __init__(self, message: str, rule: CitedRule) -> None:
        super().__init__(message)
        self.rule = rule
