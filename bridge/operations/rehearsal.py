"""Asking for something without doing it: the same operation on a desk on which nothing stays done (O2).

Every unit runs in the database, behind those before it, and is undone; no room is touched and nobody is told. What is
answered or refused is therefore what would be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

from bridge.desk import Desk
from bridge.firm.model import Firm
from bridge.matrix.port import Homeserver
from bridge.reconcile.convergence import Convergence
from bridge.reconcile.guarding import Guarding
from bridge.reconcile.passes import Passes
from bridge.reconcile.rooms.visits import Visits
from bridge.reconcile.tally import Result
from bridge.refusal import Kind, Refusal
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit, Unit, later

P = ParamSpec("P")
T = TypeVar("T")
REPEATED_MOST: Final = 300
"""Units that one rehearsal does once more, all together: with each that it runs, those before it are done again, and
nothing else reaches the database meanwhile."""


def rehearsal(desk: Desk) -> Desk:
    """A desk for one operation, of which nothing stays done.

    What would take more than `REPEATED_MOST` raises Refusal.
    """
    return replace(
        desk,
        store=cast("Store", _Store(desk.store)),
        reconciler=replace(
            desk.reconciler,
            passes=cast("Passes", _Passes()),
            rooms=cast("Convergence", _Rooms()),
            guarding=cast("Guarding", _Guard()),
            visits=cast("Visits", _Visits()),
        ),
        homeserver=cast("Homeserver", _Looked(desk.homeserver)),
        rehearses=True,
    )


class _Store:
    """Runs each unit behind those before it, and undoes them all."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._before: list[Callable[[Unit], object]] = []
        self._repeated = 0

    async def run(self, work: Callable[Concatenate[Unit, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        wanted = later(work, *args, **kwargs)
        result = await self._behind_all(wanted)
        self._before.append(wanted)
        return result

    async def read(self, work: Callable[Concatenate[ReadUnit, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        if not self._before:
            return await self._store.read(work, *args, **kwargs)
        return await self._behind_all(later(work, *args, **kwargs))

    async def _behind_all(self, work: Callable[[Unit], T]) -> T:
        before = tuple(self._before)
        self._repeated += len(before)
        if self._repeated > REPEATED_MOST:
            raise Refusal(Kind.TOO_LARGE_TO_REHEARSE)

        def all_of_them(unit: Unit) -> T:
            for each in before:
                each(unit)
            return work(unit)

        return await self._store.rehearse(all_of_them)


class _Passes:
    """Rooms and accounts that stay as they are."""

    async def take_out(self, *keys: str) -> None:
        return None

    async def take_back(self) -> None:
        return None

    async def follow(self, before: Firm) -> Result:
        return Result()

    async def cut_off(self, staff_id: str) -> Result:
        return Result()


class _Rooms:
    """The same, room by room."""

    async def converge(self, *keys: str) -> Result:
        return Result()


class _Visits:
    """The same in direct conversations, where nothing is said either."""

    async def say(self, *given: object) -> None:
        return None

    async def put_state(self, *given: object) -> None:
        return None

    async def redact(self, *given: object) -> None:
        return None


class _Guard:
    """A guard that is told nothing."""

    async def told(self, *keys: str, **how: object) -> None:
        return None


class _Looked:
    """A homeserver that is only looked at."""

    _LOOKS = frozenset({"event", "state_content"})
    _DEEDS = frozenset({"leave", "put_state"})

    def __init__(self, homeserver: Homeserver) -> None:
        self._homeserver = homeserver

    def __getattr__(self, name: str) -> Any:
        if name in self._LOOKS:
            return getattr(self._homeserver, name)
        if name in self._DEEDS:
            return _nothing
        raise AttributeError(name)


async def _nothing(*given: object) -> str:
    return ""
