"""The firm in force: what the directory says, with what firm admins set by command laid over it."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.firm.leavers import with_leavers
from bridge.firm.model import Firm, Wall
from bridge.firm.walls import with_walls
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit
from bridge.store.people.leavers import LeaversSet, announce_leavers
from bridge.store.people.walls import WallsSet, announce_walls


class InForce:
    """Knows what was set by command, from the commit that sets it on, and lays it over a firm of the directory.

    News of commits make it quick; that it is true comes from reading it again and again with `load`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._walls: tuple[Wall, ...] = ()
        self._leavers: frozenset[str] = frozenset()
        self._last: tuple[Firm, Firm] | None = None
        """The directory's firm, and what came of it."""
        store.listen(self._hear)

    async def load(self) -> bool:
        """Read what is set, whoever stored it and whether or not this process heard of it. Raises StoreError.

        Whether it was other than what was known.
        """
        before = self._walls, self._leavers
        # As news of the same unit: they are told in the order of the commits, which the results of units are not.
        await self._store.read(_announce_all)
        return before != (self._walls, self._leavers)

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
            if isinstance(item, WallsSet) and item.walls != self._walls:
                self._walls, self._last = item.walls, None
            elif isinstance(item, LeaversSet) and item.staff_ids != self._leavers:
                self._leavers, self._last = item.staff_ids, None


def _announce_all(unit: ReadUnit) -> None:
    announce_walls(unit)
    announce_leavers(unit)
