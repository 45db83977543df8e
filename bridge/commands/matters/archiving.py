"""Archiving a matter's conversation and opening it again, whatever the matter's own status is (M4)."""

from __future__ import annotations

from bridge.commands.asking.matters import matter_link, the_conversation, the_matter
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.commands.asking.where import CHAT, MATTERS, Where
from bridge.operations.matters.changing import archive_conversation, restore_conversation
from bridge.wording.markdown import code, escape


async def _archive(call: Call) -> Answer:
    matter, found = await the_matter(call), await the_conversation(call, "archive", only_mine=True)
    archived = await archive_conversation(call.desk, call.sender, found, call.event_id)
    where = matter_link(call, matter, archived.title, archived.room_id)
    again = code(f"!matter restore {matter.number} {archived.title}")
    return Answer(f"{where} is archived: it can be read and found, not written in. {again} opens it again.")


async def _restore(call: Call) -> Answer:
    matter, found = await the_matter(call), await the_conversation(call, "restore", only_mine=True)
    restored = await restore_conversation(call.desk, call.sender, found, call.event_id)
    where = matter_link(call, matter, restored.title, restored.room_id)
    if restored.is_read_only:
        closed = f"Matter {escape(matter.number)} is closed, so nobody writes in it all the same."
        return Answer(f"{where} is not archived any more. {closed}")
    return Answer(f"{where} is open again.")


_WHICH = (
    Argument("matter", ArgumentType.MATTER, required=False, shown="NUMBER", names_place=True),
    Argument(
        "conversation", ArgumentType.TEXT, required=False, shown="TITLE", names_conversation=True, names_place=True
    ),
)
MATTER_ARCHIVE = Command(
    "matter archive",
    "Make a conversation of a matter read-only",
    _archive,
    _WHICH,
    help="Archives the matter conversation you type this in, or one that you are in and name. It can still be read and"
    " found. It stays archived when the matter is closed and opened again; `!matter restore` undoes it.",
    examples=("!matter archive", "!matter archive 2026-0042 Disclosure"),
    group="Matters",
    where=MATTERS,
    also=("archive",),
)
MATTER_RESTORE = Command(
    "matter restore",
    "Open an archived conversation of a matter again",
    _restore,
    _WHICH,
    help="Opens an archived conversation of a matter again, with everybody who is in it. While the matter is closed"
    " nobody writes in it all the same.",
    examples=("!matter restore", "!matter restore 2026-0042 Disclosure"),
    group="Matters",
    where=CHAT | {Where.CLOSED_MATTER},
    also=("restore", "unarchive"),
)
