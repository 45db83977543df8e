"""Which command is meant: by its name, by another word for it, or by what comes nearest to a word that is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bridge.commands.asking.table import Command
from bridge.commands.asking.where import Where
from bridge.mapping.near import closest
from bridge.refusal import CommandError

_LONGEST = 40
"""Characters of a word that is compared; no command is longer."""
_NEAR = 0.66
"""How alike two words must be (difflib: 1 is the same), so that a slip of one or two letters is forgiven."""


def called(name: str, commands: Iterable[Command]) -> tuple[Command, ...]:
    """The command with this name, else those for which it is another word."""
    listed = list(commands)
    by_name = [command for command in listed if command.name == name]
    return tuple(by_name or [command for command in listed if name in command.also])


def fitting(found: Sequence[Command], where: Where) -> Command:
    """The one of several commands with the same short word that is meant in this kind of place. Raises CommandError."""
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
