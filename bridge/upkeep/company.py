"""Who else stands ready for the database that this process works with (R1)."""

from __future__ import annotations

from bridge.metrics import Metrics
from bridge.store.engine.processes import Process
from bridge.store.engine.store import Store


class Company:
    """The processes of the bridge, as the one at work sees them."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._found: tuple[Process, ...] = ()
        metrics.at_work.set(1)

    async def look(self) -> None:
        """See who is there. Raises StoreError."""
        self._found = await self._store.processes()
        self._metrics.standing_by.set(sum(not one.owns for one in self._found))

    def told(self) -> list[str]:
        """Each process and what it does, for whoever looks after them; nothing where there can be one only."""
        return [f"{one} {'is at work' if one.owns else 'stands by'}" for one in self._found]
