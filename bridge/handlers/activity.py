"""When the newest message came in each channel, noted as messages come by and without keeping their text (C3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from bridge.firm.conversation import ConversationKind
from bridge.handlers.places import Places
from bridge.store.channels import note_messages
from bridge.store.news import announce
from bridge.store.store import Store

Json = dict[str, Any]
Unit = Callable[[], None]

MANY = 20
"""Rooms with messages in one transaction. With more than so many, a room is not written down twice in a second."""
AGAIN_MS = 1000


@dataclass(frozen=True, slots=True)
class _Noted:
    """News: these moments, in milliseconds since the epoch and by room id, are written down."""

    moments: Mapping[str, int]


def is_news(event: Json, bot_id: str) -> bool:
    """Whether an event is a message that somebody wrote anew: no edit, and not the bot's."""
    if event["type"] not in {"m.room.message", "m.sticker"} or event["sender"] == bot_id:
        return False
    relation = event["content"].get("m.relates_to")
    return not (isinstance(relation, dict) and relation.get("rel_type") == "m.replace")


class Activity:
    """Notes the newest message of every channel.

    It is written down before the transaction is answered. Only where many channels have messages at a time, it may lag
    behind by a second, until somebody asks for it: else that would be as much work as all else in a transaction.
    """

    def __init__(self, store: Store, places: Places, bot_id: str) -> None:
        self._store = store
        self._places = places
        self._bot_id = bot_id
        self._written: dict[str, int] = {}
        self._later: dict[str, int] = {}
        store.listen(self._hear)

    async def news(self, events: Sequence[Json]) -> Unit | None:
        """What to write down of the events of a transaction before it is answered, if anything. Raises StoreError."""
        rooms: dict[str, int] = {}
        for event in events:
            if is_news(event, self._bot_id):
                room_id, at_ms = event["room_id"], int(event["origin_server_ts"])
                if at_ms > rooms.get(room_id, 0):
                    rooms[room_id] = at_ms
        return await self._unit(self._put_off(rooms) if len(rooms) > MANY else rooms)

    def _put_off(self, rooms: Mapping[str, int]) -> dict[str, int]:
        """What of it cannot wait; the rest is kept for later."""
        now: dict[str, int] = {}
        for room_id, at_ms in rooms.items():
            if at_ms >= self._written.get(room_id, 0) + AGAIN_MS:
                now[room_id] = at_ms
            else:
                self._later[room_id] = max(at_ms, self._later.get(room_id, 0))
        return now

    async def write_down(self) -> None:
        """Write down what is not yet, for whoever wants to read it. Raises StoreError."""
        unit = await self._unit(dict(self._later))
        if unit is not None:
            await self._store.run(unit, durable=False)

    async def _unit(self, rooms: Mapping[str, int]) -> Unit | None:
        newest: dict[str, int] = {}
        for room_id, at_ms in rooms.items():
            place = await self._places.place(room_id)
            if place is not None and place.kind is ConversationKind.CHANNEL:
                newest[place.key] = at_ms
        return partial(_note, newest, rooms) if newest else None

    def _hear(self, news: Sequence[object]) -> None:
        for one in news:
            if isinstance(one, _Noted):
                self._written |= one.moments
                for room_id, at_ms in one.moments.items():
                    if self._later.get(room_id, 0) <= at_ms:
                        self._later.pop(room_id, None)


def _note(newest: Mapping[str, int], rooms: Mapping[str, int]) -> None:
    note_messages(newest)
    announce(_Noted(rooms))
