"""The bot's visits to direct conversations: it comes, does one thing and leaves, whatever happens meanwhile (D3, D4).

That it goes in is stored before, and that it left after; what is left of a crash, or of a homeserver that did not let
it leave, is found by that and made good again and again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import structlog

from bridge import faults
from bridge.matrix.errors import ForbiddenError, HomeserverError, NotFoundError
from bridge.matrix.port import PersonRequests, RoomRequests
from bridge.store.engine.store import Store, StoreError
from bridge.store.queues.outbox import transaction_id
from bridge.store.rooms.visits import begin_visit, end_visit, visits_under_way

Json = dict[str, Any]
log = structlog.get_logger(__name__)


class _Visiting(PersonRequests, RoomRequests, Protocol):
    """What visits take."""


class Visits:
    """Goes in and leaves again."""

    def __init__(self, store: Store, homeserver: _Visiting, bot_id: str, locks: Mapping[str, asyncio.Lock]) -> None:
        """`locks` has one for each room, by key, and makes those that are missing."""
        self._store = store
        self._homeserver = homeserver
        self._bot_id = bot_id
        self._locks = locks

    @asynccontextmanager
    async def visit(self, key: str) -> AsyncIterator[str | None]:
        """The room of a direct conversation, with the bot in it for the moment; None where it cannot come back."""
        async with self._locks[key]:
            room_id = await self._store.run(begin_visit, key)
            if room_id is None:
                yield None
                return
            faults.point("direct.visiting")
            try:
                yield room_id if await self._came(key, room_id) else None
            finally:
                await self._leave(key, room_id)

    async def end_all(self) -> int:
        """Leave where the bot still is; returns how often that could not be done. Raises StoreError."""
        left = 0
        for one in await self._store.read(visits_under_way):
            async with self._locks[one.conversation_id]:
                left += not await self._leave(one.conversation_id, one.room_id)
        return left

    async def say(self, key: str, content: Json, said_once_as: str) -> None:
        """Let the bot come back into a direct conversation, say something and leave again (D2, D3).

        With the same `said_once_as` it is said once. A room that the bot cannot come back into stays without it.
        """
        async with self.visit(key) as room_id:
            if room_id is not None:
                txn_id = transaction_id(said_once_as, self._bot_id)
                await self._homeserver.send(room_id, self._bot_id, "m.room.message", content, txn_id)
                faults.point("direct.said")

    async def put_state(self, key: str, event_type: str, content: Json) -> None:
        """The same for a state event with an empty key."""
        async with self.visit(key) as room_id:
            if room_id is not None:
                await self._homeserver.put_state(room_id, event_type, "", content)

    async def redact(self, key: str, event_id: str, reason: str, said_once_as: str) -> None:
        """The same for deleting an event. Raises ForbiddenError where the bot cannot come back."""
        async with self.visit(key) as room_id:
            if room_id is None:
                raise ForbiddenError("redact", 403, "", f"the bot cannot come into the direct conversation {key}")
            await self._homeserver.redact(room_id, event_id, reason, transaction_id(said_once_as, self._bot_id))

    async def _came(self, key: str, room_id: str) -> bool:
        try:
            await self._homeserver.join(room_id, self._bot_id)
        except (ForbiddenError, NotFoundError) as error:
            log.warning("not_visited", conversation=key, room_id=room_id, reason=str(error))
            return False
        faults.point("direct.joined")
        return True

    async def _leave(self, key: str, room_id: str) -> bool:
        """Leave, and note it; whether both were done. What is not done is done by `end_all`."""
        try:
            await self._homeserver.leave(room_id, self._bot_id)
            faults.point("direct.left")
            await self._store.run(end_visit, room_id)
        except (HomeserverError, StoreError) as error:
            log.warning("still_visiting", conversation=key, room_id=room_id, reason=str(error))
            return False
        return True
