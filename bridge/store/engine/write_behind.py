"""What was done, written down together a moment later. What a crash keeps from being written is done again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

import structlog

from bridge.failures import backoff
from bridge.store.engine.store import Store, StoreError
from bridge.store.engine.unit import Unit

log = structlog.get_logger(__name__)

TOGETHER_SECONDS = 0.05
"""How long the first of them waits for others."""
AT_ONCE = 1000


class WriteBehind:
    """Keys of what was done and is not written down yet."""

    def __init__(
        self,
        store: Store,
        what: str,
        mark: Callable[[Unit, Sequence[str]], object],
        pause: Callable[[int], float] = backoff,
    ) -> None:
        """`what` they are is for the log; `mark` writes them down, `pause` is for failures."""
        self._store = store
        self._what = what
        self._mark = mark
        self._pause = pause
        self._keys: dict[str, None] = {}
        self._task: asyncio.Task[None] | None = None

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def add(self, key: str) -> None:
        """Have it written down soon."""
        self._keys[key] = None
        if self._task is None:
            self._task = asyncio.create_task(self._write_soon())

    async def stop(self) -> None:
        """Write down what is left, if the database takes it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(StoreError):
            await self.write()

    async def _write_soon(self) -> None:
        await asyncio.sleep(TOGETHER_SECONDS)
        failures = 0
        while self._keys:
            try:
                await self.write()
            except StoreError as error:
                failures += 1
                log.warning("not_marked", what=self._what, count=len(self._keys), error=str(error))
                await self._store.rest(self._pause(failures))
        self._task = None

    async def write(self) -> None:
        """Not durable: what a loss of power undoes is done again."""
        while self._keys:
            some = list(self._keys)[:AT_ONCE]
            await self._store.run_undurable(self._mark, some)
            for key in some:
                del self._keys[key]
