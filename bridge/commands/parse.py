"""Reading what was typed by the declaration of the command."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from bridge.commands.errors import CommandError
from bridge.commands.people import People, has_marked
from bridge.commands.replies import repeated
from bridge.commands.table import Argument, ArgumentType, Command
from bridge.commands.wall_find import Around, names_client, read_client, read_screened
from bridge.firm.model import Firm, Matter, Staff
from bridge.firm.policy import may_access

_QUOTED = re.compile(r"[\"“”„«](.*?)[\"“”»]\s*", re.DOTALL)


def parse(command: Command, text: str, people: People, sender: Staff, today: date) -> dict[str, Any]:
    """The values of the command's arguments. Raises CommandError with what is wrong and how it is typed."""
    values: dict[str, Any] = {}
    rest = text.strip()
    for argument in command.arguments:
        value, rest = _take(argument, rest, people, sender, today)
        if value:
            values[argument.name] = value
        elif argument.required:
            example = f" For example: `{command.examples[0]}`" if command.examples else ""
            raise CommandError(f"`{command.usage}` needs {argument.shown}.{example}")
    if rest:
        raise CommandError(
            f"I do not know what to do with “{repeated(rest)}”. This is how it is typed: `{command.usage}`"
        )
    return values


def _take(argument: Argument, text: str, people: People, sender: Staff, today: date) -> tuple[Any, str]:
    match argument.type:
        case ArgumentType.PEOPLE:
            return people.find(text)
        case ArgumentType.EACH:
            return people.find_each(text)
        case ArgumentType.MATTER:
            return read_matter(text, people.firm, sender, today)
        case ArgumentType.AROUND:
            return read_around(text, people.firm, sender, today)
        case ArgumentType.SCREENED:
            return read_screened(text, people)
        case ArgumentType.NAME | ArgumentType.TITLE:
            return _title(text)
        case ArgumentType.TEXT:
            return text, ""


def _title(text: str) -> tuple[str, str]:
    if (quoted := _QUOTED.match(text)) is not None:
        return quoted[1].strip(), text[quoted.end() :]
    person = has_marked(text)
    end = person.start() if person else len(text)
    return text[:end].strip(), text[end:]


def read_matter(text: str, firm: Firm, sender: Staff, today: date) -> tuple[Matter | None, str]:
    """The matter whose number comes first. One the sender must not see is answered like one that is not there (M3)."""
    if not text:
        return None, ""
    quoted = _QUOTED.match(text)
    number, end = (quoted[1].strip(), quoted.end()) if quoted else (text.split()[0], len(text.split()[0]))
    matter = firm.matter_by_number.get(number.casefold())
    if matter is None or not may_access(firm, sender.id, matter, today):
        raise no_such_matter(number)
    return matter, text[end:].lstrip()


def no_such_matter(number: str) -> CommandError:
    """What to say where somebody may not know that there is a matter, or there is none (M3)."""
    return CommandError(f"There is no matter {repeated(number)} that you can see. `!matter list` shows those you can.")


def read_around(text: str, firm: Firm, sender: Staff, today: date) -> tuple[Around | None, str]:
    """The matter's number, or client:NAME, that comes first, and the rest. Raises CommandError."""
    if names_client(text):
        return read_client(text, firm, sender, today)
    matter, rest = read_matter(text, firm, sender, today)
    return (None if matter is None else Around(matter)), rest
