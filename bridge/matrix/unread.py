"""How much somebody has not read: asked of the homeserver once in full, and from then on what has become other since.

In full it costs Synapse 2 to 3 ms a room; what has become other, next to nothing.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from bridge.matrix.port import Unread

Json = dict[str, Any]
_ANEW_SECONDS = 900.0
"""After that everything is asked again, should the homeserver have been put back to an earlier time (R3)."""
_PEOPLE = 2000


@dataclass(slots=True)
class _Known:
    asked_at: float
    since: str = ""
    rooms: dict[str, Unread] = field(default_factory=dict)

    def take(self, answer: Json) -> None:
        """Take in what a sync says of the rooms in it."""
        for room_id, room in answer.get("rooms", {}).get("join", {}).items():
            before = self.rooms.get(room_id)
            counted = room.get("unread_notifications", {})
            count = counted.get("notification_count", 0 if before is None else before.count)
            stamps = (event["origin_server_ts"] for event in room.get("timeline", {}).get("events", ()))
            self.rooms[room_id] = Unread(room_id, count, max(stamps, default=0 if before is None else before.newest_at))
        self.since = answer["next_batch"]


class UnreadCounts:
    """What is known of whom."""

    def __init__(self, sync: Callable[[str, str], Awaitable[Json]]) -> None:
        """`sync` asks as somebody what has become other since a place in their stream; with "" for all."""
        self._sync = sync
        self._known: dict[str, _Known] = {}
        self._asking: Mapping[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._next: dict[str, asyncio.Task[list[Unread]]] = {}
        """By user, who is asked about next and was not yet."""
        self._tasks: set[asyncio.Task[list[Unread]]] = set()

    async def of(self, user_id: str) -> list[Unread]:
        """The rooms in which that user has unread messages. Raises what `sync` raises; the next time all is asked.

        Who waits no more loses nothing: the asking goes on, and whoever asks later has what came of it.
        """
        task = self._next.get(user_id)
        if task is None:
            task = self._next[user_id] = asyncio.create_task(self._ask(user_id))
            self._tasks.add(task)
            task.add_done_callback(self._done)
        return await asyncio.shield(task)

    def has_counted(self, user_id: str) -> bool:
        """Whether all was asked before, so that asking again is quick."""
        return user_id in self._known

    async def close(self) -> None:
        """End what is being asked."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[list[Unread]]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # Where nobody waits any more nobody is told, and the next who asks finds out.
            task.exception()

    async def _ask(self, user_id: str) -> list[Unread]:
        async with self._asking[user_id]:
            # Who asks from now on may want to know what becomes other meanwhile.
            del self._next[user_id]
            known = self._known.get(user_id)
            if known is None or monotonic() - known.asked_at > _ANEW_SECONDS:
                known = _Known(monotonic())
            try:
                known.take(await self._sync(user_id, known.since))
            finally:
                # What failed may have come: the next time all is asked.
                self._known.pop(user_id, None)
            self._known[user_id] = known
            if len(self._known) > _PEOPLE:
                self._known.pop(next(iter(self._known)))
            return [one for one in known.rooms.values() if one.count]
