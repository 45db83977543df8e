"""The firm in force: what the directory says, with what firm admins set by command laid over it."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.firm.leavers import with_leavers
from bridge.firm.model import Firm, Wall
from bridge.firm.walls import with_walls
from bridge.store.leavers import LeaversSet, leavers_set
from bridge.store.store import Store
from bridge.store.walls import WallsSet, walls_set


class InForce:
    """Knows what was set by command, from the commit that sets it on, and lays it over a firm of the directory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._walls: tuple[Wall, ...] = ()
        self._leavers: frozenset[str] = frozenset()
        self._last: tuple[Firm, Firm] | None = None
        """The directory's firm, and what came of it."""
        store.listen(self._hear)

    async def load(self) -> None:
        """Read what was set before. Raises StoreError."""
        self._walls, self._leavers = await self._store.run(lambda: (walls_set(), leavers_set()))
        self._last = None

    def over(self, firm: Firm) -> Firm:
        """Any firm with what was set by command."""
        return with_leavers(with_walls(firm, self._walls), self._leavers)

    def now(self, firm: Firm) -> Firm:
        """The same for the directory's firm of the moment: the same object until either of the two changes."""
        if self._last is None or self._last[0] is not firm:
            self._last = firm, self.over(firm)
        return self._last[1]

    def _hear(self, news: Sequence[object]) -> None:
        for item in news:
            if isinstance(item, WallsSet):
                self._walls, self._last = item.walls, None
            elif isinstance(item, LeaversSet):
                self._leavers, self._last = item.staff_ids, None
