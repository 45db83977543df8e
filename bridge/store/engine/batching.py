"""Work of one kind asked for by many callers: what comes while a unit is under way goes together in the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from bridge.store.engine.store import Store, StoreError
from bridge.store.engine.unit import Unit

T = TypeVar("T")


class Batches(Generic[T]):
    """Runs one unit of work for many items, with few statements where a unit for each would need many."""

    def __init__(self, store: Store, work: Callable[[Unit, Sequence[T]], None], *, durable: bool = True) -> None:
        """`work` is given items in the order they came; where it is not `durable` it is as in `Store.run_undurable`."""
        self._run_in_unit = store.run if durable else store.run_undurable
        self._work = work
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def run(self, item: T) -> None:
        """Have the work done with this item among others, and return once it is committed.

        An error is raised to the callers of the items it comes from only, the others' work is done. StoreError is
        raised to all.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._task is None:
            self._task = asyncio.create_task(self._run_all())
        await done

    async def stop(self, timeout: float) -> None:  # noqa: ASYNC109 - how long what is under way may take to end
        """Have what was handed over done, also where whoever handed it over waits no more."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=timeout)

    async def _run_all(self) -> None:
        try:
            while self._waiting:
                some, self._waiting = self._waiting, []
                await self._run_some(some)
        finally:
            self._task = None

    async def _run_some(self, some: list[tuple[T, asyncio.Future[None]]]) -> None:
        try:
            await self._run_in_unit(self._work, [item for item, _ in some])
        except Exception as error:  # noqa: BLE001 - handed to the callers
            if len(some) > 1 and not isinstance(error, StoreError):
                # Nothing of it is done. One by one, so that only those that fail are left undone.
                for one in some:
                    await self._run_some([one])
                return
            for _, done in some:
                if not done.done():
                    done.set_exception(error)
        else:
            for _, done in some:
                if not done.done():
                    done.set_result(None)
