"""Messages that somebody deleted: they are unpinned, and their files leave the lists and are quarantined where the
firm wants it (V2, V3, V4)."""

from __future__ import annotations

from functools import partial
from typing import Any

from bridge.desk import Desk
from bridge.handlers.file_rules import quarantine_deleted
from bridge.handlers.files import forgetting
from bridge.handlers.pins import current_list, write_pins
from bridge.handlers.places import Place, Places
from bridge.mapping.pins import listed
from bridge.operations.telling import Effect
from bridge.store.rooms.pins import pins_of, store_pins

Json = dict[str, Any]


def is_redaction(event: Json) -> bool:
    """Whether an event deletes another."""
    return event.get("type") == "m.room.redaction" and bool(redacted(event))


def redacted(event: Json) -> str:
    """Which event it deletes. From room version 11 on it stands in the content (specification: m.room.redaction)."""
    event_id = event.get("redacts") or event.get("content", {}).get("redacts")
    return event_id if isinstance(event_id, str) else ""


async def handle_redaction(event: Json, desk: Desk, places: Places) -> Effect | None:
    """Unpin what was deleted, and take its file off the lists."""
    place = await places.place(event["room_id"])
    if place is None or place.kind is None:
        return None
    gone = redacted(event)
    unpinned = await _unpinned(event, gone, place, desk)
    await quarantine_deleted(event["room_id"], gone, desk)
    forgotten = await forgetting(event, gone, places)

    def unit() -> None:
        if unpinned is not None:
            unpinned()
        forgotten()

    return unit


async def _unpinned(event: Json, gone: str, place: Place, desk: Desk) -> Effect | None:
    before = await desk.store.read(lambda: tuple(pin.event_id for pin in pins_of(place.key)))
    if gone not in before:
        return None
    shown = listed((await current_list(event["room_id"], desk)).get("content")) or before
    if gone in shown:
        await write_pins(tuple(pin for pin in shown if pin != gone), event["room_id"], place, desk)
    left = tuple(pin for pin in before if pin != gone)
    return partial(store_pins, place.key, left, "", int(event["origin_server_ts"]))
