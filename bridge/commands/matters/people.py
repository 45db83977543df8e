"""Joining and leaving a matter's conversations (M2)."""

from __future__ import annotations

from bridge.commands.asking.arguments import ConversationHere, ConversationNamed, MatterHere, MatterNamed
from bridge.commands.asking.matters import matter_link, the_conversation, the_matter
from bridge.commands.asking.permissions import EVERYBODY, THOSE_IN_IT, of_matter
from bridge.commands.asking.table import Answer, Call, Command
from bridge.commands.asking.where import MATTERS
from bridge.operations.matters.changing import join_conversation, leave_conversation
from bridge.wording.markdown import code, escape


async def _join(call: Call, matter: MatterNamed, conversation: ConversationNamed = "") -> Answer:
    found = await the_conversation(call, "join", matter, conversation)
    joined = await join_conversation(call.desk, call.sender, matter, found.conversation, call.event_id)
    note = " It can be read, and nobody can write in it." if joined.is_read_only else ""
    return Answer(f"You are in {matter_link(call, matter, joined.title, joined.room_id)}.{note}")


async def _leave(call: Call, matter: MatterHere = None, conversation: ConversationHere = "") -> Answer:
    meant = await the_matter(call, matter)
    found = await the_conversation(call, "leave", matter, conversation, only_mine=True)
    await leave_conversation(call.desk, call.sender, call.user_id, meant, found, call.event_id)
    title = found.conversation.title
    return Answer(
        f"You have left {escape(title)} of matter {escape(meant.number)}."
        f" {code(f'!matter join {meant.number} {title}')} brings you back."
    )


MATTER_JOIN = Command(
    "matter join",
    "Join a conversation of a matter",
    _join,
    help="Makes you a participant of a conversation of a matter that you can see. Name it by its title, or by its"
    " number in `!matter show`; the only one of a matter need not be named.",
    examples=("!matter join 2026-0042 Disclosure", "!matter join 2026-0042 2"),
    group="Matters",
    permission=of_matter(EVERYBODY, EVERYBODY),
)
MATTER_LEAVE = Command(
    "matter leave",
    "Leave a conversation of a matter",
    _leave,
    help="Takes you out of the matter conversation you type this in, or of the one you name. You hear no more of it,"
    " and can join again.",
    examples=("!matter leave", "!matter leave 2026-0042 Disclosure"),
    group="Matters",
    where=MATTERS,
    also=("leave",),
    permission=of_matter(THOSE_IN_IT, THOSE_IN_IT),
)
