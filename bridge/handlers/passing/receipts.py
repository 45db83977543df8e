"""Up to where people have read, as the homeserver tells of it beside events (P5).

What came is kept in memory and written down together, a moment later: a reader makes a receipt of each message that
they see, and only the last of them counts. One that a crash loses is made good by the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import structlog

from bridge.firm.conversation import SHARED, ConversationKind
from bridge.handlers.places import Places
from bridge.mapping.clients.receipts import Receipt, receipts_in
from bridge.mapping.event import Event
from bridge.store.engine.store import Store, StoreError
from bridge.store.rooms.read import Position, note_positions

log = structlog.get_logger(__name__)
Json = dict[str, Any]
_RECENT = 10_000
"""The newest events, whose time is kept in memory at least: receipts are about those."""
_WAITING_MAX = 100_000
"""Receipts that wait while the database does not answer."""


class Receipts:
    """What is not written down yet."""

    def __init__(self, places: Places, store: Store) -> None:
        self._places = places
        self._store = store
        self._new: dict[tuple[str, str, bool], Receipt] = {}
        self._recent: dict[str, int] = {}

    def came(self, events: Iterable[Event]) -> None:
        """Take note of when events were sent."""
        self._recent.update({event.event_id: event.at_ms for event in events})
        # Seldom and at once: a dictionary looks for its first key past all those that were deleted before it.
        if len(self._recent) > 2 * _RECENT:
            self._recent = dict(islice(self._recent.items(), len(self._recent) - _RECENT, None))

    def heard(self, ephemeral: Iterable[Mapping[str, Any]]) -> None:
        """Take note of what came beside events."""
        for given in ephemeral:
            for one in receipts_in(given):
                key = one.room_id, one.user_id, one.threads
                if len(self._new) < _WAITING_MAX or key in self._new:
                    self._new[key] = one

    async def write(self) -> None:
        """Write down what came. Raises StoreError, and then has it still."""
        waiting, self._new = self._new, {}
        try:
            found = [place for one in waiting.values() if (place := await self._position(one)) is not None]
            if found:
                await self._store.run_undurable(note_positions, found)
        except StoreError:
            self._new = waiting | self._new
            raise

    async def stop(self) -> None:
        """Write down what is left, if the database takes it."""
        try:
            await self.write()
        except StoreError as error:
            log.warning("receipts_not_written", reason=str(error))

    async def _position(self, one: Receipt) -> Position | None:
        """Where that puts somebody; None for whom and what is none of the firm's."""
        place = await self._places.place(one.room_id)
        if place is None or place.kind not in {*SHARED, ConversationKind.DIRECT}:
            return None
        staff_id = await self._places.staff_id(one.user_id)
        if staff_id is None:
            return None
        event_ms = self._recent.get(one.event_id)
        return Position(one.room_id, staff_id, one.threads, one.event_id, event_ms, one.at_ms)
