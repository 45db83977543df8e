"""Conversations in which the bot still has to say who started them. All are units of work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from bridge.store.models import Conversation, FirstLine, Room


def first_line_due(conversation_id: str) -> str | None:
    """The staff id of who started a conversation in which that is still to be said; None where it is not."""
    row = (
        Conversation.select(Conversation.created_by)
        .join(FirstLine, on=(FirstLine.conversation_id == Conversation.id))
        .where(Conversation.id == conversation_id)
        .get_or_none()
    )
    return None if row is None else str(row.created_by)


def first_lines_due(before_ms: int) -> list[str]:
    """The ids of such conversations that have a room and were started before then."""
    rows = (
        FirstLine.select(FirstLine.conversation_id)
        .join(Conversation, on=(Conversation.id == FirstLine.conversation_id))
        .join(Room, on=(Room.key == Conversation.id))
        .where(Conversation.created_at < before_ms, Room.room_id.is_null(False))
        .order_by(Conversation.created_at)
        .tuples()
    )
    return [conversation_id for (conversation_id,) in cast("Iterable[tuple[str]]", rows)]


def mark_first_line_said(conversation_id: str) -> None:
    """Note that it is said."""
    FirstLine.delete().where(FirstLine.conversation_id == conversation_id).execute()
