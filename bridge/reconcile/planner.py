"""What should be, what a pass would do about it, and what another firm would lead to. Changes nothing (O2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from itertools import chain

from bridge.firm.model import Firm
from bridge.mapping.rooms.shapes import RoomShape
from bridge.reconcile.again import Again, ThingKind
from bridge.reconcile.planning.desired import Desired, desired, desired_of_stored
from bridge.reconcile.planning.foreseen import Effect, in_order, of_conversations, of_firm
from bridge.reconcile.planning.parts import Part, waves
from bridge.reconcile.planning.scope import touched
from bridge.reconcile.planning.steps import Action, Plan, RoomPlan
from bridge.reconcile.rooms.observe import Json, in_parallel
from bridge.reconcile.tally import Tally
from bridge.reconcile.work.run import OF_NOBODY, Run
from bridge.reconcile.work.work import Work
from bridge.settings import Settings
from bridge.store.engine.store import Store
from bridge.store.rooms.world import Extent, World, extent_of, read_world, slices

Waves = tuple[tuple[RoomPlan, ...], ...]


class Planner:
    """Computes the difference between what should be and what is."""

    def __init__(
        self, store: Store, settings: Settings, firm: Callable[[], Firm], today: Callable[[], date], work: Work
    ) -> None:
        """`firm` and `today` are as of now."""
        self._store = store
        self._settings = settings
        self._firm = firm
        self._today = today
        self._work = work
        self._limit = settings.homeserver.concurrency

    async def desired(self) -> Desired:
        """What should be, from the firm and what is stored."""
        world = await read_world(self._store)
        return await asyncio.to_thread(desired, self._firm(), world, self._settings, self._today())

    async def shape(self, key: str) -> RoomShape | None:
        """The room of this key as it should be by what is stored; None where there should be none."""
        return (await self._work.desired.part(key)).shapes.get(key)

    async def plan(self, keys: Collection[str] | None = None) -> Plan:
        """What a pass over everything would do, or what it would do about the rooms of these keys. What cannot be read
        is among its problems."""
        tally, direct = self._work.runs.tally(Again()), dict[str, Json]()
        if keys is not None:
            wanted = await self._work.desired.extent(await self._store.read(extent_of, keys))
            shapes = {key: shape for key, shape in wanted.shapes.items() if key in keys}
            planned = await self._plan_part(
                self._work.runs.begin(wanted, tally, direct=direct), shapes, (), self._limit
            )
            return Plan(waves=planned, problems=_problems(wanted, tally), of_rooms=_of_rooms(tally))
        first, *others = await slices(self._store, self._firm())
        wanted = await self._work.desired.extent(first)
        accounts, farewells = await self._work.accounts.steps(wanted, tally)
        new = {step.who for step in accounts if step.action is Action.CREATE_ACCOUNT}
        run = self._work.runs.begin(wanted, tally, direct=direct)
        planned = await self._plan_part(run, wanted.shapes, new, self._limit)
        gone = wanted.world.rooms.keys() - run.planning.room_ids.keys()

        async def one(extent: Extent) -> Waves:
            part = await self._work.desired.extent(extent)
            run = self._work.runs.begin(part, tally, direct=direct)
            for key in gone & run.planning.room_ids.keys():
                del run.planning.room_ids[key]
            shapes = {key: shape for key, shape in part.shapes.items() if key not in OF_NOBODY}
            return await self._plan_part(run, shapes, new, 1)

        parts = [planned, *await in_parallel(others, one, self._limit)]
        together = tuple(tuple(chain.from_iterable(wave)) for wave in zip(*parts, strict=True))
        return Plan(tuple(accounts), together, tuple(farewells), _problems(wanted, tally), _of_rooms(tally))

    async def _plan_part(self, run: Run, shapes: Mapping[str, RoomShape], new: Collection[str], at_once: int) -> Waves:
        planned = []
        begun: set[str] = set()
        for wave in waves(shapes, run.wanted.world.rooms):
            # Nothing is made by planning: what was to be made in an earlier wave has only its list left.
            left = [(key, Part.LIST if key in begun else part) for key, part in wave]
            begun.update(key for key, _ in wave)
            found = await in_parallel(left, lambda one: self._work.rooms.plan(*one, run, new), at_once)
            planned.append(tuple(filter(None, found)))
        return tuple(planned)

    async def foresee(self, then: Firm) -> tuple[Effect, ...]:
        """What would become of accounts, matters and conversations if that were the firm."""
        before, today = self._firm(), self._today()
        extent = touched(before, today, then, today, self._settings)
        found: list[Effect] = []
        extents = await slices(self._store, before) if extent is None else [extent]
        for one in extents:
            world = await self._work.desired.world(one)

            def part(extent: Extent = one, world: World = world) -> Iterable[Effect]:
                # By what is stored now, as the change would be followed.
                old = desired_of_stored(before, world, self._settings, today, extent)
                return of_conversations(old, desired(then, world, self._settings, today, extent))

            found += await asyncio.to_thread(part)
        return (*of_firm(before, then), *in_order(found))


def _problems(wanted: Desired, tally: Tally) -> tuple[str, ...]:
    return (*(problem.message for problem in wanted.problems), *tally.failed)


def _of_rooms(tally: Tally) -> dict[str, str]:
    return {told: thing.id for told, thing in tally.about.items() if thing.kind is ThingKind.ROOM}
