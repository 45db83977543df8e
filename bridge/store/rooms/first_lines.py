"""Conversations in which the bot still has to say who started them."""

from __future__ import annotations

from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import Conversation, FirstLine, Room


def first_line_due(unit: ReadUnit, conversation_id: str) -> str | None:
    """The staff id of who started a conversation in which that is still to be said; None where it is not."""
    row = unit.first(
        Conversation.select(Conversation.created_by)
        .join(FirstLine, on=(FirstLine.conversation_id == Conversation.id))
        .where(Conversation.id == conversation_id)
    )
    return None if row is None else str(row.created_by)


def first_lines_due(unit: ReadUnit, before_ms: int) -> list[str]:
    """The ids of such conversations that have a room and were started before then."""
    rows = unit.tuples(
        FirstLine.select(FirstLine.conversation_id)
        .join(Conversation, on=(Conversation.id == FirstLine.conversation_id))
        .join(Room, on=(Room.key == Conversation.id))
        .where(Conversation.created_at < before_ms, Room.room_id.is_null(False))
        .order_by(Conversation.created_at)
    )
    return [conversation_id for (conversation_id,) in rows]


def mark_first_line_said(unit: Unit, conversation_id: str) -> None:
    """Note that it is said."""
    unit.run(FirstLine.delete().where(FirstLine.conversation_id == conversation_id))
