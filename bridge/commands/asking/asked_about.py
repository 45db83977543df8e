"""Whom and what an admin asks about: anybody the directory has, leavers too, and a matter, channel or room."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bridge.commands.asking.table import Call
from bridge.firm.conversation import Conversation, channel_key
from bridge.firm.matter_search import matters_numbered
from bridge.firm.model import Matter, Staff
from bridge.firm.room_keys import matter_of_space
from bridge.firm.sight import Sight
from bridge.operations.everybody import Everybody
from bridge.refusal import CommandError
from bridge.store.rooms.channels import channel_named
from bridge.store.rooms.conversations import conversation_by_id, staff_by_localpart
from bridge.store.rooms.questions import key_behind
from bridge.wording.markdown import repeated

_WORDS_OF_NAME = 5
_QUOTED = re.compile(r"[\"“”„]([^\"“”]++)[\"“”]\s*+")


async def everybody(call: Call) -> Everybody:
    """All people, as the directory has them now."""
    accounts = await call.desk.store.read(staff_by_localpart)
    return Everybody(call.desk.firm(), accounts, call.desk.server_name)


def first_person(people: Everybody, text: str) -> tuple[Staff, str]:
    """The person whom the first words name, and the rest. Raises CommandError where they name nobody."""
    for start, rest in _beginnings(text):
        if (found := people.named(start.rstrip(",:;"))) is not None:
            return found, rest
    raise people.unknown(text.split(" ", 1)[0])


async def the_person(call: Call, typed: str) -> Staff:
    """The one person who is named, leavers included. Raises CommandError for nobody, or for more than a name."""
    if not typed:
        raise CommandError("Tell me who: put a mention, an e-mail address or the name behind the command.")
    person, rest = first_person(await everybody(call), typed)
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


async def find_place(call: Call, sight: Sight, typed: str) -> Matter | Conversation:
    """The matter with this number, the channel with this name, or what the room with this id, address or link is.

    Raises CommandError. What must not be seen is looked for and answered like what is not there (M3, D4).
    """
    wanted = " ".join(typed.split()).strip("\"'“”„").strip()
    numbered = [one for one in matters_numbered(sight.firm, wanted) if sight.matter(one)]
    if len(numbered) == 1:
        return numbered[0]
    alias = wanted.removeprefix("#").partition(":")[0]
    name = channel_key(wanted.removeprefix("#"))

    def unit() -> tuple[str | None, Conversation | None]:
        channel = channel_named(name)
        key = channel.id if channel is not None else key_behind(wanted, alias)
        return key, conversation_by_id(key or "")

    key, conversation = await call.desk.store.read(unit)
    if conversation is not None and sight.conversation(conversation):
        return conversation
    found = sight.firm.matters.get(matter_of_space(key or "") or "")
    if found is not None and sight.matter(found):
        return found
    raise CommandError(
        f"There is no matter, channel or room {repeated(typed)} that you can see."
        " `!matter list` and `!channel list` show those you can."
    )
