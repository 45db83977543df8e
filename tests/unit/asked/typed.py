"""What the bot makes of something typed, without the rest of it."""

from __future__ import annotations

from bridge.commands.all import COMMANDS
from bridge.commands.asking.nearest import fitting
from bridge.commands.asking.table import Command
from bridge.commands.asking.where import Where
from bridge.commands.dispatch import find_commands


def find_command(text: str, where: Where = Where.CHAT) -> tuple[Command, str]:
    """The command at the start of the text (without the exclamation mark) and the rest. Raises CommandError."""
    found, rest = find_commands(text, lambda: COMMANDS)
    return found[0] if len(found) == 1 else fitting(found, where), rest
