"""Giving a matter's conversation another title. The matter's own number and title come from the directory (M4, V1)."""

from __future__ import annotations

import re
from typing import Annotated

from bridge.commands.asking.matter_numbers import first_matter, read_matter, unquoted
from bridge.commands.asking.matters import matter_here, matter_link, pick
from bridge.commands.asking.permissions import NOT_IN_IT, READ_ONLY, THOSE_IN_IT, of_matter
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.commands.asking.unquoted import new_title
from bridge.commands.asking.where import Where
from bridge.firm.conversation import MatterConversation
from bridge.firm.model import Matter
from bridge.mapping.marks import as_typed, first_target
from bridge.operations.matters.changing import rename_conversation
from bridge.operations.matters.finding import conversations_of
from bridge.operations.rooms_named import rooms_named
from bridge.refusal import CommandError

_FROM_TO = re.compile(
    r"[\"“”„«]([^\"“”»]++)[\"“”»]\s*+(?:to\s++)?+(.++)|((?:(?! to ).)++) to (.++)|#?(\d++) (.++)", re.DOTALL
)
"""The present title and the new one, where blanks are single."""
_USAGE = 'Which conversation? Type this in it, or name it first: `!matter rename NUMBER "Old title" to New title`'


async def _rename(call: Call, title: Annotated[str, Argument(ArgumentType.MARKED, "NEW TITLE")]) -> Answer:
    matter, found, typed = await _what(call, title)
    renamed = await rename_conversation(call.desk, call.sender, matter, found.conversation, typed, call.event_id)
    return Answer(f"It is called {matter_link(call, matter, renamed.title, renamed.room_id)} now.")


async def _what(call: Call, text: str) -> tuple[Matter, MatterConversation, str]:
    """The matter, its conversation, and the new title. Raises CommandError."""
    firm = call.desk.firm()
    typed_in = await matter_here(call)
    behind = first_matter(text, firm, call.sender, call.desk.today())[1]
    from_to = behind != text and _FROM_TO.fullmatch(" ".join(as_typed(behind).split()))
    if typed_in is not None and not from_to and (matter := firm.matters.get(typed_in.matter_id)) is not None:
        listed = await conversations_of(call.desk, matter)
        found = next(one for one in listed if one.conversation.id == typed_in.id)
        titles = [one.conversation.title for one in listed]
        return matter, found, new_title(as_typed(text), found.conversation.title, titles)
    pointed = first_target(text)
    room = (await rooms_named(call.desk, call.sender, text)).get(pointed[0]) if pointed else None
    if pointed and room and room.matter and (here := room.conversation):
        listed = await conversations_of(call.desk, room.matter)
        found = next(one for one in listed if one.conversation.id == here.id)
        return room.matter, found, unquoted(as_typed(pointed[1]).removeprefix("to "))
    named, rest = (
        (room.matter, pointed[1])
        if pointed and room and room.matter
        else read_matter(text, firm, call.sender, call.desk.today())
    )
    parts = _FROM_TO.fullmatch(" ".join(as_typed(rest).split()))
    if named is None or parts is None:
        raise CommandError(_USAGE)
    old, new = (part for part in parts.groups() if part is not None)
    listed = await conversations_of(call.desk, named)
    return named, pick(named, listed, old), unquoted(new)


MATTER_RENAME = Command(
    "matter rename",
    "Give a conversation of a matter another title",
    _rename,
    help="Renames the matter conversation you type this in. Elsewhere put the matter's number and the present title"
    " first. The matter's own number and title come from the firm's directory.",
    examples=("!matter rename Expert evidence", '!matter rename 2026-0042 "Disclosure" to Expert evidence'),
    group="Matters",
    where=frozenset({Where.MATTER}),
    also=("rename",),
    permission=of_matter(THOSE_IN_IT, (READ_ONLY, NOT_IN_IT)),
)
