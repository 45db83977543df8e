"""Reconciliation: plan everything or some conversations, and apply. The only way in which rooms and members change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import date
from itertools import chain
from typing import Any

from bridge import faults
from bridge.clock import firm_today
from bridge.firm.model import Firm
from bridge.firm.room_keys import KEEPER_SPACE, STAFF_SPACE, matter_of_space
from bridge.mapping.rooms import RoomShape
from bridge.matrix.errors import ForbiddenError
from bridge.matrix.port import Homeserver
from bridge.matrix.retry import patience
from bridge.reconcile.again import HANDOUTS, Again
from bridge.reconcile.again import Kind as ThingKind
from bridge.reconcile.guarding import Guarding
from bridge.reconcile.passes import OF_NOBODY, PATIENCE, Passes
from bridge.reconcile.planning.desired import Desired, desired
from bridge.reconcile.planning.foreseen import Effect
from bridge.reconcile.planning.parts import waves as planned_waves
from bridge.reconcile.planning.plan import Action, Plan, RoomPlan
from bridge.reconcile.rooms.observe import Json, in_parallel
from bridge.reconcile.rooms.visits import Visits
from bridge.reconcile.tally import Outcome, Progress, Tally
from bridge.reconcile.work import Run, Work
from bridge.settings import Settings
from bridge.store.engine.store import Store
from bridge.store.queues.outbox import transaction_id
from bridge.store.rooms.conversations import rooms_of
from bridge.store.rooms.world import Extent, extent_of, read_world, slices

Waves = tuple[tuple[RoomPlan, ...], ...]
MOMENT = 3.0
"""Seconds for which what is tried again waits for the guard."""
_MANY = 100
"""So many failures are more easily put right by a pass over everything."""


class Reconciler:
    """Computes the difference between what should be and what is, and applies it.

    One room is worked on by one task at a time, which reads it, plans and applies; nothing of what was read is kept. A
    room or account that fails is noted in `again` and keeps nothing else from being done.
    """

    def __init__(self, store: Store, homeserver: Homeserver, settings: Settings, firm: Callable[[], Firm]) -> None:
        self._store = store
        self._homeserver = homeserver
        self._settings = settings
        self._firm = firm
        self._limit = settings.homeserver.concurrency
        self.guarding = Guarding(store, homeserver, settings, firm)
        self.again = Again()
        """What could not be made as it should be."""
        self._work = Work(store, homeserver, settings, firm, self.guarding, self.again, self.today)
        self._passes = Passes(store, homeserver, settings, firm, self.today, self.guarding, self._work)
        self.visits = Visits(store, homeserver, settings.bot_id, self._work.room_locks)

    def today(self) -> date:
        """The firm's day."""
        return firm_today(self._settings.firm)

    async def desired(self) -> Desired:
        """What should be, from the firm and what is stored."""
        world = await read_world(self._store)
        return await asyncio.to_thread(desired, self._firm(), world, self._settings, self.today())

    async def shape(self, key: str) -> RoomShape | None:
        """The room of this key as it should be by what is stored; None where there should be none."""
        return (await self._work.part(key)).shapes.get(key)

    async def plan(self, keys: Collection[str] | None = None) -> Plan:
        """What a sync would do, or what it would do about the rooms of these keys. Changes nothing, here or on the
        homeserver (O2). What cannot be read is among its problems."""
        tally, direct = self._work.tally(Again()), dict[str, Json]()
        if keys is not None:
            wanted = await self._work.extent(await self._store.read(lambda: extent_of(keys)))
            shapes = {key: shape for key, shape in wanted.shapes.items() if key in keys}
            planned = await self._plan_part(self._work.run(wanted, tally, direct=direct), shapes, (), self._limit)
            return Plan(waves=planned, problems=_problems(wanted, tally), of_rooms=_of_rooms(tally))
        first, *others = await slices(self._store, self._firm())
        wanted = await self._work.extent(first)
        accounts, farewells = await self._work.account_steps(wanted, tally)
        new = {step.who for step in accounts if step.action is Action.CREATE_ACCOUNT}
        run = self._work.run(wanted, tally, direct=direct)
        planned = await self._plan_part(run, wanted.shapes, new, self._limit)
        gone = wanted.world.rooms.keys() - run.planning.room_ids.keys()

        async def one(extent: Extent) -> Waves:
            part = await self._work.extent(extent)
            run = self._work.run(part, tally, direct=direct)
            for key in gone & run.planning.room_ids.keys():
                del run.planning.room_ids[key]
            shapes = {key: shape for key, shape in part.shapes.items() if key not in OF_NOBODY}
            return await self._plan_part(run, shapes, new, 1)

        parts = [planned, *await in_parallel(others, one, self._limit)]
        together = tuple(tuple(chain.from_iterable(wave)) for wave in zip(*parts, strict=True))
        return Plan(tuple(accounts), together, tuple(farewells), _problems(wanted, tally), _of_rooms(tally))

    async def _plan_part(self, run: Run, shapes: Mapping[str, RoomShape], new: Collection[str], at_once: int) -> Waves:
        waves = []
        for wave in planned_waves(shapes, run.wanted.world.rooms):
            found = await in_parallel(wave, lambda one: self._work.plan_room(*one, run, new), at_once)
            waves.append(tuple(filter(None, found)))
        return tuple(waves)

    async def shut_out(self) -> Outcome:
        """Finish what was begun about leavers and walls; see `Passes`."""
        return await self._passes.shut_out()

    async def sync(self, on_progress: Progress | None = None) -> Outcome:
        """Make everything as it should be; see `Passes`."""
        return await self._passes.sync(on_progress)

    async def follow(self, before: Firm, then: date | None = None) -> Outcome:
        """Apply what differs between the firm before, on that day, and the firm now; see `Passes`."""
        return await self._passes.follow(before, then)

    async def cut_off(self, staff_id: str) -> Outcome:
        """End somebody's sessions, lock their account and take them out of every room (F2); see `Passes`."""
        return await self._passes.cut_off(staff_id)

    async def take_out(self, *keys: str) -> None:
        """Take whoever may not be in these rooms out of them (M3); see `Passes`."""
        await self._passes.take_out(*keys)

    async def foresee(self, firm: Firm) -> tuple[Effect, ...]:
        """What would become of accounts, matters and conversations if this were the firm (O2); see `Passes`."""
        return await self._passes.foresee(firm)

    async def take_back(self, tally: Tally | None = None) -> None:
        """Let nobody download a file about a matter they may not see now (M3, F2); see `Passes`."""
        await self._passes.take_back(tally)

    @property
    def needs_person(self) -> tuple[str, ...]:
        """What only a person can put right, as sentences."""
        return self._passes.needs_person

    async def try_again(self) -> Outcome:
        """Try what failed before and is due. Raises as `sync` does; nothing is then counted as tried."""
        due = self.again.due()
        if not due:
            return Outcome()
        people = [thing.id for thing in due if thing.kind is ThingKind.ACCOUNT]
        rooms = {thing.id for thing in due if thing.kind is ThingKind.ROOM}
        if len(due) > _MANY or rooms & {KEEPER_SPACE, STAFF_SPACE}:
            # Other rooms name these spaces in their join rules.
            return await self.sync()
        tally = self._work.tally()
        with patience(PATIENCE):
            untold = await self.guarding.told(within=MOMENT)
            run = replace(self._work.run(await self._work.part(KEEPER_SPACE), tally), untold=untold)
            for staff_id in people:
                await self._work.shut_account(staff_id, run, thorough=True)
                await self._work.settle_account(staff_id, run)
            if HANDOUTS in due:
                await self.take_back(tally)
            spaces = {key for key in rooms if matter_of_space(key) is not None}
            # What is left to do in a room in which a conversation was held before fails as the conversation's own.
            listing, earlier = await self._work.around(rooms - spaces)
            for wave in (sorted(rooms - spaces), sorted(earlier - rooms), sorted(spaces | listing.keys())):
                await in_parallel(wave, lambda key: self._work.converge_room(key, tally), self._limit)
            for staff_id in people:
                await self._work.farewell(staff_id, run)
        return tally.outcome()

    async def converge(self, *keys: str) -> Outcome:
        """Make these conversations' rooms as they should be, and the spaces that list them."""
        spaces, earlier = await self._work.around(keys)
        tally = self._work.tally()
        made = await self._store.read(lambda: rooms_of(spaces))

        async def one(key: str) -> None:
            # A room that was made anew may be listed under its old id.
            if key == STAFF_SPACE and key not in keys and not tally.lost:
                await self._work.list_channels(spaces[key], tally)
            else:
                await self._work.converge_room(key, tally)

        # A room waits for the space that it names in its join rule, and a space for the rooms that it lists.
        for wave in (spaces.keys() - made.keys(), set(keys), earlier, spaces.keys()):
            # Both before and after: a plan made in between saw the room half-way.
            self._work.note_change(wave)
            with patience(PATIENCE):
                await in_parallel(wave, one, self._limit)
            self._work.note_change(wave)
        if tally.lost & {KEEPER_SPACE, STAFF_SPACE}:
            # Other rooms name these spaces in their join rules.
            return await self.sync()
        return tally.outcome()

    async def look_at(self, key: str) -> Outcome:
        """Make one room as it should be, and others only where they must follow because it was gone (O3)."""
        tally = self._work.tally()
        self._work.note_change((key,))
        with patience(PATIENCE):
            await self._work.converge_room(key, tally)
        self._work.note_change((key,))
        if tally.lost:
            return await (self.sync() if key in {KEEPER_SPACE, STAFF_SPACE} else self.converge(key))
        return tally.outcome()

    async def say_in_direct(self, key: str, content: dict[str, Any], said_once_as: str) -> None:
        """Let the bot come back into a direct conversation, say something and leave again (D2, D3).

        With the same `said_once_as` it is said once. A room that the bot cannot come back into stays without it.
        """
        async with self.visits.visit(key) as room_id:
            if room_id is not None:
                bot_id = self._settings.bot_id
                txn_id = transaction_id(said_once_as, bot_id)
                await self._homeserver.send(room_id, bot_id, "m.room.message", content, txn_id)
                faults.point("direct.said")

    async def set_in_direct(self, key: str, event_type: str, content: dict[str, Any]) -> None:
        """The same for a state event with an empty key."""
        async with self.visits.visit(key) as room_id:
            if room_id is not None:
                await self._homeserver.put_state(room_id, event_type, "", content)

    async def redact_in_direct(self, key: str, event_id: str, reason: str, said_once_as: str) -> None:
        """The same for deleting an event. Raises ForbiddenError where the bot cannot come back."""
        async with self.visits.visit(key) as room_id:
            if room_id is None:
                raise ForbiddenError("redact", 403, "", f"the bot cannot come into the direct conversation {key}")
            txn_id = transaction_id(said_once_as, self._settings.bot_id)
            await self._homeserver.redact(room_id, event_id, reason, txn_id)


def _problems(wanted: Desired, tally: Tally) -> tuple[str, ...]:
    return (*(problem.message for problem in wanted.problems), *tally.failed)


def _of_rooms(tally: Tally) -> dict[str, str]:
    return {told: thing.id for told, thing in tally.about.items() if thing.kind is ThingKind.ROOM}
