"""Telling somebody in their chat with the bot why something they did in their client was put back (V1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from bridge.firm.conversation import bot_chat_id
from bridge.store.engine.unit import Unit
from bridge.store.queues.outbox import enqueue
from bridge.store.rooms.made import room_of
from bridge.wording.markdown import notice, text_message

log = structlog.get_logger(__name__)
Effect = Callable[[Unit], None]


def all_of(effects: Sequence[Effect]) -> Effect:
    """A unit that does these in order."""

    def effect(unit: Unit) -> None:
        for each in effects:
            each(unit)

    return effect


def say_in(unit: Unit, room_id: str, key: str, markdown: str, bot_id: str) -> None:
    """Have the bot say something in a room, once for each key."""
    enqueue(unit, key, room_id, bot_id, "m.room.message", notice(markdown))


def tell(unit: Unit, staff_id: str, event_id: str, markdown: str, bot_id: str) -> None:
    """Queue the message. Handling the event again sends it once."""
    room_id = room_of(unit, bot_chat_id(staff_id))
    if room_id is None:
        log.warning("no_chat_to_tell", staff=staff_id, event_id=event_id)
        return
    enqueue(unit, f"{event_id}/why", room_id, bot_id, "m.room.message", text_message(markdown))
