"""Up to where people have read (P5). Times are milliseconds, by the homeserver's clock."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass

from bridge.store.engine.sql import batched
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import ReadPosition


@dataclass(frozen=True, slots=True)
class Position:
    """Up to where somebody has read in a room."""

    room_id: str
    staff_id: str
    threads: bool
    """Whether it is said of what stands in threads as well."""
    event_id: str
    event_ms: int | None
    """When that event was sent; None where it is not known."""
    at_ms: int
    """When they read it."""


@dataclass(frozen=True, slots=True)
class ReadOn:
    """News for those who listen to the store: in these rooms somebody has read on."""

    rooms: frozenset[str]


def note_positions(unit: Unit, positions: Collection[Position]) -> None:
    """Note where these people are now, in the place of where they were. Announces ReadOn."""
    unit.announce(ReadOn(frozenset(one.room_id for one in positions)))
    for some in batched(positions):
        unit.run(
            ReadPosition.insert_many([asdict(one) for one in some]).on_conflict(
                conflict_target=[ReadPosition.room_id, ReadPosition.staff_id, ReadPosition.threads],
                preserve=[ReadPosition.event_id, ReadPosition.event_ms, ReadPosition.at_ms],
            )
        )


def positions_in(unit: ReadUnit, room_id: str) -> list[Position]:
    """Where everybody is in a room who ever was in it."""
    rows = unit.all(ReadPosition.select().where(ReadPosition.room_id == room_id))
    return [Position(one.room_id, one.staff_id, one.threads, one.event_id, one.event_ms, one.at_ms) for one in rows]


def any_position(unit: ReadUnit) -> bool:
    """Whether the homeserver ever told of anybody."""
    return unit.first(ReadPosition.select()) is not None
