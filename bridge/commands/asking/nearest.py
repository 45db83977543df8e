"""Which command is meant: by its name, by another word for it, or by what comes nearest to a word that is none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bridge.commands.asking.table import Command
from bridge.commands.asking.where import Where
from bridge.mapping.near import closest
from bridge.refusal import CommandError

_LONGEST = 40
"""Characters of a word that is compared; no command is longer."""
_NEAR = 0.66
"""How alike two words must be (difflib: 1 is the same), so that a slip of one or two letters is forgiven."""

_TURNED = re.compile(
    r"(\w++)\s++(?:(?:an?|the|new|my|all|our)\s++)*+(matter|channel)(s?)\b(?:\s++(?:called|named|for|about|with)\b)?[\s:]*+"
)
"""How people ask who put first what is to be done. What begins with a capital is a name: Channel Islands."""
_VERBS = {
    one: one for one in ("create", "list", "show", "join", "leave", "search", "archive", "restore", "transcript")
} | {
    "make": "create",
    "new": "create",
    "find": "search",
}


def turned_round(text: str) -> str:
    """The text with the command's words in their own order, "channel list" for "list the channels"; else as it is.

    Not where a title or a name follows that may begin so.
    """
    found = _TURNED.match(text[:1].lower() + text[1:])
    verb = _VERBS.get(found[1]) if found else None
    if found is None or verb is None:
        return text
    rest = text[found.end() :]
    return f"{found[2]} {'list' if verb == 'show' and found[3] and not rest else verb} {rest}"


def called(name: str, commands: Iterable[Command]) -> tuple[Command, ...]:
    """The command with this name, else those for which it is another word."""
    listed = list(commands)
    by_name = [command for command in listed if command.name == name]
    return tuple(by_name or [command for command in listed if name in command.also])


def fitting(found: Sequence[Command], where: Where, named: str = "") -> Command:
    """The one of several commands with the same short word that is meant: by what is `named` behind it, a matter or a
    channel, else by the kind of place. Raises CommandError.
    """
    about = [command for command in found if command.name.startswith(f"{named} ")] if named else []
    if len(about) == 1:
        return about[0]
    kind = where.kind
    here = [command for command in found if any(place.kind is kind for place in command.where)]
    if len(here) == 1:
        return here[0]
    raise CommandError(f"From here it is one of these:\n\n{lines(found)}")


def family(first: str, commands: Iterable[Command]) -> tuple[Command, ...]:
    """The commands of two words that begin with this one."""
    return tuple(command for command in commands if command.name.startswith(f"{first} "))


def nearest(typed: str, commands: Sequence[Command]) -> tuple[Command, ...]:
    """What somebody may have meant: one command, a whole family where only the first word is clear, or nothing."""
    first, second = [*(word[:_LONGEST] for word in typed.casefold().split()[:2]), "", ""][:2]
    if not first:
        return ()
    families = {command.name.split()[0] for command in commands if " " in command.name}
    names = {word: command for command in commands for word in (command.name, *command.also)}
    if first not in families and (near := _near(first, {*families, *(word for word in names if " " not in word)})):
        first = near
    if first in families:
        kin = {command.name.split()[1]: command for command in family(first, commands)}
        near = _near(second, kin)
        return (kin[near],) if near else tuple(kin.values())
    return (names[first],) if first in names else ()


def _near(word: str, known: Iterable[str]) -> str:
    """The known word that is most like this one; empty where none is."""
    return closest(word, sorted(known), _NEAR)


def lines(commands: Iterable[Command]) -> str:
    """A list of commands, one a line."""
    return "\n".join(f"- `{command.usage}`: {command.summary}" for command in commands)
