"""Telling the firm admins, in their room, that the cabinet cannot be written, and that it can again."""

from __future__ import annotations

from bridge.commands.replies import notice
from bridge.firm.conversation import ADMINS_ID
from bridge.store.conversations import room_of
from bridge.store.outbox import enqueue


def tell_of_cabinet(text: str, bot_id: str, now: int) -> None:
    """A unit: queue the message. Where the firm admins have no room, health and metrics tell as much."""
    room_id = room_of(ADMINS_ID)
    if room_id is not None:
        enqueue(f"cabinet/{now}", room_id, bot_id, "m.room.message", notice(text))
