"""Whom an admin asks about: anybody the directory has, leavers too."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bridge.commands.asking.table import Call
from bridge.firm.model import Staff
from bridge.operations.everybody import Everybody, everybody
from bridge.refusal import CommandError
from bridge.wording.markdown import repeated

_WORDS_OF_NAME = 5
_QUOTED = re.compile(r"[\"“”„]([^\"“”]++)[\"“”]\s*+")


def first_person(people: Everybody, text: str) -> tuple[Staff, str]:
    """The person whom the first words name, and the rest. Raises Refusal where they name nobody."""
    for start, rest in _beginnings(text):
        # An initial may end a name with a full stop.
        if (found := people.named(start.rstrip(",:;")) or people.named(start.rstrip(",:;.?!"))) is not None:
            return found, rest
    raise people.unknown(text.split(" ", 1)[0])


async def the_person(call: Call, typed: str) -> Staff:
    """The one person who is named, leavers included. Raises Refusal for nobody, CommandError for more than a name."""
    if not typed:
        raise CommandError("Tell me who: put a mention, an e-mail address or the name behind the command.")
    person, rest = first_person(await everybody(call.desk), typed)
    if rest:
        raise CommandError(f"Name one person and nothing else; I do not understand {repeated(rest)}. Nothing was done.")
    return person


def _beginnings(text: str) -> Iterator[tuple[str, str]]:
    """The first words of a text and the rest, the longest beginning first; a mention or what is quoted is whole."""
    if (quoted := _QUOTED.match(text)) is not None:
        yield quoted[1], text[quoted.end() :]
        return
    words = text.split()
    longest = 1 if text.startswith("@") else _WORDS_OF_NAME
    for count in range(min(longest, len(words)), 0, -1):
        yield " ".join(words[:count]), " ".join(words[count:])
