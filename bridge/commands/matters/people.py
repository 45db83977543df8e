"""Joining and leaving a matter's conversations (M2)."""

from __future__ import annotations

from dataclasses import replace

from bridge.commands.asking.matters import the_conversation, the_matter
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.commands.asking.where import MATTERS
from bridge.firm.policy import is_read_only
from bridge.mapping.names import conversation_name
from bridge.operations.rooms import made_room
from bridge.refusal import CommandError
from bridge.store.rooms.participants import drop, pick
from bridge.wording.markdown import code, escape

_CONVERSATION = Argument("conversation", ArgumentType.TEXT, required=False, shown="TITLE", names_conversation=True)


async def _join(call: Call) -> Answer:
    matter, found = await the_matter(call), (await the_conversation(call, "join")).conversation
    await call.desk.store.run(lambda: pick(found.id, [call.sender.id], call.sender.id, call.event_id))
    room_id = await made_room(call.desk, found.id, call.sender.id, call.event_id)
    closed = is_read_only(call.desk.firm(), found)
    note = " It can be read, and nobody can write in it." if closed else ""
    label = conversation_name(matter, found.title, call.desk.settings.firm.first_matter_conversation_title)
    return Answer(f"You are in {link(call, label, room_id)}.{note}")


async def _leave(call: Call) -> Answer:
    matter, found = await the_matter(call), await the_conversation(call, "leave", only_mine=True)
    conversation = found.conversation
    left = await call.desk.store.run(lambda: drop(conversation.id, [call.sender.id], call.sender.id, call.event_id))
    if not left:
        raise CommandError(f"You are not in {escape(conversation.title)} of matter {escape(matter.number)}.")
    if found.room_id is not None:
        # In their own name, so that no client tells them that the bot removed them.
        await call.desk.homeserver.leave(found.room_id, call.user_id)
    await call.desk.reconciler.converge(conversation.id)
    return Answer(
        f"You have left {escape(conversation.title)} of matter {escape(matter.number)}."
        f" {code(f'!matter join {matter.number} {conversation.title}')} brings you back."
    )


MATTER_JOIN = Command(
    "matter join",
    "Join a conversation of a matter",
    _join,
    (Argument("matter", ArgumentType.MATTER, shown="NUMBER"), _CONVERSATION),
    help="Makes you a participant of a conversation of a matter that you can see. Name it by its title, or by its"
    " number in `!matter show`; the only one of a matter need not be named.",
    examples=("!matter join 2026-0042 Disclosure", "!matter join 2026-0042 2"),
    group="Matters",
)
MATTER_LEAVE = Command(
    "matter leave",
    "Leave a conversation of a matter",
    _leave,
    (
        Argument("matter", ArgumentType.MATTER, required=False, shown="NUMBER", names_place=True),
        replace(_CONVERSATION, names_place=True),
    ),
    help="Takes you out of the matter conversation you type this in, or of the one you name. You hear no more of it,"
    " and can join again.",
    examples=("!matter leave", "!matter leave 2026-0042 Disclosure"),
    group="Matters",
    where=MATTERS,
    also=("leave",),
)
