"""Reconciliation: plan everything or some conversations, and apply. The only way in which rooms and members change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache, partial
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from peewee import chunked

from bridge import faults
from bridge.firm.conversation import ADMINS_ID, SHARED, Conversation
from bridge.firm.model import Firm
from bridge.firm.policy import may_act
from bridge.firm.room_keys import KEEPER_SPACE, STAFF_SPACE, conversation_of, matter_of_space, matter_space_key
from bridge.mapping.rooms import RoomShape
from bridge.matrix.errors import GuardKnowsMore, HomeserverError, Refused
from bridge.matrix.port import Homeserver
from bridge.matrix.retry import patience
from bridge.reconcile import observe
from bridge.reconcile.again import HANDOUTS, Again
from bridge.reconcile.again import Kind as ThingKind
from bridge.reconcile.anew import to_look_at
from bridge.reconcile.desired import Desired, desired, desired_of_stored
from bridge.reconcile.first_things import changed, leavers, losing
from bridge.reconcile.guarding import Guarding
from bridge.reconcile.handouts import take_back
from bridge.reconcile.pictures import give_bot_picture
from bridge.reconcile.plan import Action, Plan, RoomPlan
from bridge.reconcile.planning import Part
from bridge.reconcile.planning import waves as planned_waves
from bridge.reconcile.scope import touched
from bridge.reconcile.tally import Outcome, Progress, Tally
from bridge.reconcile.visits import Visits
from bridge.reconcile.work import Run, Work
from bridge.settings import FirmSettings, Settings
from bridge.store.conversations import (
    World,
    add_accounts,
    add_conversations,
    add_participants,
    keep_participants,
    remove_from_all,
)
from bridge.store.outbox import transaction_id
from bridge.store.store import Store
from bridge.store.world import Extent, extent_of, load_extent, read_world

log = structlog.get_logger(__name__)
_AT_ONCE = 100
"""Conversations stored in one unit."""
PATIENCE = 30.0
"""Seconds for which a pass repeats one request: what fails is tried again by itself, and must not hold up the rest."""
_MOMENT = 3.0
"""Seconds for which what takes access away waits for the guard."""
_AT_START = 10.0
"""Seconds for which a start waits for the guard, which may know what this database has forgotten."""
_MANY = 100
"""So many failures are more easily put right by a pass over everything."""


def firm_today(settings: FirmSettings) -> date:
    """The day in the firm's time zone, by which walls begin and end."""
    return _day(settings.timezone, int(time.time() // 60))


@lru_cache(maxsize=8)
def _day(timezone: str, minute: int) -> date:
    """The day of a minute since the epoch. It is asked for all the time."""
    return datetime.fromtimestamp(minute * 60, ZoneInfo(timezone)).date()


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
        self.needs_person: tuple[str, ...] = ()
        """What only a person can put right, as sentences."""
        self._work = Work(store, homeserver, settings, firm, self.guarding, self.again, self.today)
        self.visits = Visits(store, homeserver, settings.bot_id, self._work.room_locks)
        self._whole = asyncio.Lock()

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
        wanted = await (self.desired() if keys is None else self._desired_of(keys))
        tally = self._work.tally(Again())
        shapes = wanted.shapes if keys is None else {key: wanted.shapes[key] for key in wanted.shapes if key in keys}
        accounts, farewells = await self._work.account_steps(wanted if keys is None else None, tally)
        new = {step.who for step in accounts if step.action is Action.CREATE_ACCOUNT}
        run = self._work.run(wanted, tally, direct={})
        waves = [await self._plan_wave(wave, run, new) for wave in planned_waves(shapes)]
        problems = (*(problem.message for problem in wanted.problems), *tally.failed)
        return Plan(tuple(accounts), tuple(waves), tuple(farewells), problems)

    async def shut_out(self) -> Outcome:
        """Finish what was begun about leavers and walls, before anything else is done or anybody answered (F2, M3).

        What fails about a single account or room is tried again by itself. Raises HomeserverAway where the homeserver
        is away as a whole, GuardKnowsMore where this database may lack walls, and TokenRejected.
        """
        with patience(PATIENCE):
            # First, since of what this database lost in a backup the guard may know.
            untold = await self.guarding.told(everything=True, anew=True, within=_AT_START)
            wanted = await self.desired()
            tally = self._work.tally()
            keys = losing(wanted, self.today())
            await self._take(self._work.run(wanted, tally), leavers(wanted), keys, thorough=True)
            log.info("shut_out", rooms=len(keys), steps=tally.steps, failed=len(tally.failed))
            if isinstance(untold, GuardKnowsMore):
                # Whom to answer cannot be known before that is.
                raise untold
            return tally.outcome()

    async def sync(self, on_progress: Progress | None = None) -> Outcome:
        """Make everything as it should be, a few rooms at a time, and what takes access away first.

        What fails about a single account or room is tried again by itself. Raises HomeserverAway where the homeserver
        is away as a whole, and TokenRejected; it can then be called again.
        """
        async with self._whole:
            with patience(PATIENCE):
                # Read before the world is, so that whatever changes from here on is noticed.
                epoch = self._work.epoch
                wanted = await self.desired()
                run = self._work.run(wanted, self._work.tally(on_progress=on_progress), epoch, direct={})
                run.tally.total = len(wanted.world.accounts) + sum(map(len, planned_waves(wanted.shapes)))
                run = await self._first_take(run, leavers(wanted), losing(wanted, self.today()))
                await give_bot_picture(self._homeserver, self._store, self._settings)
                return await self._make_right(run, wanted.world.accounts, wanted.shapes)

    async def follow(self, before: Firm, then: date | None = None) -> Outcome:
        """Apply a change of the directory: only what differs between the firm before, on that day, and the firm now.

        It waits for no pass over everything. Raises as `sync` does; where it did, only a pass over everything is
        certain to find all that is left.
        """
        with patience(PATIENCE):
            epoch = self._work.epoch
            firm, today = self._firm(), self.today()
            then = then or today
            extent = touched(before, then, firm, today, self._settings)
            world = await (read_world(self._store) if extent is None else self._store.run(lambda: load_extent(extent)))
            # By what is stored now: whoever is picked by this change was not in before.
            old = await asyncio.to_thread(desired_of_stored, before, world, self._settings, then)
            wanted = await asyncio.to_thread(desired, firm, world, self._settings, today, extent)
            keys, lost = changed(old.shapes, wanted)
            keys |= {ADMINS_ID} if wanted.new_admins is not None else set()
            keys |= to_look_at(before, wanted, today)
            about = None if extent is None else wanted.world.conversations
            people = {
                staff_id
                for staff_id, account in wanted.world.accounts.items()
                if before.staff.get(staff_id) != wanted.firm.staff.get(staff_id) or not account.profile
            }
            run = self._work.run(wanted, self._work.tally(), epoch)
            run = await self._first_take(run, [one for one in leavers(wanted) if one in people], lost, about)
            shapes = {key: shape for key, shape in wanted.shapes.items() if key in keys}
            return await self._make_right(run, people, shapes)

    async def _desired_of(self, keys: Collection[str]) -> Desired:
        """What should be, as far as the rooms of these keys depend on it, new ones among them."""

        def unit() -> tuple[Extent, World]:
            extent = extent_of(keys)
            return extent, load_extent(extent)

        extent, world = await self._store.run(unit)
        return desired(self._firm(), world, self._settings, self.today(), extent)

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
            untold = await self.guarding.told(within=_MOMENT)
            run = replace(self._work.run(await self._work.part(KEEPER_SPACE), tally), untold=untold)
            for staff_id in people:
                await self._work.shut_account(staff_id, run, thorough=True)
                await self._work.settle_account(staff_id, run)
            if HANDOUTS in due:
                await self.take_back(tally)
            spaces = {key for key in rooms if matter_of_space(key) is not None}
            listing, _ = await self._around(rooms - spaces)
            for wave in (sorted(rooms - spaces), sorted(spaces | listing)):
                await observe.in_parallel(wave, lambda key: self._work.converge_room(key, tally), self._limit)
            for staff_id in people:
                await self._work.farewell(staff_id, run)
        return tally.outcome()

    async def cut_off(self, staff_id: str) -> Outcome:
        """End somebody's sessions, lock their account and take them out of every room, what is secret first (F2).

        It waits for no pass, and for the guard a moment only. What of it fails is tried again by itself. Raises
        Unreachable where the homeserver is away as a whole, and TokenRejected.
        """
        with patience(PATIENCE):
            run = self._work.run(await self._work.part(KEEPER_SPACE), self._work.tally())
            await self._tell_and_take(run, [staff_id], (), (), alone=True)
            return run.tally.outcome()

    async def take_out(self, *keys: str) -> None:
        """Take whoever may not be in these rooms out of them, before anything else is done about them (M3).

        It waits for nobody who works on them. What of it fails is tried again by itself. Raises as `cut_off` does.
        """
        tally = self._work.tally()

        async def one(key: str) -> None:
            part = await self._work.part(key)
            for room in (key, *part.world.earlier.get(key, ())):
                if room in part.shapes:
                    await self._work.shut_room(room, self._work.run(part, tally))

        with patience(PATIENCE):
            await observe.in_parallel(keys, one, self._limit)

    async def take_back(self, tally: Tally | None = None) -> None:
        """Let nobody download a file that the bot gave them about a matter they may not see now (M3, F2).

        What fails is tried again by itself. Raises as `cut_off` does.
        """
        tally = tally or self._work.tally()
        async with tally.item(HANDOUTS, HANDOUTS.id):
            await take_back(self._store, self._homeserver, self._firm(), self.today())

    async def converge(self, *keys: str) -> Outcome:
        """Make these conversations' rooms as they should be, and the spaces that list them."""
        spaces, earlier = await self._around(keys)
        tally = self._work.tally()
        for wave in (set(keys), earlier, spaces):
            # Both before and after: a plan made in between saw the room half-way.
            self._work.note_change(wave)
            with patience(PATIENCE):
                await observe.in_parallel(wave, lambda key: self._work.converge_room(key, tally), self._limit)
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
        """The same for deleting an event. Raises Refused where the bot cannot come back."""
        async with self.visits.visit(key) as room_id:
            if room_id is None:
                raise Refused("redact", 403, "", f"the bot cannot come into the direct conversation {key}")
            txn_id = transaction_id(said_once_as, self._settings.bot_id)
            await self._homeserver.redact(room_id, event_id, reason, txn_id)

    async def _first_take(
        self, run: Run, staff_ids: Collection[str], keys: Collection[str], about: Collection[str] | None = None
    ) -> Run:
        """Take away what must go, then store what is new, of which the guard is told before it comes into being.

        The guard is told `about` these conversations, for None about all.
        """
        untold = await self._tell_and_take(run, staff_ids, keys, about)
        if await self._store_new(run.wanted):
            untold = await self._told(about, anew=untold is None)
        run.tally.failed.extend(self._problems(run.wanted))
        return replace(run, untold=untold)

    async def _tell_and_take(
        self,
        run: Run,
        staff_ids: Collection[str],
        keys: Collection[str],
        about: Collection[str] | None,
        *,
        alone: bool = False,
    ) -> HomeserverError | None:
        """Take away what these leavers have and who must not be in these rooms, as soon as the guard was told.

        For the guard it waits a moment only, so that one that does not answer keeps nobody in. Returns why the guard
        could not be told, or None. `alone` is for where nothing is added after it: accounts are then cut off also
        where they are locked already, and the guard is not waited for in the end.
        """
        telling = asyncio.create_task(self._told(about, anew=True, within=_MOMENT if alone else None))
        try:
            await asyncio.wait({telling}, timeout=_MOMENT)
            await self._take(run, staff_ids, keys, thorough=alone)
            return await telling
        finally:
            telling.cancel()

    async def _told(
        self, about: Collection[str] | None, *, anew: bool, within: float | None = None
    ) -> HomeserverError | None:
        """Tell the guard what changed in the firm and these conversations, for None in all; why not, if that fails."""
        return await self.guarding.told(*(about or ()), everything=about is None, anew=anew, within=within)

    async def _take(self, run: Run, staff_ids: Collection[str], keys: Collection[str], *, thorough: bool) -> None:
        shut = asyncio.Event()

        async def accounts() -> None:
            await observe.in_parallel(
                staff_ids, lambda staff_id: self._work.shut_account(staff_id, run, thorough=thorough), self._limit
            )
            shut.set()

        async def rooms() -> None:
            # After the sessions, where these end at once.
            with suppress(TimeoutError):
                await asyncio.wait_for(shut.wait(), _MOMENT)
            await observe.in_parallel(keys, lambda key: self._work.shut_room(key, run), self._limit)

        async def files() -> None:
            await self.take_back(run.tally)

        await observe.in_parallel((accounts, rooms, files), lambda taking: taking(), 3)

    async def _make_right(self, run: Run, staff_ids: Iterable[str], shapes: Mapping[str, RoomShape]) -> Outcome:
        """These people's accounts, these rooms, and the end of the accounts of those who left."""
        people = sorted(staff_ids)
        await observe.in_parallel(people, lambda staff_id: self._work.settle_account(staff_id, run), self._limit)
        for wave in planned_waves(shapes):
            await observe.in_parallel(wave, lambda one: self._work.settle_room(*one, run), self._limit)
        # Those that list a room which was made anew must follow, whether or not they were to be looked at.
        listing, _ = await self._around(run.tally.lost)
        lists = listing - shapes.keys()
        await observe.in_parallel(lists, lambda key: self._work.converge_room(key, run.tally), self._limit)
        gone = [staff_id for staff_id in people if not may_act(run.wanted.firm, staff_id)]
        await observe.in_parallel(gone, lambda staff_id: self._work.farewell(staff_id, run), self._limit)
        return run.tally.outcome()

    async def _around(self, keys: Iterable[str]) -> tuple[set[str], set[str]]:
        """The keys of the spaces that list these conversations, and of the rooms in which they were held before."""
        worlds = {key: (await self._work.part(key)).world for key in dict.fromkeys(keys)}
        found = {_space_of(world.conversations.get(conversation_of(key))) for key, world in worlds.items()}
        return found - {""}, {room for key, world in worlds.items() for room in world.earlier.get(key, ())}

    async def _plan_wave(
        self, wave: Iterable[tuple[str, Part]], run: Run, new: Collection[str]
    ) -> tuple[RoomPlan, ...]:
        found = await observe.in_parallel(wave, lambda one: self._work.plan_room(*one, run, new), self._limit)
        return tuple(filter(None, found))

    async def _store_new(self, wanted: Desired) -> bool:
        """Store what is new, in pages, what takes away first; whether anything was.

        A firm's first start stores tens of thousands of rows, and events come in meanwhile. What a crash leaves out is
        new to the next pass.
        """

        def picked(some: Iterable[tuple[str, Collection[str]]]) -> None:
            for conversation_id, people in some:
                add_participants(conversation_id, people, "", returning=False)

        run, new_admins = self._store.run, wanted.new_admins
        if wanted.departed:
            await run(lambda: remove_from_all(wanted.departed))
        for accounts in chunked(wanted.new_localparts.items(), _AT_ONCE):
            await run(partial(add_accounts, dict(accounts)))
        for conversations in chunked(wanted.new_conversations, _AT_ONCE):
            await run(partial(add_conversations, conversations))
            faults.point("seeds.page")
        for participants in chunked(wanted.new_participants.items(), _AT_ONCE):
            await run(partial(picked, participants))
        if new_admins is not None:
            await run(lambda: keep_participants(ADMINS_ID, new_admins))
        faults.point("seeds.stored")
        new = wanted.new_localparts or wanted.new_conversations or wanted.new_participants or wanted.departed
        return bool(new) or new_admins is not None

    def _problems(self, wanted: Desired) -> list[str]:
        """What a person must put right; it is kept for whoever asks."""
        self.needs_person = tuple(problem.message for problem in wanted.problems)
        for problem in self.needs_person:
            log.warning("needs_a_person", problem=problem)
        return list(self.needs_person)


def _space_of(conversation: Conversation | None) -> str:
    """The key of the space that lists this conversation; empty where none does."""
    if conversation is None or conversation.kind not in SHARED:
        return ""
    return matter_space_key(conversation.matter_id) if conversation.matter_id else STAFF_SPACE
