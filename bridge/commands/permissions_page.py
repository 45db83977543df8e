"""docs/permissions.md: the table of permissions as people read it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from bridge.commands.all import COMMANDS
from bridge.commands.asking.permissions import NO_STAFF, OUTCOMES, Person, PlaceKind
from bridge.commands.asking.table import Command

Table = Callable[[tuple[str, ...], Iterable[tuple[str, ...]]], str]
"""Makes a table of the names of its columns and its rows."""

_STAFF = frozenset(Person) - NO_STAFF
_TOGETHER = {
    _STAFF: "all staff",
    _STAFF - {Person.ADMIN}: "staff",
    _STAFF - {Person.PARTICIPANT}: "other staff, firm admins too",
}
"""How people are called who have the same column."""
_BEFORE = (
    "What comes of every command of the bot ([commands.md](commands.md)), for every kind of person, in every kind of"
    " conversation. A test holds the bridge to these tables, cell by cell. The letters in brackets name the firm's"
    " rules: D for direct conversations, M for matters, C for channels, F for the firm.",
    "Who is in a conversation types the command there. Others name what they mean, a matter by its number or a channel"
    " by its name. What somebody types in a conversation without being in it, for instance just after being taken out,"
    " is answered as in their chat with the bot and shows nothing of the conversation.",
)
_PEOPLE = {
    Person.PARTICIPANT: "Active staff who are in the conversation.",
    Person.ACCESS: "Active staff who are not in it and may see the matter. Channels are open to all staff.",
    Person.NO_ACCESS: "Active staff who are not on the list of a restricted matter and have no part in it.",
    Person.WALLED: "Active staff behind a wall around the matter or its client, whatever part they have in it.",
    Person.ADMIN: "They have the commands for firm admins, and in conversations nothing more than other staff. Shown"
    " is one without access to the matter. No admin reads a direct conversation (D4).",
    Person.FORMER: "Staff who left the firm or are disabled.",
    Person.STRANGER: "Accounts on the homeserver that are nobody's in the directory.",
}
_REST = "Every other command does the same here as in your chat with the bot."


def permission_parts(table: Table) -> Iterator[str]:
    """The page, part by part, without its heading."""
    yield from _BEFORE
    yield table(("Who", "Meaning"), ((person.value, meaning) for person, meaning in _PEOPLE.items()))
    yield table(("Mark", "What happens"), ((outcome.mark, outcome.meaning) for outcome in OUTCOMES))
    yield "## The same everywhere"
    yield _rows(table, PlaceKind.BOT, [one for one in COMMANDS if not one.row.about])
    for place in PlaceKind:
        yield f"## {place}"
        if place is PlaceKind.BOT:
            yield _rows(table, place, [one for one in COMMANDS if one.row.about])
        else:
            yield _rows(table, place, [one for one in COMMANDS if place in one.row.about])
            yield _REST


def _rows(table: Table, place: PlaceKind, commands: list[Command]) -> str:
    """A row for each command and a column for each kind of person; people with the same column share it."""
    columns: dict[tuple[str, ...], list[Person]] = {}
    for person in Person:
        marks = tuple(one.row.outcome(place, person).mark for one in commands)
        columns.setdefault(marks, []).append(person)
    heads = [_TOGETHER.get(frozenset(people), ", ".join(people)) for people in columns.values()]
    rows = ((f"`!{one.name}`", *marks) for one, *marks in zip(commands, *columns, strict=True))
    return table(("Command", *heads), rows)
