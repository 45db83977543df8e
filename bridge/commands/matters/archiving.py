"""Archiving a matter's conversation and opening it again, whatever the matter's own status is (M4)."""

from __future__ import annotations

from bridge.commands.asking.arguments import ConversationHere, MatterHere
from bridge.commands.asking.matters import matter_link, the_conversation, the_matter
from bridge.commands.asking.permissions import THOSE_IN_IT, of_matter
from bridge.commands.asking.table import Answer, Call, Command
from bridge.commands.asking.where import CHAT, MATTERS, Where
from bridge.operations.matters.changing import archive_conversation, restore_conversation
from bridge.wording.markdown import code, escape


async def _archive(call: Call, matter: MatterHere = None, conversation: ConversationHere = "") -> Answer:
    meant = await the_matter(call, matter)
    found = await the_conversation(call, "archive", matter, conversation, only_mine=True)
    archived = await archive_conversation(call.desk, call.sender, found, call.event_id)
    where = matter_link(call, meant, archived.title, archived.room_id)
    again = code(f"!matter restore {meant.number} {archived.title}")
    return Answer(f"{where} is archived: it can be read and found, not written in. {again} opens it again.")


async def _restore(call: Call, matter: MatterHere = None, conversation: ConversationHere = "") -> Answer:
    meant = await the_matter(call, matter)
    found = await the_conversation(call, "restore", matter, conversation, only_mine=True)
    restored = await restore_conversation(call.desk, call.sender, found, call.event_id)
    where = matter_link(call, meant, restored.title, restored.room_id)
    if restored.is_read_only:
        closed = f"Matter {escape(meant.number)} is closed, so nobody writes in it all the same."
        return Answer(f"{where} is not archived any more. {closed}")
    return Answer(f"{where} is open again.")


MATTER_ARCHIVE = Command(
    "matter archive",
    "Make a conversation of a matter read-only",
    _archive,
    help="Archives the matter conversation you type this in, or one that you are in and name. It can still be read and"
    " found. It stays archived when the matter is closed and opened again; `!matter restore` undoes it.",
    examples=("!matter archive", "!matter archive 2026-0042 Disclosure"),
    group="Matters",
    where=MATTERS,
    also=("archive",),
    permission=of_matter(THOSE_IN_IT, THOSE_IN_IT),
)
MATTER_RESTORE = Command(
    "matter restore",
    "Open an archived conversation of a matter again",
    _restore,
    help="Opens an archived conversation of a matter again, with everybody who is in it. While the matter is closed"
    " nobody writes in it all the same.",
    examples=("!matter restore", "!matter restore 2026-0042 Disclosure"),
    group="Matters",
    where=CHAT | {Where.CLOSED_MATTER},
    also=("restore", "unarchive"),
    permission=of_matter(THOSE_IN_IT, THOSE_IN_IT),
)
