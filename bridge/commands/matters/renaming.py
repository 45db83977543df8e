"""Giving a matter's conversation another title. The matter's own number and title come from the directory (M4, V1)."""

from __future__ import annotations

import re

from bridge.commands.asking.matter_numbers import read_matter, unquoted
from bridge.commands.asking.matters import is_in, matter_here, pick
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.commands.asking.where import Where
from bridge.commands.matters.starting import checked_title
from bridge.firm.conversation import MatterConversation
from bridge.firm.model import Matter
from bridge.firm.policy import is_read_only
from bridge.mapping.marks import as_typed, first_target
from bridge.mapping.names import conversation_name
from bridge.operations.rooms import made_room
from bridge.operations.rooms_named import rooms_named
from bridge.refusal import CommandError
from bridge.store.rooms.matters import conversations_of_matter, rename_in_matter
from bridge.wording.markdown import escape

_FROM_TO = re.compile(
    r"[\"“”„«]([^\"“”»]++)[\"“”»]\s*+(?:to\s++)?+(.++)|((?:(?! to ).)++) to (.++)|#?(\d++) (.++)", re.DOTALL
)
"""The present title and the new one, where blanks are single."""
_USAGE = 'Which conversation? Type this in it, or name it first: `!matter rename NUMBER "Old title" to New title`'


async def _rename(call: Call) -> Answer:
    matter, found, typed = await _what(call)
    conversation = found.conversation
    if not is_in(call, conversation):
        raise CommandError("Only somebody who is in the conversation can rename it.")
    if is_read_only(call.desk.firm(), conversation):
        raise CommandError(f"{escape(conversation.title)} is read-only, so its title stays as it is.")
    title = checked_title(unquoted(typed))
    taken = await call.desk.store.run(
        lambda: rename_in_matter(conversation.id, matter.id, title, by=call.sender.id, cause=call.event_id)
    )
    if taken is not None:
        number = escape(matter.number)
        raise CommandError(f"Matter {number} has a conversation called {escape(taken)}. Choose another title.")
    room_id = await made_room(call.desk, conversation.id, call.sender.id, call.event_id)
    name = conversation_name(matter, title, call.desk.settings.firm.first_matter_conversation_title)
    return Answer(f"It is called {link(call, name, room_id)} now.")


async def _what(call: Call) -> tuple[Matter, MatterConversation, str]:
    """The matter, its conversation, and the new title as typed. Raises CommandError."""
    firm, text = call.desk.firm(), call.values["title"]
    typed_in = await matter_here(call)
    if typed_in is not None and (matter := firm.matters.get(typed_in.matter_id)) is not None:
        listed = await call.desk.store.read(lambda: conversations_of_matter(matter.id))
        return matter, next(one for one in listed if one.conversation.id == typed_in.id), as_typed(text)
    pointed = first_target(text)
    room = (await rooms_named(call.desk, call.sender, text)).get(pointed[0]) if pointed else None
    if pointed and room and room.matter and (here := room.conversation):
        listed = await call.desk.store.read(lambda: conversations_of_matter(here.matter_id))
        found = next(one for one in listed if one.conversation.id == here.id)
        return room.matter, found, as_typed(pointed[1]).removeprefix("to ")
    named, rest = (
        (room.matter, pointed[1])
        if pointed and room and room.matter
        else read_matter(text, firm, call.sender, call.desk.reconciler.today())
    )
    parts = _FROM_TO.fullmatch(" ".join(as_typed(rest).split()))
    if named is None or parts is None:
        raise CommandError(_USAGE)
    old, new = (part for part in parts.groups() if part is not None)
    listed = await call.desk.store.read(lambda: conversations_of_matter(named.id))
    return named, pick(named, listed, old), new


MATTER_RENAME = Command(
    "matter rename",
    "Give a conversation of a matter another title",
    _rename,
    (Argument("title", ArgumentType.MARKED, shown="NEW TITLE"),),
    help="Renames the matter conversation you type this in. Elsewhere put the matter's number and the present title"
    " first. The matter's own number and title come from the firm's directory.",
    examples=("!matter rename Expert evidence", '!matter rename 2026-0042 "Disclosure" to Expert evidence'),
    group="Matters",
    where=frozenset({Where.MATTER}),
    also=("rename",),
)
