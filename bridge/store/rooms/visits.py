"""Direct conversations that the bot is in for a moment, so that its leaving survives a crash (D3, D4)."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.clock import now_ms
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import BotVisit
from bridge.store.rooms.made import room_of


@dataclass(frozen=True, slots=True)
class Visit:
    """The bot may be in this room, and must not stay."""

    room_id: str
    conversation_id: str


def begin_visit(unit: Unit, conversation_id: str) -> str | None:
    """Note that the bot goes into the room of a conversation, and return its id; None where it has none."""
    room_id = room_of(unit, conversation_id)
    if room_id is not None:
        visit = BotVisit.insert(room_id=room_id, conversation_id=conversation_id, at_ms=now_ms())
        unit.run(visit.on_conflict_ignore())
    return room_id


def end_visit(unit: Unit, room_id: str) -> None:
    """Note that the bot has left."""
    unit.run(BotVisit.delete().where(BotVisit.room_id == room_id))


def visits_under_way(unit: ReadUnit) -> list[Visit]:
    """The visits whose end is not known, the oldest first."""
    return [
        Visit(str(row.room_id), str(row.conversation_id))
        for row in unit.all(BotVisit.select().order_by(BotVisit.at_ms))
    ]
