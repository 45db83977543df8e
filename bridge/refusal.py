"""How what somebody asked for is refused: as data by an operation, in words by a command that cannot be read."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from bridge.firm.errors import BridgeError
from bridge.firm.rules import CitedRule

Fact = str | int | tuple[str, ...]


class Kind(StrEnum):
    """What an operation refuses for. `bridge.wording.refusals` has the sentence of each, with the facts it takes."""

    # Who may ask
    COMMAND_FOR_ADMINS = "command_for_admins"
    LIST_FOR_ADMINS = "list_for_admins"
    PINS_FOR_ADMINS = "pins_for_admins"


NOT_THEIRS = frozenset({Kind.COMMAND_FOR_ADMINS, Kind.LIST_FOR_ADMINS, Kind.PINS_FOR_ADMINS})
"""What is for others to ask for. The audit log tells who tried it (O1)."""


class Refusal(BridgeError):  # noqa: N818 - no error: an answer
    """An operation did nothing of what it was asked for. Its text is for logs and has no facts, which may be secret."""

    def __init__(self, kind: Kind, rule: CitedRule | Literal[""] = "", /, **facts: Fact) -> None:
        super().__init__(f"{kind} ({rule})" if rule else str(kind))
        self.kind = kind
        self.rule = rule
        """The rule that decided; empty where it was none, and where what must not be seen is answered as if it were not
        there (M3)."""
        self.facts = facts
        """What the sentence names, as it is: nothing of it is escaped."""


class CommandError(BridgeError):
    """A command that cannot be read. The message is the bot's reply in Markdown: what is wrong and what to do."""
