"""What the commands about walls name: a matter or client, people and groups, a wall. What the admin must not see is
answered as if it were not (M3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from bridge.commands.asking.matter_numbers import QUOTED, first_matter, first_word, read_matter
from bridge.commands.asking.people import People
from bridge.firm.model import Firm, Group, Matter, Staff, Wall
from bridge.firm.names import spellings
from bridge.firm.policy import may_access
from bridge.mapping.marks import as_typed, has_marked
from bridge.refusal import CommandError
from bridge.wording.markdown import escape, repeated

_CLIENT = re.compile(r"client:\s*", re.IGNORECASE)
_GROUP = re.compile(r"group:\s*+(?:[\"“”„«]([^\"“”»]*+)[\"“”»]|(\S+))", re.IGNORECASE)
_MARKS = re.compile(r"(?:^|(?<=\s))(?:group:)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Around:
    """What a wall stands around: a matter, or all matters of a client."""

    matter: Matter | None
    client: str = ""


def names_client(text: str) -> bool:
    """Whether the text begins with client:NAME."""
    return _CLIENT.match(text) is not None


def read_around(text: str, firm: Firm, sender: Staff, today: date) -> tuple[Around | None, str]:
    """The matter's number, or client:NAME, that comes first, and the rest. Raises CommandError."""
    if names_client(text):
        return read_client(text, firm, sender, today)
    matter, rest = read_matter(text, firm, sender, today)
    return (None if matter is None else Around(matter)), rest


def read_client(text: str, firm: Firm, sender: Staff, today: date) -> tuple[Around, str]:
    """The client after `client:`, and the rest. Raises CommandError."""
    name, rest = _client_name(text[_CLIENT.match(text).end() :])  # type: ignore[union-attr] # it begins with client:
    spelled = set(spellings(name))
    known = {
        client: own
        for client, matters in firm.matters_of_client.items()
        if not spelled.isdisjoint(spellings(client))
        for matter in matters
        if may_access(firm, sender.id, matter, today)
        for own in matter.clients
        if own.casefold() == client
    }
    if (found := known.get(name.casefold()) or (next(iter(known.values())) if len(known) == 1 else None)) is None:
        raise CommandError(
            f"There is no client {repeated(name)} that you can see. Write the name as the directory has it, in"
            ' quotation marks if it has blanks: `client:"Tidewell Brewing"`'
        )
    return Around(None, found), rest


def read_screened(text: str, people: People) -> tuple[tuple[Staff | Group, ...], str]:
    """The people (by mention, @name or e-mail address) and groups (group:NAME) that come first, and the rest.

    Who has left is named as well: they must be screened before they are back. Raises CommandError.
    """
    found: dict[str, Staff | Group] = {}
    rest = text.lstrip(" ,;")
    while rest:
        if (group := _GROUP.match(rest)) is not None:
            one: Staff | Group = _group(group[1] or group[2].rstrip(",;"), people.firm)
            rest = rest[group.end() :]
        elif (marked := has_marked(rest)) is not None and marked.start() == 0:
            one, rest = people.anybody(marked[0].rstrip(".;!?")), rest[marked.end() :]
        else:
            break
        found[one.id] = one
        rest = rest.lstrip(" ,;\n")
    return tuple(found.values()), rest.strip()


def _group(name: str, firm: Firm) -> Group:
    for group in firm.groups.values():
        if not group.deleted and name.casefold() in {group.id.casefold(), group.name.casefold()}:
            return group
    raise CommandError(f"There is no group {repeated(name)} in the directory.")


def _client_name(text: str) -> tuple[str, str]:
    """A client's name: in quotation marks, or all before the first person or group."""
    if (quoted := QUOTED.match(text)) is not None:
        return " ".join(as_typed(quoted[1]).split()), text[quoted.end() :]
    ends = [found.start() for found in (has_marked(text), _MARKS.search(text)) if found is not None]
    end = min(ends, default=len(text))
    return " ".join(as_typed(text[:end]).split()), text[end:]


def _matter_before(text: str, firm: Firm, sender: Staff, today: date) -> tuple[Matter, str]:
    """The matter whose number comes first, and the rest. Raises CommandError."""
    matter, rest = first_matter(text, firm, sender, today)
    if matter is None:
        raise CommandError(
            f"There is no wall or matter {repeated(first_word(text))} that you can see. `!wall list` shows the walls."
        )
    return matter, rest


def walls_named(typed: str, walls: Iterable[Wall], firm: Firm, sender: Staff, today: date) -> tuple[Wall, ...]:
    """Those of these walls that are named by reference, or by the matters or the client they stand around.

    Raises CommandError for a word that names none.
    """
    known, found, rest = list(walls), [], typed.strip()
    while rest:
        if names_client(rest):
            around, rest = read_client(rest, firm, sender, today)
            some = [wall for wall in known if wall.client.casefold() == around.client.casefold()]
            what = f"the client {escape(around.client)}"
        else:
            word = rest.split(maxsplit=1)[0]
            some = [wall for wall in known if wall.id.casefold() == word.rstrip(",;").casefold()]
            what, rest = "", rest[len(word) :] if some else rest
            if not some:
                matter, rest = _matter_before(rest, firm, sender, today)
                some = [wall for wall in known if wall.matter_id == matter.id]
                what = f"matter {escape(matter.number)} itself"
        if not some:
            raise CommandError(f"No wall stands around {what}. `!wall list` shows the walls.")
        found += some
        rest = rest.lstrip(" ,;\n")
    return tuple(dict.fromkeys(found))
