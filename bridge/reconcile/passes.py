"""Passes over the firm or a part of it: what takes access away first, and then everything, a few rooms at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date

import structlog

from bridge.firm.conversation import ADMINS_ID
from bridge.firm.difference import differing
from bridge.firm.model import Firm
from bridge.firm.policy import may_act
from bridge.firm.room_keys import KEEPER_SPACE, matter_of_space
from bridge.mapping.rooms.shapes import RoomShape
from bridge.matrix.errors import GuardKnowsMoreError
from bridge.matrix.port import Homeserver
from bridge.matrix.retry import patience
from bridge.reconcile import waits
from bridge.reconcile.again import HANDOUTS
from bridge.reconcile.guarding import Guarding
from bridge.reconcile.planning.anew import to_look_at
from bridge.reconcile.planning.desired import Desired, desired, desired_of_stored
from bridge.reconcile.planning.parts import waves
from bridge.reconcile.planning.revocations import changed, leavers, losing, walled_off
from bridge.reconcile.planning.scope import touched
from bridge.reconcile.rooms.handouts import take_back
from bridge.reconcile.rooms.observe import Json, in_parallel
from bridge.reconcile.rooms.pictures import give_bot_picture
from bridge.reconcile.storing import store_new
from bridge.reconcile.tally import Progress, Result, Tally
from bridge.reconcile.work.run import OF_NOBODY, Run
from bridge.reconcile.work.work import Work
from bridge.settings import Settings
from bridge.store.engine.store import Store
from bridge.store.rooms.world import Extent, World, slices

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a pass does about a part of the firm."""

    keys: Collection[str]
    """Of the rooms to be made as they should be."""
    losing: Mapping[str, frozenset[str]]
    """The user ids of those who must not be there, by what is stored, by the keys of the rooms."""
    maybe: Sequence[str] = ()
    """The keys of those in which somebody may be, by what was left undone."""


_Look = Callable[[Extent, World, Desired], _Seen]
"""From a part of the firm, as it is stored and as it should be, to what is done about it."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the firm as it should be, and what a pass does about it."""

    wanted: Desired
    epoch: int
    """The count of changes before it was read."""
    shapes: Mapping[str, RoomShape]
    """The rooms to be made as they should be."""
    seen: _Seen


@dataclass(frozen=True, slots=True)
class _Scan:
    """What was found before anything is done."""

    first: _Part
    rooms: int
    """How many are to be looked at."""
    losing: Mapping[str, frozenset[str]]
    """The user ids of those who have to be taken out, by the keys of the rooms, the most certain first; nobody where
    it is not known who that is."""


class Passes:
    """Makes the firm, or what differs in it, as it should be.

    All of the firm is looked at in slices: no more of it is in memory at a time than the rooms that are worked on.
    """

    def __init__(
        self,
        store: Store,
        homeserver: Homeserver,
        settings: Settings,
        firm: Callable[[], Firm],
        today: Callable[[], date],
        guarding: Guarding,
        work: Work,
    ) -> None:
        """`firm` and `today` are as of now."""
        self._store = store
        self._homeserver = homeserver
        self._settings = settings
        self._firm = firm
        self._today = today
        self._guarding = guarding
        self._work = work
        self._limit = settings.homeserver.concurrency
        self._whole = asyncio.Lock()
        self.needs_person: tuple[str, ...] = ()
        """What only a person can put right, as sentences."""

    async def shut_out(self) -> Result:
        """Finish what was begun about leavers and walls, before anything else is done or anybody answered (F2, M3).

        What fails about a single account or room is tried again by itself. Raises HomeserverAwayError where the
        homeserver is away as a whole, GuardKnowsMoreError where this database may lack walls, and TokenRejectedError.
        """
        with patience(waits.PATIENCE):
            # First, since of what this database lost in a backup the guard may know.
            untold = await self._guarding.told(everything=True, anew=True, within=waits.GUARD)
            tally = self._work.runs.tally()
            scan = await self.scan(await self._slices(), self._everything())
            await self._take(tally, leavers(scan.first.wanted), scan.losing, thorough=True)
            log.info("shut_out", rooms=len(scan.losing), steps=tally.steps, failed=len(tally.failed))
            if isinstance(untold, GuardKnowsMoreError):
                # Whom to answer cannot be known before that is.
                raise untold
            return tally.outcome()

    async def sync(self, on_progress: Progress | None = None) -> Result:
        """Make everything as it should be, a few rooms at a time, and what takes access away first.

        What fails about a single account or room is tried again by itself. Raises HomeserverAwayError where the
        homeserver is away as a whole, and TokenRejectedError; it can then be called again.
        """

        def everybody(wanted: Desired) -> Collection[str]:
            return wanted.world.accounts.keys()

        async with self._whole:
            with patience(waits.PATIENCE):
                tally = self._work.runs.tally(on_progress=on_progress)
                outcome = await self._make_right(await self._slices(), self._everything(), everybody, tally, direct={})
                await give_bot_picture(self._homeserver, self._store, self._settings)
                return outcome

    async def follow(self, before: Firm, then: date | None = None) -> Result:
        """Apply a change of the directory: only what differs between the firm before, on that day, and the firm now.

        It waits for no pass over everything. Raises as `sync` does; where it did, only a pass over everything is
        certain to find all that is left.
        """
        then = then or self._today()

        def look(extent: Extent, stored: World, wanted: Desired) -> _Seen:
            # By what is stored now: whoever is picked by this change was not in before.
            known = self._work.desired.user_ids(stored.accounts)
            old = desired_of_stored(before, stored, self._settings, then, extent, known)
            keys, lost = changed(old.shapes, wanted)
            keys |= {ADMINS_ID} if wanted.new_admins is not None else set()
            return _Seen(keys | to_look_at(before, wanted, self._today()), lost)

        def concerned(wanted: Desired) -> Collection[str]:
            others = differing(before.staff, wanted.firm.staff)
            accounts = wanted.world.accounts
            return {staff_id for staff_id, account in accounts.items() if staff_id in others or not account.profile}

        with patience(waits.PATIENCE):
            extent = await asyncio.to_thread(touched, before, then, self._firm(), self._today(), self._settings)
            extents = await self._slices() if extent is None else [extent]
            return await self._make_right(extents, look, concerned, self._work.runs.tally(), alone=extent is not None)

    async def cut_off(self, staff_id: str) -> Result:
        """End somebody's sessions, lock their account and take them out of every room, what is secret first (F2).

        It waits for no pass, and for the guard a moment only. What of it fails is tried again by itself. Raises
        UnreachableError where the homeserver is away as a whole, and TokenRejectedError.
        """
        with patience(waits.PATIENCE):
            tally = self._work.runs.tally()
            await self._tell_and_take(tally, [staff_id], {}, (), alone=True)
            return tally.outcome()

    async def take_out(self, *keys: str) -> None:
        """Take whoever may not be in these rooms out of them, before anything else is done about them (M3).

        It waits for nobody who works on them. What of it fails is tried again by itself. Raises as `cut_off` does.
        """
        tally = self._work.runs.tally()

        async def one(key: str) -> None:
            part = await self._work.desired.part(key)
            for room in (key, *part.world.earlier.get(key, ())):
                await self._work.rooms.shut(room, tally, part)

        with patience(waits.PATIENCE):
            await self._spaces_first(keys, one)

    async def take_back(self, tally: Tally | None = None) -> None:
        """Let nobody download a file that the bot gave them about a matter they may not see now (M3, F2).

        What fails is tried again by itself. Raises as `cut_off` does.
        """
        tally = tally or self._work.runs.tally()
        async with tally.item(HANDOUTS, HANDOUTS.id):
            await take_back(self._store, self._homeserver, self._firm(), self._today())

    async def _slices(self) -> list[Extent]:
        return await slices(self._store, self._firm())

    def _everything(self) -> _Look:
        """What a pass over everything does."""
        walled = walled_off(self._firm(), self._today())
        return lambda _, __, wanted: _Seen(wanted.shapes.keys(), *losing(wanted, walled))

    async def _part(self, extent: Extent, look: _Look, *, first: bool) -> _Part:
        epoch, firm = self._work.runs.epoch, self._firm()
        world = await self._work.desired.world(extent)

        def found() -> _Part:
            known = self._work.desired.user_ids(world.accounts)
            wanted = desired(firm, world, self._settings, self._today(), extent, known)
            seen = look(extent, world, wanted)
            left_out = frozenset[str]() if first else OF_NOBODY
            shapes = {key: one for key, one in wanted.shapes.items() if key in seen.keys and key not in left_out}
            return _Part(wanted, epoch, shapes, seen)

        # Beside the event loop: a change may touch hundreds of matters.
        return await asyncio.to_thread(found)

    async def scan(self, extents: Sequence[Extent], look: _Look) -> _Scan:
        """What there should be and what there is in these parts, the first of which is that of the spaces."""
        first = await self._part(extents[0], look, first=True)
        rooms, losing, maybe = len(first.shapes), dict(first.seen.losing), list(first.seen.maybe)
        for extent in extents[1:]:
            part = await self._part(extent, look, first=False)
            rooms += len(part.shapes)
            losing.update(part.seen.losing)
            maybe += part.seen.maybe
        return _Scan(first, rooms, {**losing, **dict.fromkeys(maybe, frozenset[str]())})

    async def _make_right(
        self,
        extents: Sequence[Extent],
        look: _Look,
        whom: Callable[[Desired], Collection[str]],
        tally: Tally,
        *,
        alone: bool = False,
        direct: dict[str, Json] | None = None,
    ) -> Result:
        """Take away what must go; then make accounts and rooms as they should be, and end the accounts of leavers.

        The guard is told about all conversations, or where the first part is `alone` about those in it.
        """
        scan = await self.scan(extents, look)
        first = scan.first
        people = sorted(whom(first.wanted))
        tally.total = len(people) + scan.rooms
        about = first.wanted.world.conversations.keys() if alone else None
        gone = [staff_id for staff_id in leavers(first.wanted) if staff_id in people]
        await self._tell_and_take(tally, gone, scan.losing, about)
        run = await self._begin(first, tally, direct)
        self._note_problems(first.wanted, tally)
        await in_parallel(people, lambda staff_id: self._work.accounts.settle(staff_id, run), self._limit)
        await self._settle(run, first.shapes, self._limit)

        async def one(extent: Extent) -> None:
            part = await self._part(extent, look, first=False)
            # One room after another, so that one that hangs keeps no other slice waiting.
            await self._settle(await self._begin(part, tally, direct), part.shapes, 1)

        await in_parallel(extents[1:], one, self._limit)
        # Those that list a room which was made anew must follow, whether or not they were to be looked at.
        listing, _ = await self._work.desired.around(tally.lost)
        await in_parallel(listing, lambda key: self._work.rooms.converge(key, tally), self._limit)
        left = [staff_id for staff_id in people if not may_act(run.wanted.firm, staff_id)]
        await in_parallel(left, lambda staff_id: self._work.accounts.farewell(staff_id, run), self._limit)
        return tally.outcome()

    async def _begin(self, part: _Part, tally: Tally, direct: dict[str, Json] | None) -> Run:
        """Store what is new in this part, and tell the guard of it before it comes into being."""
        untold = self._guarding.away
        if await store_new(self._store, part.wanted):
            keys = part.wanted.world.conversations.keys()
            untold = await self._guarding.told(*keys, within=waits.GUARD)
        return replace(self._work.runs.begin(part.wanted, tally, part.epoch, direct), untold=untold)

    async def _settle(self, run: Run, shapes: Mapping[str, RoomShape], at_once: int) -> None:
        for wave in waves(shapes, run.wanted.world.rooms):
            await in_parallel(wave, lambda one: self._work.rooms.settle(*one, run), at_once)

    async def _tell_and_take(
        self,
        tally: Tally,
        staff_ids: Collection[str],
        losing: Mapping[str, frozenset[str]],
        about: Collection[str] | None,
        *,
        alone: bool = False,
    ) -> None:
        """Take away what these leavers have and who must not be in these rooms, as soon as the guard was told about
        these conversations, for None about all.

        For the guard it waits a moment only, so that one that does not answer keeps nobody in. `alone` is for where
        nothing is added after it: accounts are then cut off also where they are locked already, and the guard is not
        waited for in the end.
        """
        within = waits.MOMENT if alone else None
        told = self._guarding.told(*(about or ()), everything=about is None, anew=True, within=within)
        telling = asyncio.create_task(told)
        try:
            await asyncio.wait({telling}, timeout=waits.MOMENT)
            await self._take(tally, staff_ids, losing, thorough=alone)
            await telling
        finally:
            telling.cancel()

    async def _take(
        self, tally: Tally, staff_ids: Collection[str], losing: Mapping[str, frozenset[str]], *, thorough: bool
    ) -> None:
        shut = asyncio.Event()
        out: set[str] = set()
        """The user ids of leavers who are out of every room."""

        async def accounts() -> None:
            run = self._work.runs.begin(await self._work.desired.part(KEEPER_SPACE), tally)

            async def one(staff_id: str) -> None:
                if await self._work.accounts.shut(staff_id, run, thorough=thorough):
                    out.add(run.wanted.user_ids[staff_id])

            await in_parallel(staff_ids, one, self._limit)
            shut.set()

        async def rooms() -> None:
            # After the sessions, where these end at once.
            with suppress(TimeoutError):
                await asyncio.wait_for(shut.wait(), waits.MOMENT)
            keys = [key for key, who in losing.items() if not who or not who <= out]
            await self._spaces_first(keys, lambda key: self._work.rooms.shut(key, tally))

        async def files() -> None:
            await self.take_back(tally)

        await in_parallel((accounts, rooms, files), lambda taking: taking(), 3)

    async def _spaces_first(self, keys: Collection[str], shut: Callable[[str], Awaitable[None]]) -> None:
        """From a matter's space one may come into the conversations that it lists, until the guard knows better."""
        spaces = [key for key in keys if matter_of_space(key) is not None]
        done = asyncio.Event()

        async def of_spaces() -> None:
            await in_parallel(spaces, shut, self._limit)
            done.set()

        async def of_others() -> None:
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), waits.MOMENT)
            await in_parallel([key for key in keys if key not in spaces], shut, self._limit)

        await in_parallel((of_spaces, of_others), lambda taking: taking(), 2)

    def _note_problems(self, wanted: Desired, tally: Tally) -> None:
        """What a person must put right; it is kept for whoever asks."""
        self.needs_person = tuple(problem.message for problem in wanted.problems)
        for problem in self.needs_person:
            log.warning("needs_a_person", problem=problem)
        tally.failed.extend(self.needs_person)
