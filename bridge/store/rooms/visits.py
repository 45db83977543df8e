"""Direct conversations that the bot is in for a moment, so that its leaving survives a crash (D3, D4).

All are units of work.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.clock import now_ms
from bridge.store.models import BotVisit
from bridge.store.rooms.conversations import room_of


@dataclass(frozen=True, slots=True)
class Visit:
    """The bot may be in this room, and must not stay."""

    room_id: str
    conversation_id: str


def begin_visit(conversation_id: str) -> str | None:
    """Note that the bot goes into the room of a conversation, and return its id; None where it has none."""
    room_id = room_of(conversation_id)
    if room_id is not None:
        visit = BotVisit.insert(room_id=room_id, conversation_id=conversation_id, at_ms=now_ms())
        visit.on_conflict_ignore().execute()
    return room_id


def end_visit(room_id: str) -> None:
    """Note that the bot has left."""
    BotVisit.delete().where(BotVisit.room_id == room_id).execute()


def visits_under_way() -> list[Visit]:
    """The visits whose end is not known, the oldest first."""
    return [Visit(str(row.room_id), str(row.conversation_id)) for row in BotVisit.select().order_by(BotVisit.at_ms)]
