"""What somebody is told who is looped in: a new conversation's first line, or who added them to one that was there."""

from __future__ import annotations

from collections.abc import Collection

from bridge.clock import now_ms
from bridge.desk import Desk
from bridge.firm.conversation import SHARED, Conversation, ConversationKind, bot_chat_id
from bridge.firm.model import Firm
from bridge.firm.policy import desired_participants
from bridge.firm.systems import system_called
from bridge.mapping.names import matter_name
from bridge.mapping.text import MENTIONS
from bridge.store.engine.unit import Unit
from bridge.store.queues.outbox import enqueue
from bridge.store.rooms.accounts import localparts_of
from bridge.store.rooms.conversations import conversation_by_id
from bridge.store.rooms.first_lines import first_line_due, first_lines_due, mark_first_line_said
from bridge.store.rooms.made import room_of
from bridge.wording.markdown import enumerated, escape, room_link, text_message
from bridge.wording.places import shared_name

_NAMED = 10
"""People whom the line names; of more it says how many."""
_MOMENT_MS = 60_000
"""How long whoever starts a conversation takes to have everybody in it."""


def say_first_line(unit: Unit, conversation_id: str, desk: Desk) -> None:
    """Queue the first line where it is still to be said. Whom it mentions should be in the room by then.

    It counts as unread, since they were brought in: a room they never saw shows nothing by itself.
    """
    started_by = first_line_due(unit, conversation_id)
    if started_by is None:
        return
    found, room_id, firm = conversation_by_id(unit, conversation_id), room_of(unit, conversation_id), desk.firm()
    if found is None or room_id is None:
        return
    mark_first_line_said(unit, conversation_id)
    others = desired_participants(firm, found, desk.today()) - {started_by}
    content = text_message(first_line(firm, found, started_by, others))
    localparts = localparts_of(unit, others)
    named = [f"@{localparts[one]}:{desk.server_name}" for one in sorted(localparts)]
    content[MENTIONS] = {"user_ids": named}
    enqueue(unit, f"{conversation_id}/started", room_id, desk.settings.bot_id, "m.room.message", content)


def tell_added(
    unit: Unit, conversation: Conversation, staff_ids: Collection[str], by: str, cause: str, desk: Desk
) -> None:
    """Part of the unit in which the staff id `by` adds people to a conversation: tell them in their chats with the bot.

    In the room nothing would show them as unread what the others know. `cause` makes it happen once.
    """
    room_id, firm = room_of(unit, conversation.id), desk.firm()
    if room_id is None or conversation.kind not in SHARED or by not in firm.staff:
        return
    there = room_link(shared_name(firm, conversation), room_id, desk.server_name)
    content = text_message(f"{escape(firm.staff[by].name)} added you to {there}.")
    for staff_id in sorted({*staff_ids} - {by}):
        if (chat := room_of(unit, bot_chat_id(staff_id))) is not None:
            enqueue(unit, f"{cause}/added/{staff_id}", chat, desk.settings.bot_id, "m.room.message", content)


async def say_first_lines(desk: Desk) -> None:
    """Say what was not said where the conversation was started, since that was cut short. Raises StoreError."""
    before = now_ms() - _MOMENT_MS
    for conversation_id in await desk.store.read(first_lines_due, before):
        await desk.store.run(lambda unit, due=conversation_id: say_first_line(unit, due, desk))  # type: ignore[misc]


def first_line(firm: Firm, started: Conversation, by: str, others: Collection[str]) -> str:
    """The line, in Markdown. `by` and `others` are staff ids."""
    who = escape(firm.staff[by].name) if by in firm.staff else (system_called(by) or "somebody").capitalize()
    matter = firm.matters.get(started.matter_id)
    if started.kind is ConversationKind.MATTER and matter is not None:
        said = f"{who} started the conversation **{escape(started.title)}** about {escape(matter_name(matter))}"
    else:
        said = f"{who} started the channel **{escape(started.title)}**"
    names = sorted(firm.staff[one].name for one in others)
    if len(names) > _NAMED:
        names = [*names[:_NAMED], f"{len(names) - _NAMED} others"]
    return f"{said}, with {escape(enumerated(names))}." if names else f"{said}."
