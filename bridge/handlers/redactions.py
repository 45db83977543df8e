"""Messages that somebody deleted: they are unpinned, and their files leave the lists and are quarantined where the
firm wants it (V2, V3, V4)."""

from __future__ import annotations

from bridge.desk import Desk
from bridge.handlers.arrival import Arrival, Context
from bridge.handlers.file_rules import quarantine_deleted
from bridge.handlers.files import forgetting
from bridge.handlers.pins import current_list, write_pins
from bridge.mapping.event import Event
from bridge.mapping.pins import listed
from bridge.operations.telling import Effect, all_of
from bridge.store.engine.unit import later
from bridge.store.rooms.pins import pins_of, store_pins


def is_redaction(event: Event) -> bool:
    """Whether an event deletes another."""
    return event.type == "m.room.redaction" and bool(event.redacts)


async def handle_redaction(arrival: Arrival, context: Context) -> Effect:
    """Unpin what was deleted, and take its file off the lists."""
    unpinned = await _unpinned(arrival, context.desk)
    await quarantine_deleted(arrival.event.room_id, arrival.event.redacts, context.desk)
    return all_of([unit for unit in (unpinned, forgetting(arrival)) if unit is not None])


async def _unpinned(arrival: Arrival, desk: Desk) -> Effect | None:
    event, place, gone = arrival.event, arrival.place, arrival.event.redacts
    before = await desk.store.read(lambda unit: tuple(pin.event_id for pin in pins_of(unit, place.key)))
    if gone not in before:
        return None
    shown = listed((await current_list(event.room_id, desk)).get("content")) or before
    if gone in shown:
        await write_pins(tuple(pin for pin in shown if pin != gone), event.room_id, place, desk)
    left = tuple(pin for pin in before if pin != gone)
    return later(store_pins, place.key, left, "", event.at_ms)
