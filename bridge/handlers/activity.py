"""When the newest message came in each channel, noted as messages come by and without keeping their text (C3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from bridge.firm.conversation import ConversationKind
from bridge.handlers.places import Places
from bridge.store.channels import note_messages

Json = dict[str, Any]
Unit = Callable[[], None]


def is_news(event: Json, bot_id: str) -> bool:
    """Whether an event is a message that somebody wrote anew: no edit, and not the bot's."""
    if event["type"] not in {"m.room.message", "m.sticker"} or event["sender"] == bot_id:
        return False
    relation = event["content"].get("m.relates_to")
    return not (isinstance(relation, dict) and relation.get("rel_type") == "m.replace")


class Activity:
    """Notes the newest message of every channel."""

    def __init__(self, places: Places, bot_id: str) -> None:
        self._places = places
        self._bot_id = bot_id

    async def news(self, events: Sequence[Json]) -> Unit | None:
        """What to write down of the events of a transaction before it is answered, if anything. Raises StoreError."""
        rooms: dict[str, int] = {}
        for event in events:
            if is_news(event, self._bot_id):
                room_id, at_ms = event["room_id"], int(event["origin_server_ts"])
                if at_ms > rooms.get(room_id, 0):
                    rooms[room_id] = at_ms
        newest: dict[str, int] = {}
        for room_id, at_ms in rooms.items():
            place = await self._places.place(room_id)
            if place is not None and place.kind is ConversationKind.CHANNEL:
                newest[place.key] = at_ms
        return partial(note_messages, newest) if newest else None
