"""Work in order within a room, with rooms side by side: what the inbox and the outbox have in common."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import structlog

from bridge.failures import frames

log = structlog.get_logger(__name__)

PAUSE_AFTER_A_MISTAKE = 60.0


class QueuedItem(Protocol):
    """Something to work on."""

    room_id: str

    @property
    def key(self) -> str:
        """What tells it from all others."""


T = TypeVar("T", bound=QueuedItem)


class RoomQueues(Generic[T]):
    """One lane for each room, at most `width` of them worked on at once. A lane that is empty costs nothing.

    `work` returns None when it is done with an item, or the seconds after which it wants to see the same item again;
    until then that room waits and the others go on.
    """

    def __init__(self, work: Callable[[T], Awaitable[float | None]], width: int) -> None:
        self._work = work
        self._width = width
        self._lanes: dict[str, deque[T]] = {}
        self._ready: deque[str] = deque()
        self._known: set[str] = set()
        self._workers: set[asyncio.Task[None]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._fewer = asyncio.Event()
        self._stopping = False

    def __len__(self) -> int:
        """Items that wait or are being worked on."""
        return len(self._known)

    def busy(self, room_id: str) -> bool:
        """Whether anything of this room waits or is being worked on."""
        return room_id in self._lanes

    def add(self, item: T) -> None:
        """Put an item at the end of its room's lane; one that is there already is left where it is."""
        if item.key in self._known or self._stopping:
            return
        self._known.add(item.key)
        lane = self._lanes.get(item.room_id)
        if lane is not None:
            lane.append(item)
            return
        self._lanes[item.room_id] = deque((item,))
        self._resume(item.room_id)

    async def below(self, limit: int) -> None:
        """Wait until fewer than `limit` items are left."""
        while len(self._known) >= limit:
            self._fewer.clear()
            await self._fewer.wait()

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109 - how long work under way may take to end
        """Begin nothing new, and give what is being worked on `timeout` seconds to end."""
        self._stopping = True
        for timer in self._timers.values():
            timer.cancel()
        workers = set(self._workers)
        if workers:
            _, late = await asyncio.wait(workers, timeout=timeout)
            for worker in late:
                worker.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _resume(self, room_id: str) -> None:
        self._timers.pop(room_id, None)
        self._ready.append(room_id)
        if len(self._workers) < self._width and not self._stopping:
            self._workers.add(asyncio.create_task(self._worker()))

    async def _worker(self) -> None:
        worker = asyncio.current_task()
        assert worker is not None
        try:
            await self._work_on()
        finally:
            # Not when the task counts as done: what is added in between must find that there is room for another.
            self._workers.discard(worker)

    async def _work_on(self) -> None:
        while self._ready and not self._stopping:
            room_id = self._ready.popleft()
            pause = await self._work_through(self._lanes[room_id])
            if pause is None:
                del self._lanes[room_id]
            elif not self._stopping:
                self._timers[room_id] = asyncio.get_running_loop().call_later(pause, self._resume, room_id)

    async def _work_through(self, lane: deque[T]) -> float | None:
        while lane:
            if self._stopping:
                return 0.0
            try:
                pause = await self._work(lane[0])
            except Exception as error:  # noqa: BLE001 - one room must not end the work on the others
                log.error(  # noqa: TRY400 - the message could quote what people wrote
                    "work_failed", room_id=lane[0].room_id, key=lane[0].key, stack=frames(error)
                )
                pause = PAUSE_AFTER_A_MISTAKE
            if pause is not None:
                return pause
            self._known.discard(lane.popleft().key)
            self._fewer.set()
        return None
