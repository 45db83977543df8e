"""Reading what was typed by the declaration of the command."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from bridge.commands.asking.examples import examples_for
from bridge.commands.asking.matter_numbers import (
    QUOTED,
    first_matter,
    first_word,
    no_such_matter,
    read_matter,
    without_leading,
)
from bridge.commands.asking.people import People
from bridge.commands.asking.screened import Around, read_around, read_screened
from bridge.commands.asking.table import Argument, ArgumentType, Command
from bridge.commands.asking.unquoted import names_in, title_or_people, without_link
from bridge.firm.model import Firm, Matter, Staff
from bridge.mapping.marks import as_typed, first_target, has_marked, replaced, with_ids
from bridge.operations.rooms_named import Rooms
from bridge.refusal import CommandError
from bridge.wording.markdown import repeated

_HERE = re.compile(
    r"(?:(?:of|in|for|about)\s++)?(?:here|it|this(?:\s++(?:channel|conversation|chat|room|matter|one))?)"
    r"(?:,?\s++(?:please|now))?[.!?]*+|(?:please|now)[.!]*+",
    re.IGNORECASE,
)
"""What is said of the conversation in which something is typed, in the place of its name."""
_SAID = 3
"""Characters of a number that is meant where words stand before it, which else may be a title."""
_TITLES = frozenset({ArgumentType.NAME, ArgumentType.TITLE})


@dataclass(frozen=True, slots=True)
class Reading:
    """What somebody's words are read with."""

    people: People
    sender: Staff
    today: date
    rooms: Rooms
    """The rooms that the words point to."""
    here: Matter | None = None
    """The matter in whose conversation it was typed, where the sender may see it."""

    @property
    def firm(self) -> Firm:
        return self.people.firm


def parse(command: Command, text: str, reading: Reading) -> dict[str, object]:
    """The arguments to run the command with, by name, without those that are left out.

    Raises CommandError with what is wrong and how it is typed.
    """
    values: dict[str, object] = {}
    rest = "" if _HERE.fullmatch(text.strip()) and _may_be_here(command) else text.strip()
    pointed = first_target(rest)
    for argument in command.arguments:
        last = argument is command.arguments[-1]
        if not last and argument.type in _TITLES and _is_people(command, argument, text.strip(), rest, reading):
            continue
        value, rest = _take(argument, rest, reading, last=last)
        if argument.names_conversation and not value and pointed and (room := reading.rooms.get(pointed[0])):
            value = room.conversation.title if room.conversation else ""
        if value:
            values[argument.name] = value
        elif argument.required:
            examples = examples_for(command, reading.firm, reading.sender)
            example = f" For example: `{examples[0]}`" if examples else ""
            raise CommandError(f"`{command.usage}` needs {argument.shown}.{example}")
    if as_typed(rest):
        raise CommandError(
            f"I do not know what to do with “{repeated(rest)}”. This is how it is typed: `{command.usage}`"
        )
    return values


def _may_be_here(command: Command) -> bool:
    return any(argument.names_place for argument in command.arguments)


def _take(argument: Argument, text: str, reading: Reading, *, last: bool) -> tuple[object, str]:
    match argument.type:
        case ArgumentType.PEOPLE:
            return reading.people.find(text)
        case ArgumentType.EACH:
            return reading.people.find_each(text)
        case ArgumentType.MATTER:
            return _matter_or_here(argument, text, reading) if not last else _matter(text, reading)
        case ArgumentType.AROUND:
            return _around(text, reading)
        case ArgumentType.SCREENED:
            return read_screened(text, reading.people)
        case kind if kind in _TITLES:
            return _title(text, reading, alone=last)
        case _:
            return _text(argument.type, text, reading), ""


def _text(kind: ArgumentType, text: str, reading: Reading) -> str:
    """Everything that is left, in the form that the command needs."""
    match kind:
        case ArgumentType.MARKED:
            return text
        case ArgumentType.WORDS:
            return as_typed(text)
        case ArgumentType.MATTERS:
            numbers = {one: f'"{found.matter.number}"' for one, found in reading.rooms.items() if found.matter}
            return with_ids(replaced(text, numbers))
        case _:
            return with_ids(text)


def _title(text: str, reading: Reading, *, alone: bool) -> tuple[str, str]:
    """A name or title, and the rest; where nothing may follow it, only what is quoted as a whole is quoted."""
    pointed = first_target(text)
    room = reading.rooms.get(pointed[0]) if pointed else None
    if pointed and room and room.conversation:
        return room.conversation.title, pointed[1]
    if (quoted := QUOTED.match(text)) is not None and not (alone and text[quoted.end() :]):
        return as_typed(quoted[1]).strip(), text[quoted.end() :]
    person = has_marked(text)
    if person is None:
        return as_typed(text).strip(), ""
    return without_link(as_typed(text[: person.start()])), text[person.start() :]


def _is_people(command: Command, argument: Argument, text: str, rest: str, reading: Reading) -> bool:
    """Whether names stand where a title that may be left out would.

    Raises CommandError where names stand behind a title without quotation marks: they are not made part of it.
    """
    if first_target(rest) or QUOTED.match(rest):
        return False
    person = has_marked(rest)
    at = names_in(rest[: person.start()] if person else rest, reading.people)
    if at is None:
        return False
    if at == 0 and person is None and argument.names_place:
        return True
    raise title_or_people(f"!{command.name}", text[: len(text) - len(rest)], at, rest, argument.name)


def _matter_or_here(argument: Argument, text: str, reading: Reading) -> tuple[Matter | None, str]:
    """The matter that comes first, else the one in whose conversation it was typed and all of the text.

    A word with a digit is taken for a number, and one that is none is said to be none. Raises CommandError.
    """
    if reading.here is None or not argument.names_place:
        return _matter(text, reading)
    matter, rest = _pointed_matter(text, reading) or first_matter(text, reading.firm, reading.sender, reading.today)
    if matter is not None or not text:
        return matter, rest
    said, behind = first_matter(without_leading(text), reading.firm, reading.sender, reading.today)
    if said is not None and len(said.number) >= _SAID:
        return said, behind
    quoted = QUOTED.match(text)
    if quoted is None and any(map(str.isdigit, first_word(text))):
        error = no_such_matter(first_word(text), reading.firm, reading.sender, reading.today)
        raise CommandError(f"{error} A title that begins with a number goes in quotation marks.")
    if quoted is not None and QUOTED.match(text, quoted.end()):
        raise no_such_matter(quoted[1].strip(), reading.firm, reading.sender, reading.today)
    return reading.here, text


def _matter(text: str, reading: Reading) -> tuple[Matter | None, str]:
    """The matter that comes first, by its number or by a room of it, and the rest. Raises CommandError."""
    return _pointed_matter(text, reading) or read_matter(text, reading.firm, reading.sender, reading.today)


def _pointed_matter(text: str, reading: Reading) -> tuple[Matter, str] | None:
    """The matter of the room that comes first, and the rest."""
    pointed = first_target(text)
    room = reading.rooms.get(pointed[0]) if pointed else None
    return (room.matter, pointed[1]) if pointed and room and room.matter else None


def _around(text: str, reading: Reading) -> tuple[Around | None, str]:
    pointed = first_target(text)
    if pointed and pointed[0] in reading.rooms:
        matter, rest = _matter(text, reading)
        return (None if matter is None else Around(matter)), rest
    return read_around(text, reading.firm, reading.sender, reading.today)
