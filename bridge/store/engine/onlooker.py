"""Looking at a PostgreSQL database that another process owns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from bridge.store.engine.errors import as_store_error
from bridge.store.engine.postgresql import PATIENCE_SECONDS, PostgresqlBackend
from bridge.store.engine.processes import Process, Reach

T = TypeVar("T")


class Onlooker:
    """Sees which processes use a database, and ends the owner that is silent for longer than the lease."""

    def __init__(self, url: str, lease: float, reach: Reach) -> None:
        """Others find this process by its `reach`, as one that stands by."""
        self._backend = PostgresqlBackend(url, reading=True, lease=lease, reach=reach)
        self.ended = False
        """Whether an owner was ended at the last look."""
        self._thread = ThreadPoolExecutor(1, "onlooker")

    async def look(self) -> tuple[Process, ...]:
        """The processes that use the database. Raises StoreError."""
        return await self._ask(self._look)

    async def close(self) -> None:
        """Disconnect."""
        await self._ask(self._backend.close)
        self._thread.shutdown(wait=False)

    def _look(self) -> tuple[Process, ...]:
        if self._backend.database.is_closed():
            self._backend.connect()
        self._backend.ensure_connected()
        self.ended = self._backend.end_silent()
        return self._backend.processes()

    async def _ask(self, work: Callable[[], T]) -> T:
        asked = asyncio.get_running_loop().run_in_executor(self._thread, work)
        done, _ = await asyncio.wait({asked}, timeout=PATIENCE_SECONDS)
        if not done:
            # Whatever the server or the network does, the driver hears of this.
            self._backend.interrupt()
        try:
            return await asked
        except Exception as error:
            raise as_store_error(error, self._backend.name) from error
