"""When the newest message came in each channel, noted as messages come by and without keeping their text (C3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bridge.firm.conversation import ConversationKind
from bridge.handlers.places import Places
from bridge.store.channels import note_messages
from bridge.store.store import Store

Json = dict[str, Any]


def is_news(event: Json, bot_id: str) -> bool:
    """Whether an event is a message that somebody wrote anew: no edit, and not the bot's."""
    if event["type"] not in {"m.room.message", "m.sticker"} or event["sender"] == bot_id:
        return False
    relation = event["content"].get("m.relates_to")
    return not (isinstance(relation, dict) and relation.get("rel_type") == "m.replace")


class Activity:
    """Notes the newest message of every channel."""

    def __init__(self, store: Store, places: Places, bot_id: str) -> None:
        self._store = store
        self._places = places
        self._bot_id = bot_id

    async def note(self, events: Sequence[Json]) -> None:
        """Look at the events of a transaction before it is answered, one write for all of them. Raises StoreError."""
        rooms: dict[str, int] = {}
        for event in events:
            if is_news(event, self._bot_id):
                rooms[event["room_id"]] = max(rooms.get(event["room_id"], 0), int(event["origin_server_ts"]))
        newest: dict[str, int] = {}
        for room_id, at_ms in rooms.items():
            place = await self._places.place(room_id)
            if place is not None and place.kind is ConversationKind.CHANNEL:
                newest[place.key] = at_ms
        if newest:
            # Survives a crash of the bridge. After a loss of power a mark may be missing until the next message.
            await self._store.run(lambda: note_messages(newest), durable=False)
