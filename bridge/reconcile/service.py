"""Reconciliation: plan everything or some conversations, and apply. The only way in which rooms and members change."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from bridge import faults
from bridge.firm.conversation import ADMINS_ID, SHARED, Conversation
from bridge.firm.model import Firm
from bridge.firm.policy import may_act
from bridge.firm.room_keys import KEEPER_SPACE, STAFF_SPACE, matter_of_space, matter_space_key
from bridge.mapping.rooms import RoomShape
from bridge.matrix.errors import HomeserverError, NotFound, Refused, Unreachable
from bridge.matrix.port import Homeserver
from bridge.matrix.retry import patience
from bridge.reconcile import observe
from bridge.reconcile.accounts import apply_account, cut_off, plan_accounts, plan_farewells
from bridge.reconcile.again import HANDOUTS, Again, account, room
from bridge.reconcile.again import Kind as ThingKind
from bridge.reconcile.apply import Hands, apply_room
from bridge.reconcile.desired import Desired, desired, desired_of_stored
from bridge.reconcile.drift import deleted
from bridge.reconcile.farewell import leave_everything
from bridge.reconcile.first_things import changed, leavers, losing
from bridge.reconcile.guarding import Guarding
from bridge.reconcile.handouts import take_back
from bridge.reconcile.plan import ENDING, Action, Observed, Plan, RoomPlan, Server, Step
from bridge.reconcile.planning import Part, Planning
from bridge.reconcile.planning import waves as planned_waves
from bridge.reconcile.presence import require_presence
from bridge.reconcile.tally import Item, Outcome, Progress, Tally
from bridge.settings import FirmSettings, Settings
from bridge.store.conversations import (
    add_accounts,
    add_conversations,
    add_participants,
    keep_participants,
    load_part,
    load_world,
    now_ms,
    remove_from_all,
    room_of,
    rooms_of_matters,
    undo_leaves,
)
from bridge.store.drift import mark_put_back, note_difference
from bridge.store.outbox import transaction_id
from bridge.store.store import Store

log = structlog.get_logger(__name__)
PATIENCE = 30.0
"""Seconds for which a pass repeats one request: what fails is tried again by itself, and must not hold up the rest."""
_MOMENT = 3.0
"""Seconds for which what takes access away waits for the guard."""
_GUARD_SECONDS = 10.0
"""Seconds for which one room waits for it."""
_MANY = 100
"""So many failures are more easily put right by a pass over everything."""
_DELETING_MS = 60_000
"""How long the homeserver may take to put everybody out of a room that an admin deletes."""


def firm_today(settings: FirmSettings) -> date:
    """The day in the firm's time zone, by which walls begin and end."""
    return _day(settings.timezone, int(time.time() // 60))


@lru_cache(maxsize=8)
def _day(timezone: str, minute: int) -> date:
    """The day of a minute since the epoch. It is asked for all the time."""
    return datetime.fromtimestamp(minute * 60, ZoneInfo(timezone)).date()


@dataclass(frozen=True)
class Run:
    """One pass under way, or the work on one room."""

    planning: Planning
    hands: Hands
    tally: Tally
    epoch: int
    """The count of changes before `wanted` was read."""
    direct: dict[str, observe.Json] | None = None
    """m.direct as read in this pass, by user id; None where it is not read before it is written."""
    untold: HomeserverError | None = None
    """Why the guard could not be told, so that nobody is let in."""

    @property
    def wanted(self) -> Desired:
        """What should be."""
        return self.planning.wanted


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
        self._server = Server(settings.bot_id, settings.homeserver.room_version, settings.sender_id)
        self._limit = settings.homeserver.concurrency
        self.guarding = Guarding(store, homeserver, settings, firm)
        self._room_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._direct_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._account_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.again = Again()
        """What could not be made as it should be."""
        self.needs_person: tuple[str, ...] = ()
        """What only a person can put right, as sentences."""
        self._whole = asyncio.Lock()
        self._epoch = 0
        """Counts the changes to conversations, so that a plan knows when it is old."""
        self._changed: dict[str, int] = {}
        """The count at each room's last change, by key."""

    def today(self) -> date:
        """The firm's day."""
        return firm_today(self._settings.firm)

    async def desired(self) -> Desired:
        """What should be, from the firm and what is stored."""
        world = await self._store.run(load_world)
        return desired(self._firm(), world, self._settings, self.today())

    async def shape(self, key: str) -> RoomShape | None:
        """The room of this key as it should be by what is stored; None where there should be none."""
        return (await self._part(key)).shapes.get(key)

    async def plan(self, keys: Collection[str] | None = None) -> Plan:
        """What a sync would do, or what it would do about the rooms of these keys. Changes nothing, here or on the
        homeserver (O2). What cannot be read is among its problems."""
        wanted = await self.desired()
        tally = self._tally(Again())
        shapes = wanted.shapes if keys is None else {key: wanted.shapes[key] for key in wanted.shapes if key in keys}
        accounts, farewells = await self._account_steps(wanted if keys is None else None, tally)
        new = {step.who for step in accounts if step.action is Action.CREATE_ACCOUNT}
        run = self._run(wanted, tally, direct={})
        waves = [await self._plan_wave(wave, run, new) for wave in planned_waves(shapes)]
        problems = (*(problem.message for problem in wanted.problems), *tally.failed)
        return Plan(tuple(accounts), tuple(waves), tuple(farewells), problems)

    async def shut_out(self) -> Outcome:
        """Finish what was begun about leavers and walls, before anything else is done or anybody answered (F2, M3).

        What fails about a single account or room is tried again by itself. Raises HomeserverAway where the homeserver
        is away as a whole, and TokenRejected.
        """
        with patience(PATIENCE):
            wanted = await self.desired()
            tally = self._tally()
            keys = losing(wanted, self.today())
            run = self._run(wanted, tally)
            await self._tell_and_take(run, leavers(wanted), keys, thorough=True)
            log.info("shut_out", rooms=len(keys), steps=tally.steps, failed=len(tally.failed))
            return tally.outcome()

    async def sync(self, on_progress: Progress | None = None) -> Outcome:
        """Make everything as it should be, a few rooms at a time, and what takes access away first.

        What fails about a single account or room is tried again by itself. Raises HomeserverAway where the homeserver
        is away as a whole, and TokenRejected; it can then be called again.
        """
        async with self._whole:
            with patience(PATIENCE):
                # Read before the world is, so that whatever changes from here on is noticed.
                epoch = self._epoch
                wanted = await self.desired()
                run = self._run(wanted, self._tally(on_progress=on_progress), epoch, direct={})
                run.tally.total = len(wanted.world.accounts) + sum(map(len, planned_waves(wanted.shapes)))
                run = await self._first_take(run, leavers(wanted), losing(wanted, self.today()))
                return await self._make_right(run, wanted.world.accounts, wanted.shapes)

    async def follow(self, before: Firm, then: date | None = None) -> Outcome:
        """Apply a change of the directory: only what differs between the firm before, on that day, and the firm now.

        It waits for no pass over everything. Raises as `sync` does; where it did, only a pass over everything is
        certain to find all that is left.
        """
        with patience(PATIENCE):
            epoch = self._epoch
            world = await self._store.run(load_world)
            wanted = desired(self._firm(), world, self._settings, self.today())
            # By what is stored now: whoever is picked by this change was not in before.
            old = desired_of_stored(before, world, self._settings, then or self.today())
            keys, lost = changed(old.shapes, wanted)
            people = {
                staff_id
                for staff_id, account in wanted.world.accounts.items()
                if before.staff.get(staff_id) != wanted.firm.staff.get(staff_id) or not account.profile
            }
            run = self._run(wanted, self._tally(), epoch)
            run = await self._first_take(run, [one for one in leavers(wanted) if one in people], lost)
            shapes = {key: shape for key, shape in wanted.shapes.items() if key in keys}
            return await self._make_right(run, people, shapes)

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
        tally = self._tally()
        with patience(PATIENCE):
            untold = await self.guarding.told(within=_GUARD_SECONDS)
            run = replace(self._run(await self._part(KEEPER_SPACE), tally), untold=untold)
            for staff_id in people:
                await self._shut_account(staff_id, run, thorough=True)
                await self._account(staff_id, run)
            if HANDOUTS in due:
                await self.take_back(tally)
            spaces = {key for key in rooms if matter_of_space(key) is not None}
            for wave in (sorted(rooms - spaces), sorted(spaces | await self._spaces_of(rooms - spaces))):
                await observe.in_parallel(wave, lambda key: self._converge_room(key, tally), self._limit)
            for staff_id in people:
                await self._farewell(staff_id, run)
        return tally.outcome()

    async def cut_off(self, staff_id: str) -> Outcome:
        """End somebody's sessions, lock their account and take them out of every room, what is secret first (F2).

        It waits for no pass, and for the guard a moment only. What of it fails is tried again by itself. Raises
        Unreachable where the homeserver is away as a whole, and TokenRejected.
        """
        with patience(PATIENCE):
            run = self._run(await self._part(KEEPER_SPACE), self._tally())
            await self._tell_and_take(run, [staff_id], (), thorough=True)
            return run.tally.outcome()

    async def take_out(self, *keys: str) -> None:
        """Take whoever may not be in these rooms out of them, before anything else is done about them (M3).

        It waits for nobody who works on them. What of it fails is tried again by itself. Raises as `cut_off` does.
        """
        tally = self._tally()

        async def one(key: str) -> None:
            part = await self._part(key)
            if key in part.shapes:
                await self._shut_room(key, self._run(part, tally))

        with patience(PATIENCE):
            await observe.in_parallel(keys, one, self._limit)

    async def take_back(self, tally: Tally | None = None) -> None:
        """Let nobody download a file that the bot gave them about a matter they may not see now (M3, F2).

        What fails is tried again by itself. Raises as `cut_off` does.
        """
        tally = tally or self._tally()
        async with tally.item(HANDOUTS, HANDOUTS.id):
            await take_back(self._store, self._homeserver, self._firm(), self.today())

    async def converge(self, *keys: str) -> Outcome:
        """Make these conversations' rooms as they should be, and the spaces that list them."""
        spaces = await self._spaces_of(keys)
        tally = self._tally()
        for wave in (set(keys), spaces):
            # Both before and after: a plan made in between saw the room half-way.
            self._note_change(wave)
            await observe.in_parallel(wave, lambda key: self._converge_room(key, tally), self._limit)
            self._note_change(wave)
        if tally.lost & {KEEPER_SPACE, STAFF_SPACE}:
            # Other rooms name these spaces in their join rules.
            return await self.sync()
        return tally.outcome()

    async def look_at(self, key: str) -> Outcome:
        """Make one room as it should be, and others only where they must follow because it was gone (O3)."""
        tally = self._tally()
        self._note_change((key,))
        await self._converge_room(key, tally)
        self._note_change((key,))
        if tally.lost:
            return await (self.sync() if key in {KEEPER_SPACE, STAFF_SPACE} else self.converge(key))
        return tally.outcome()

    async def say_in_direct(self, key: str, content: dict[str, Any], said_once_as: str) -> None:
        """Let the bot come back into a direct conversation, say something and leave again (D2, D3).

        With the same `said_once_as` it is said once. A room that the bot cannot come back into stays without it.
        """
        async with self._visit(key) as room_id:
            if room_id is not None:
                bot_id = self._settings.bot_id
                txn_id = transaction_id(said_once_as, bot_id)
                await self._homeserver.send(room_id, bot_id, "m.room.message", content, txn_id)
                faults.point("direct.said")

    async def set_in_direct(self, key: str, event_type: str, content: dict[str, Any]) -> None:
        """The same for a state event with an empty key."""
        async with self._visit(key) as room_id:
            if room_id is not None:
                await self._homeserver.put_state(room_id, event_type, "", content)

    async def redact_in_direct(self, key: str, event_id: str, reason: str, said_once_as: str) -> None:
        """The same for deleting an event. Raises Refused where the bot cannot come back."""
        async with self._visit(key) as room_id:
            if room_id is None:
                raise Refused("redact", 403, "", f"the bot cannot come into the direct conversation {key}")
            txn_id = transaction_id(said_once_as, self._settings.bot_id)
            await self._homeserver.redact(room_id, event_id, reason, txn_id)

    @asynccontextmanager
    async def _visit(self, key: str) -> AsyncIterator[str | None]:
        """The room of a direct conversation, with the bot in it for the moment; None where it cannot come back."""
        async with self._room_locks[key]:
            room_id = await self._store.run(lambda: room_of(key))
            bot_id = self._settings.bot_id
            if room_id is not None:
                try:
                    await self._homeserver.join(room_id, bot_id)
                except (Refused, NotFound) as error:
                    log.warning("not_visited", conversation=key, room_id=room_id, reason=str(error))
                    room_id = None
            yield room_id
            if room_id is not None:
                await self._homeserver.leave(room_id, bot_id)

    def _note_change(self, keys: Iterable[str]) -> None:
        self._epoch += 1
        self._changed.update(dict.fromkeys(keys, self._epoch))

    async def _first_take(self, run: Run, staff_ids: Collection[str], keys: Collection[str]) -> Run:
        """Take away what must go, then store what is new, of which the guard is told before it comes into being."""
        untold = await self._tell_and_take(run, staff_ids, keys)
        if await self._store_new(run.wanted):
            untold = await self.guarding.told(everything=True, anew=untold is None)
        run.tally.failed.extend(self._problems(run.wanted))
        return replace(run, untold=untold)

    async def _tell_and_take(
        self, run: Run, staff_ids: Collection[str], keys: Collection[str], *, thorough: bool = False
    ) -> HomeserverError | None:
        """Take away what these leavers have and who must not be in these rooms, as soon as the guard was told.

        For the guard it waits a moment only, so that one that does not answer keeps nobody in. Returns why the guard
        could not be told, or None.
        """
        telling = asyncio.create_task(self.guarding.told(everything=True, anew=True))
        try:
            await asyncio.wait({telling}, timeout=_MOMENT)
            await observe.in_parallel(
                staff_ids, lambda staff_id: self._shut_account(staff_id, run, thorough=thorough), self._limit
            )
            await observe.in_parallel(keys, lambda key: self._shut_room(key, run), self._limit)
            await self.take_back(run.tally)
            return await telling
        finally:
            telling.cancel()

    async def _shut_account(self, staff_id: str, run: Run, *, thorough: bool) -> None:
        """Cut somebody off; `thorough` also where their account is locked already, as a crash may leave it."""
        wanted = run.wanted
        user_id = wanted.user_ids.get(staff_id)
        if user_id is None or may_act(self._firm(), staff_id):
            return
        thing, name, there = account(staff_id), _name(staff_id, wanted), None
        async with run.tally.item(thing, name, in_part=True) as item:
            there = await self._homeserver.admin_user(user_id)
            if there is None or there.get("deactivated"):
                return
            if thorough or not there.get("locked"):
                await cut_off(self._homeserver, user_id)
                item.steps = 1
        async with run.tally.item(thing, name, in_part=True) as item:
            secret = await self._store.run(rooms_of_matters)
            item.steps = await leave_everything(self._homeserver, user_id, secret)
            # After the rooms, which a database that takes nothing in keeps nobody in.
            await self._store.run(lambda: remove_from_all({staff_id}))

    async def _shut_room(self, key: str, run: Run) -> None:
        """Take out who may not be in a room. It waits for nobody who works on the room: nobody else brings them in."""
        shape = run.wanted.shapes[key]
        async with run.tally.item(room(key), shape.label, in_part=True) as item:
            observed = await self._observe(shape, dict(run.planning.room_ids))
            plan = run.planning.removals(shape, observed, self._firm())
            if plan.steps:
                await self._apply_room(plan, run)
                item.steps = len(plan.steps)

    async def _make_right(self, run: Run, staff_ids: Iterable[str], shapes: Mapping[str, RoomShape]) -> Outcome:
        """These people's accounts, these rooms, and the end of the accounts of those who left."""
        people = sorted(staff_ids)
        await observe.in_parallel(people, lambda staff_id: self._account(staff_id, run), self._limit)
        for wave in planned_waves(shapes):
            await observe.in_parallel(wave, lambda one: self._room(*one, run), self._limit)
        gone = [staff_id for staff_id in people if not may_act(run.wanted.firm, staff_id)]
        await observe.in_parallel(gone, lambda staff_id: self._farewell(staff_id, run), self._limit)
        return run.tally.outcome()

    async def _account(self, staff_id: str, run: Run) -> None:
        """Make somebody's account as it should be by now, but for its end."""
        name, lock = _name(staff_id, run.wanted), self._account_locks[staff_id]
        wanted = replace(run.wanted, firm=self._firm())
        ends = not may_act(wanted.firm, staff_id)
        async with run.tally.item(account(staff_id), name, in_part=ends) as item, lock:
            user_id = wanted.user_ids[staff_id]
            there = await self._homeserver.admin_user(user_id)
            existing = {user_id: there} if there is not None else {}
            avatars = self._settings.accounts.avatars
            for step in plan_accounts(wanted, [staff_id], existing, avatars=avatars):
                if run.untold is not None and step.action not in ENDING:
                    raise run.untold
                await apply_account(step, wanted, self._homeserver, self._store, avatars=avatars)
                item.steps += 1

    async def _farewell(self, staff_id: str, run: Run) -> None:
        """End the account of somebody who left, now that they are out of the rooms."""
        async with run.tally.item(account(staff_id), _name(staff_id, run.wanted)) as item:
            wanted = replace(run.wanted, firm=self._firm())
            user_id = wanted.user_ids[staff_id]
            there = await self._homeserver.admin_user(user_id)
            if there is not None and not there.get("locked") and not may_act(wanted.firm, staff_id):
                # What failed before may go by now; an account that was ended unlocked can be signed in to by an admin.
                await cut_off(self._homeserver, user_id)
            existing = {user_id: there} if there is not None else {}
            for step in plan_farewells(wanted, [staff_id], existing):
                if run.untold is not None:
                    # The guard lets no account of active staff be ended.
                    raise run.untold
                await apply_account(step, wanted, self._homeserver, self._store, avatars=False)
                item.steps += 1

    async def _room(self, key: str, part: Part, run: Run) -> None:
        """Make one room as it should be, by what the pass read, or by what is stored where that has changed since."""
        shape = run.wanted.shapes[key]
        async with run.tally.item(room(key), shape.label) as item, self._room_locks[key]:
            stale = self._changed.get(key, 0) > run.epoch or self._firm() is not run.wanted.firm
            plan = None
            if not stale:
                await self._read_direct(shape, run)
                plan = run.planning.room(shape, await self._observe(shape, run.planning.room_ids), part)
            if plan is None or deleted(plan):
                await self._put_right(key, run.tally, item)
                # It may have been made just now, and spaces further on list it.
                if made := await self._store.run(lambda: room_of(key)):
                    run.planning.room_ids[key] = made
                return
            await self._apply_room(plan, run)
            item.steps = len(plan.steps)
            if any(step.action is Action.CREATE_ROOM for step in plan.steps):
                self._note_change((key,))

    async def _spaces_of(self, keys: Iterable[str]) -> set[str]:
        """The keys of the spaces that list these conversations."""
        found = [_space_of((await self._part(key)).world.conversations.get(key)) for key in dict.fromkeys(keys)]
        return {space for space in found if space}

    async def _converge_room(self, key: str, tally: Tally) -> None:
        async with tally.item(room(key), key) as item, self._room_locks[key]:
            with patience(PATIENCE):
                await self._put_right(key, tally, item)

    async def _put_right(self, key: str, tally: Tally, item: Item) -> None:
        """Make one room as it should be by what is stored. The caller has its lock."""
        wanted = await self._part(key)
        if key not in wanted.shapes:
            return
        item.label = wanted.shapes[key].label
        untold = await self.guarding.told(key, within=_GUARD_SECONDS)
        run = replace(self._run(wanted, tally), untold=untold)
        plan = await self._plan_stored(key, run)
        if deleted(plan):
            tally.lost.add(key)
            since = now_ms() - _DELETING_MS
            if await self._store.run(lambda: undo_leaves(key, since, "room deleted")):
                run = replace(self._run(await self._part(key), tally), untold=untold)
                plan = await self._plan_stored(key, run)
        await self._apply_room(plan, run)
        item.steps = len(plan.steps)

    async def _plan_stored(self, key: str, run: Run) -> RoomPlan:
        shape, room_ids = run.wanted.shapes[key], run.planning.room_ids
        # What is not made yet is listed when it is.
        shape = replace(shape, children=tuple(child for child in shape.children if child in room_ids))
        return run.planning.room(shape, await self._observe(shape, room_ids))

    async def _observe(self, shape: RoomShape, room_ids: dict[str, str]) -> Observed | None:
        """The room as it is; where it is gone, its id is forgotten here."""
        if shape.key not in room_ids:
            return None
        found = await observe.observe_room(self._homeserver, room_ids[shape.key], bot_expected=shape.bot_stays)
        if found is None:
            del room_ids[shape.key]
        return found

    async def _read_direct(self, shape: RoomShape, run: Run, new: Collection[str] = ()) -> None:
        """Read the lists of direct conversations that this room must be in, each once in a pass."""
        known = run.direct
        if known is None or not shape.is_direct or shape.key not in run.planning.room_ids:
            return
        for user_id in sorted(shape.members - known.keys() - set(new)):
            try:
                known[user_id] = await observe.observe_direct(self._homeserver, user_id)
            except Unreachable as error:
                # That person's own step meets it again, after all others.
                await require_presence(self._homeserver, error)

    async def _plan_wave(
        self, wave: Iterable[tuple[str, Part]], run: Run, new: Collection[str]
    ) -> tuple[RoomPlan, ...]:
        async def one(which: tuple[str, Part]) -> RoomPlan | None:
            key, part = which
            shape, plan = run.wanted.shapes[key], None
            async with run.tally.item(room(key), shape.label):
                await self._read_direct(shape, run, new)
                plan = run.planning.room(shape, await self._observe(shape, run.planning.room_ids), part)
            return plan if plan is not None and plan.steps else None

        return tuple(filter(None, await observe.in_parallel(wave, one, self._limit)))

    async def _part(self, key: str) -> Desired:
        """What should be, as far as this room needs it: a small part of the whole is read and computed."""
        world = await self._store.run(lambda: load_part(key))
        return desired_of_stored(self._firm(), world, self._settings, self.today())

    async def _store_new(self, wanted: Desired) -> bool:
        """Store what is new; whether anything was."""

        def unit() -> None:
            remove_from_all(wanted.departed)
            add_accounts(dict(wanted.new_localparts))
            add_conversations(wanted.new_conversations)
            for conversation_id, people in wanted.new_participants.items():
                add_participants(conversation_id, people, "", returning=False)
            if wanted.new_admins is not None:
                keep_participants(ADMINS_ID, wanted.new_admins)

        new = wanted.new_localparts or wanted.new_conversations or wanted.new_participants or wanted.departed
        if not new and wanted.new_admins is None:
            return False
        await self._store.run(unit)
        faults.point("seeds.stored")
        return True

    async def _account_steps(self, wanted: Desired | None, tally: Tally) -> tuple[list[Step], list[Step]]:
        """What accounts need before the rooms are done, and what those of leavers need after it."""
        accounts: list[Step] = []
        farewells: list[Step] = []
        if wanted is None:
            return accounts, farewells

        async def one(staff_id: str) -> None:
            user_id = wanted.user_ids[staff_id]
            async with tally.item(account(staff_id), _name(staff_id, wanted)):
                there = await self._homeserver.admin_user(user_id)
                existing = {user_id: there} if there is not None else {}
                avatars = self._settings.accounts.avatars
                accounts.extend(plan_accounts(wanted, [staff_id], existing, avatars=avatars))
                farewells.extend(plan_farewells(wanted, [staff_id], existing))

        await observe.in_parallel(sorted(wanted.world.accounts), one, self._limit)
        return accounts, farewells

    async def _apply_room(self, item: RoomPlan, run: Run) -> None:
        """Take the steps. What somebody did behind the bridge's back is noted while it is still to be seen (O3).

        Where the guard could not be told only those are taken that let nobody in; raises why, where others are left.
        """
        taken = item
        if run.untold is not None:
            taken = replace(item, steps=tuple(step for step in item.steps if step.only_takes))
        if not taken.drift:
            await apply_room(taken, run.hands)
        else:
            await self._apply_noted(taken, run)
        if run.untold is not None and taken.steps != item.steps:
            raise run.untold

    async def _apply_noted(self, item: RoomPlan, run: Run) -> None:
        def staff_or_user(user_id: str) -> str:
            return run.wanted.owners.get(user_id, user_id)

        def unit() -> None:
            for one in item.drift:
                by, person = staff_or_user(one.by), staff_or_user(one.person)
                note_difference(one.cause, one.key, one.kind, actor=by, person=person, what=one.what)

        await self._store.run(unit)
        await apply_room(item, run.hands)
        await self._store.run(lambda: mark_put_back([one.cause for one in item.drift]))

    def _problems(self, wanted: Desired) -> list[str]:
        """What a person must put right; it is kept for whoever asks."""
        self.needs_person = tuple(problem.message for problem in wanted.problems)
        for problem in self.needs_person:
            log.warning("needs_a_person", problem=problem)
        return list(self.needs_person)

    def _tally(self, again: Again | None = None, on_progress: Progress | None = None) -> Tally:
        return Tally(self._homeserver, self.again if again is None else again, on_progress=on_progress)

    def _run(
        self, wanted: Desired, tally: Tally, epoch: int | None = None, direct: dict[str, observe.Json] | None = None
    ) -> Run:
        room_ids = dict(wanted.world.rooms)
        hands = Hands(
            homeserver=self._homeserver,
            store=self._store,
            server=self._server,
            alias_key=self._settings.security.alias_key.get_secret_value(),
            room_ids=room_ids,
            direct_locks=self._direct_locks,
        )
        planning = Planning(wanted, self._server, self.today(), room_ids, direct)
        return Run(planning, hands, tally, self._epoch if epoch is None else epoch, direct)


def _space_of(conversation: Conversation | None) -> str:
    """The key of the space that lists this conversation; empty where none does."""
    if conversation is None or conversation.kind not in SHARED:
        return ""
    return matter_space_key(conversation.matter_id) if conversation.matter_id else STAFF_SPACE


def _name(staff_id: str, wanted: Desired) -> str:
    person = wanted.firm.staff.get(staff_id)
    return person.name if person is not None else wanted.user_ids[staff_id]
