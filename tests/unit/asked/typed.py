"""What the bot makes of something typed, without the rest of it."""

from __future__ import annotations

from datetime import date

from bridge.commands.all import COMMANDS
from bridge.commands.asking.nearest import fitting
from bridge.commands.asking.people import People
from bridge.commands.asking.table import Command
from bridge.commands.asking.where import Where
from bridge.commands.dispatch import find_commands
from bridge.firm.model import Firm, Matter, Staff, Wall

TODAY = date(2026, 11, 23)
RUTH = Staff("s1", "Ruth", "Adeyemi", "ruth@firm.example", "Partner")
TOM = Staff("s2", "Tom", "Price", "tom@firm.example", "Associate")
TOMAS = Staff("s3", "Tomás", "O'Neill", "tomas@firm.example", "Paralegal")
RUTHS = Staff("s4", "Ruth", "Bell", "ruth.bell@firm.example", "Associate")
GONE = Staff("s5", "Mark", "Gone", "mark@firm.example", former=True)
FIRM = Firm(
    staff={person.id: person for person in (RUTH, TOM, TOMAS, RUTHS, GONE)},
    matters={"m1": Matter("m1", "2026-0042", "Estate"), "m2": Matter("m2", "2026-0043", "Merger")},
    walls={"w": Wall("w", matter_id="m2", people=("s1",))},
)
PEOPLE = People(
    FIRM,
    {"ruth": "s1", "tom": "s2", "tomas": "s3", "ruth.bell": "s4", "mark": "s5"},
    "localhost",
    "bot",
)


def find_command(text: str, where: Where = Where.CHAT) -> tuple[Command, str]:
    """The command at the start of the text (without the exclamation mark) and the rest. Raises CommandError."""
    found, rest = find_commands(text, lambda: COMMANDS)
    return found[0] if len(found) == 1 else fitting(found, where), rest
