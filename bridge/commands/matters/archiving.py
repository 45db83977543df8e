"""Archiving a matter's conversation and opening it again, whatever the matter's own status is (M4)."""

from __future__ import annotations

from bridge.commands.asking.matters import is_in, the_conversation, the_matter
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.commands.asking.where import CHAT, MATTERS, Where
from bridge.firm.conversation import Conversation, MatterConversation
from bridge.firm.model import Matter
from bridge.firm.policy import is_read_only
from bridge.mapping.names import conversation_name
from bridge.operations.rooms import made_room
from bridge.refusal import CommandError
from bridge.store.queues.outbox import enqueue
from bridge.store.rooms.channels import archive, restore
from bridge.store.rooms.conversations import conversation_by_id
from bridge.wording.markdown import code, escape, notice


async def _mine(call: Call, verb: str) -> tuple[Matter, MatterConversation]:
    """The matter and its conversation, in which the sender is. Raises CommandError."""
    matter, found = await the_matter(call), await the_conversation(call, verb, only_mine=True)
    if not is_in(call, found.conversation):
        raise CommandError(f"Only somebody who is in the conversation can {verb} it.")
    return matter, found


async def _archive(call: Call) -> Answer:
    matter, found = await _mine(call, "archive")
    again = code(f"!matter restore {matter.number} {found.conversation.title}")

    def unit() -> None:
        if archive(found.conversation.id, call.sender.id, call.event_id):
            _say(call, found, f"{escape(call.sender.name)} archived this conversation. It can be read, not written in.")

    await call.desk.store.run(unit)
    room_id = await made_room(call.desk, found.conversation.id, call.sender.id, call.event_id)
    where = link(call, _name(call, matter, found.conversation), room_id)
    return Answer(f"{where} is archived: it can be read and found, not written in. {again} opens it again.")


async def _restore(call: Call) -> Answer:
    matter, found = await _mine(call, "restore")

    def unit() -> Conversation | None:
        if restore(found.conversation.id, call.sender.id, call.event_id):
            _say(call, found, f"{escape(call.sender.name)} opened this conversation again.")
        return conversation_by_id(found.conversation.id)

    now = await call.desk.store.run(unit)
    room_id = await made_room(call.desk, found.conversation.id, call.sender.id, call.event_id)
    where = link(call, _name(call, matter, found.conversation), room_id)
    if now is not None and is_read_only(call.desk.firm(), now):
        closed = f"Matter {escape(matter.number)} is closed, so nobody writes in it all the same."
        return Answer(f"{where} is not archived any more. {closed}")
    return Answer(f"{where} is open again.")


def _name(call: Call, matter: Matter, conversation: Conversation) -> str:
    return conversation_name(matter, conversation.title, call.desk.settings.firm.first_matter_conversation_title)


def _say(call: Call, found: MatterConversation, text: str) -> None:
    """Inside a unit: have the bot say something in the conversation."""
    if found.room_id is not None:
        enqueue(f"{call.event_id}/notice", found.room_id, call.desk.settings.bot_id, "m.room.message", notice(text))


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
