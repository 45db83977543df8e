"""Who pinned what and when. Times are milliseconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from bridge.firm.webhooks import EventType
from bridge.mapping.pins import List, Seen
from bridge.store import models
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.record.happenings import ToTell, happened


@dataclass(frozen=True, slots=True)
class Pin:
    """A pinned message."""

    event_id: str
    staff_id: str
    """Who pinned it; empty where that is not known."""
    at_ms: int


def pins_of(unit: ReadUnit, conversation_id: str) -> tuple[Pin, ...]:
    """A conversation's pins in the order of the room's list."""
    row = models.Pin
    found = row.select().where(row.conversation_id == conversation_id).order_by(row.place)
    return tuple(Pin(one.event_id, one.staff_id, one.at_ms) for one in unit.all(found))


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists of the last moments, oldest first, and the event id of the one that was handled last."""

    seen: tuple[Seen, ...] = ()
    cause: str = ""


def lists_of(unit: ReadUnit, conversation_id: str) -> Lists:
    """A conversation's lists of the last moments."""
    found = unit.find(models.PinLists, models.PinLists.conversation_id == conversation_id)
    if found is None:
        return Lists()
    return Lists(tuple(Seen(tuple(pins), at_ms) for pins, at_ms in orjson.loads(found.data)), found.cause)


def store_pins(
    unit: Unit, conversation_id: str, pins: List, staff_id: str, at_ms: int, lists: Lists | None = None
) -> None:
    """Make these the pins. Those that are new were pinned by this person at this time.

    `lists` replaces the lists of the moment; None leaves them.
    """
    before = {pin.event_id: pin for pin in pins_of(unit, conversation_id)}
    unit.run(models.Pin.delete().where(models.Pin.conversation_id == conversation_id))
    rows = [
        {
            "conversation_id": conversation_id,
            "event_id": event_id,
            "place": place,
            "staff_id": before[event_id].staff_id if event_id in before else staff_id,
            "at_ms": before[event_id].at_ms if event_id in before else at_ms,
        }
        for place, event_id in enumerate(pins)
    ]
    if rows:
        unit.run(models.Pin.insert_many(rows))
    changed = [(EventType.PIN_ADDED, one) for one in pins if one not in before]
    changed += [(EventType.PIN_REMOVED, one) for one in before if one not in pins]
    happened(
        unit,
        [
            ToTell(kind, conversation_id, staff_id, staff_id, event_id=event_id, at_ms=at_ms)
            for kind, event_id in changed
        ],
    )
    if lists is not None:
        data = orjson.dumps([(one.pins, one.at_ms) for one in lists.seen]).decode()
        row = models.PinLists
        unit.run(
            row.insert(conversation_id=conversation_id, data=data, cause=lists.cause).on_conflict(
                conflict_target=[row.conversation_id], update={row.data: data, row.cause: lists.cause}
            )
        )
