"""Telling somebody in their chat with the bot why something they did in their client was put back (V1)."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from bridge.commands.replies import notice
from bridge.firm.conversation import bot_chat_id
from bridge.handlers.inbox import Effect
from bridge.store.conversations import room_of
from bridge.store.outbox import Outgoing

log = structlog.get_logger(__name__)


def telling(staff_id: str, event_id: str, markdown: str, bot_id: str) -> Effect:
    """A unit of work that gives the message. Handling the event again sends it once."""

    def effect() -> Sequence[Outgoing]:
        room_id = room_of(bot_chat_id(staff_id))
        if room_id is None:
            log.warning("no_chat_to_tell", staff=staff_id, event_id=event_id)
            return ()
        return [Outgoing(f"{event_id}/why", room_id, bot_id, "m.room.message", notice(markdown))]

    return effect
