"""Who was mentioned, for as long as they may still be told of it elsewhere. Times are milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import Mention

_ADD = "INSERT INTO mention (event_id, staff_id, room_id, at_ms) VALUES {rows} ON CONFLICT DO NOTHING"
_BEFORE = "SELECT event_id, staff_id, room_id, at_ms FROM mention WHERE at_ms <= ? ORDER BY at_ms, event_id LIMIT ?"


@dataclass(frozen=True, slots=True)
class Mentioned:
    """Somebody whom a message mentions."""

    event_id: str
    staff_id: str
    room_id: str
    at_ms: int
    """When the bridge heard of the message."""


def note_mentions(unit: Unit, mentions: Sequence[Mentioned]) -> None:
    """Note whom messages mention; one that comes twice is one."""
    unit.execute_rows(_ADD, "(?, ?, ?, ?)", [astuple(one) for one in mentions])


def mentions_before(unit: ReadUnit, at_ms: int, most: int) -> list[Mentioned]:
    """The oldest of those up to this time."""
    return [Mentioned(*row) for row in unit.rows(_BEFORE, at_ms, most)]


def forget_mentions(unit: Unit, staff_id: str, room_id: str) -> bool:
    """Note no longer that somebody was mentioned in a room. Whether it was noted."""
    return bool(unit.run(Mention.delete().where(Mention.staff_id == staff_id, Mention.room_id == room_id)))


def forget_mentions_before(unit: Unit, at_ms: int) -> int:
    """Note no longer who was mentioned up to this time. How many that were."""
    return unit.run(Mention.delete().where(Mention.at_ms <= at_ms))
