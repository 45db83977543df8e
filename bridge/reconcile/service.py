"""Reconciliation: plan everything or some conversations, and apply. The only way in which rooms and members change."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
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
from bridge.firm.room_keys import KEEPER_SPACE, STAFF_SPACE, conversation_of, matter_space_key
from bridge.mapping.rooms import RoomShape
from bridge.matrix.errors import NotFound, Refused
from bridge.matrix.port import Homeserver
from bridge.reconcile import observe
from bridge.reconcile.accounts import apply_account, cut_off, plan_accounts, plan_farewells
from bridge.reconcile.anew import kept_out, to_look_at
from bridge.reconcile.apply import Hands, apply_room
from bridge.reconcile.desired import Desired, desired, desired_of_stored
from bridge.reconcile.drift import deleted, differences, lost, welcome
from bridge.reconcile.farewell import leave_everything
from bridge.reconcile.guarding import Guarding
from bridge.reconcile.moves import heed_moves
from bridge.reconcile.plan import ENDING, Action, Observed, Plan, RoomPlan, Server, Step, plan_children, plan_room
from bridge.reconcile.scope import touched
from bridge.reconcile.tally import Outcome, Progress, Tally
from bridge.reconcile.visits import Visits
from bridge.settings import FirmSettings, Settings
from bridge.store.care import user_localpart
from bridge.store.conversations import (
    World,
    add_accounts,
    add_conversations,
    add_participants,
    keep_participants,
    load_part,
    now_ms,
    remove_from_all,
    room_of,
    rooms_of_matters,
    undo_leaves,
)
from bridge.store.drift import mark_put_back, note_difference
from bridge.store.outbox import transaction_id
from bridge.store.store import Store
from bridge.store.world import Accounts, Extent, extent_of, load_extent, read_world

log = structlog.get_logger(__name__)
_AT_ONCE = 100
"""Conversations stored in one unit."""
_DELETING_MS = 60_000
"""How long the homeserver may take to put everybody out of a room that an admin deletes."""


def firm_today(settings: FirmSettings) -> date:
    """The day in the firm's time zone, by which walls begin and end."""
    return _day(settings.timezone, int(time.time() // 60))


@lru_cache(maxsize=8)
def _day(timezone: str, minute: int) -> date:
    """The day of a minute since the epoch. It is asked for all the time."""
    return datetime.fromtimestamp(minute * 60, ZoneInfo(timezone)).date()


class Reconciler:
    """Computes the difference between what should be and what is, and applies it.

    One room is worked on by one task at a time. A plan for everything is made without holding rooms; a room that
    changed since is planned again when its turn comes.
    """

    def __init__(self, store: Store, homeserver: Homeserver, settings: Settings, firm: Callable[[], Firm]) -> None:
        self._store = store
        self._homeserver = homeserver
        self._settings = settings
        self._firm = firm
        self._server = Server(settings.bot_id, settings.homeserver.room_version, settings.sender_id)
        self._limit = settings.homeserver.concurrency
        self.guarding = Guarding(store, homeserver, settings, firm)
        self._accounts = Accounts(store)
        self._room_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._direct_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.visits = Visits(store, homeserver, settings.bot_id, self._room_locks)
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
        world = await read_world(self._store)
        return await asyncio.to_thread(desired, self._firm(), world, self._settings, self.today())

    async def shape(self, key: str) -> RoomShape | None:
        """The room of this key as it should be by what is stored; None where there should be none."""
        return (await self._part(key)).shapes.get(key)

    async def plan(self, keys: Collection[str] | None = None) -> Plan:
        """What a sync would do, or what it would do about the rooms of these keys. Changes nothing, here or on the
        homeserver (O2)."""
        if keys is None:
            return await self._plan_all(await self.desired())
        return await self._plan_some(await self._desired_of(keys), keys)

    async def sync(self, on_progress: Progress | None = None) -> Outcome:
        """Make everything as it should be. Raises Unreachable or TokenRejected, and can then be called again."""
        async with self._whole:
            # Read before the world is, so that whatever changes from here on is noticed.
            epoch = self._epoch
            wanted = await self.desired()
            await self._store_new(wanted)
            await self.guarding.tell_all()
            return await self._apply(await self._plan_all(wanted), wanted, epoch, on_progress)

    async def follow(self, before: Firm) -> Outcome:
        """Apply a change of the directory: only what differs between the firm before and the firm now."""
        async with self._whole:
            epoch = self._epoch
            old, wanted = await self._changed_by(before, self.today())
            looked_at = to_look_at(before, wanted, self.today())
            await self._store_new(wanted)
            await self.guarding.tell(*wanted.world.conversations)
            touched = {
                key: shape
                for key, shape in wanted.shapes.items()
                if old.shapes.get(key) != shape
                or key not in wanted.world.rooms
                or (key == ADMINS_ID and wanted.new_admins is not None)
                or key in looked_at
            }
            people = {
                staff_id
                for staff_id, account in wanted.world.accounts.items()
                if before.staff.get(staff_id) != wanted.firm.staff.get(staff_id) or not account.profile
            }
            accounts, farewells = await self._account_steps(wanted, people)
            observed = await observe.observe_rooms(self._homeserver, touched, wanted.world.rooms, self._limit)
            rooms = self._plan_rooms(touched, wanted, observed, None)
            return await self._apply(replace(rooms, accounts=accounts, farewells=farewells), wanted, epoch, None)

    async def _desired_of(self, keys: Collection[str]) -> Desired:
        """What should be, as far as the rooms of these keys depend on it, new ones among them."""

        def unit() -> tuple[Extent, World]:
            extent = extent_of(keys)
            return extent, load_extent(extent)

        extent, world = await self._store.run(unit)
        return desired(self._firm(), world, self._settings, self.today(), extent)

    async def _changed_by(self, before: Firm, then: date) -> tuple[Desired, Desired]:
        """What should have been by the firm before, on that day, and what should be now, as far as the two differ."""
        firm, today = self._firm(), self.today()
        extent = touched(before, then, firm, today, self._settings)
        world = await (read_world(self._store) if extent is None else self._store.run(lambda: load_extent(extent)))
        # By what is stored now: whoever is picked by this change was not in before.
        old = await asyncio.to_thread(desired_of_stored, before, world, self._settings, then)
        return old, await asyncio.to_thread(desired, firm, world, self._settings, today, extent)

    async def cut_off(self, staff_id: str) -> None:
        """End somebody's sessions, lock their account and take them out of every room, what is secret first (F2).

        The rest is reconciliation's, and so is what of this cannot be done.
        """
        await self.guarding.tell()
        localpart = await self._store.run(lambda: user_localpart(staff_id))
        if localpart is None:
            return
        user_id = f"@{localpart}:{self._settings.homeserver.server_name}"
        try:
            await cut_off(self._homeserver, user_id)
        except NotFound:
            log.info("no_account_to_cut_off", staff=staff_id)
            return
        # Before the rooms: what is heard of their going is then known.
        await self._store.run(lambda: remove_from_all({staff_id}))
        secret = await self._store.run(rooms_of_matters)
        await leave_everything(self._homeserver, user_id, secret)

    async def converge(self, *keys: str) -> Outcome:
        """Make these conversations' rooms as they should be, and the spaces that list them."""
        worlds = {key: (await self._part(key)).world for key in dict.fromkeys(keys)}
        found = [_space_of(world.conversations.get(conversation_of(key))) for key, world in worlds.items()]
        spaces = {space for space in found if space}
        earlier = {room for key, world in worlds.items() for room in world.earlier.get(key, ())}
        tally = Tally(len(keys) + len(earlier) + len(spaces), None)
        for wave in (set(keys), earlier, spaces):
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
        tally = Tally(1, None)
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

    def _note_change(self, keys: Iterable[str]) -> None:
        self._epoch += 1
        self._changed.update(dict.fromkeys(keys, self._epoch))

    async def _converge_room(self, key: str, tally: Tally) -> None:
        async with self._room_locks[key]:
            wanted, items = await self._plan_one(key)
            if any(deleted(item) for item in items):
                tally.lost.add(key)
                since = now_ms() - _DELETING_MS
                if await self._store.run(lambda: undo_leaves(key, since, "room deleted")):
                    wanted, items = await self._plan_one(key)
            hands = self._hands(wanted)
            for item in items:
                with tally.item(item.shape.label, len(item.steps)):
                    await self._apply_room(item, hands, wanted)
            if key in wanted.world.rooms and hands.room_ids.get(key) != wanted.world.rooms[key]:
                # Made anew, so that the spaces that list it must follow.
                tally.lost.add(key)

    async def _plan_one(self, key: str) -> tuple[Desired, list[RoomPlan]]:
        wanted = await self._part(key)
        rooms = wanted.world.rooms
        shape = wanted.shapes.get(key)
        if shape is None:
            return wanted, []
        await self.guarding.tell(conversation_of(key))
        # What is not made yet is listed when it is.
        shape = replace(shape, children=tuple(child for child in shape.children if child in rooms))
        observed = await observe.observe_rooms(self._homeserver, {key: shape}, rooms, self._limit)
        plan = self._plan_rooms({key: shape}, wanted, observed, None)
        return wanted, [item for wave in plan.waves for item in wave]

    async def _part(self, key: str) -> Desired:
        """What should be, as far as this room needs it: a small part of the whole is read and computed."""
        world = replace(await self._store.run(lambda: load_part(key)), accounts=await self._accounts.known())
        return desired_of_stored(self._firm(), world, self._settings, self.today())

    async def _store_new(self, wanted: Desired) -> None:
        """In pages, what takes away first: a firm's first start stores tens of thousands of rows, and events come in
        meanwhile. What a crash leaves out is new to the next pass."""

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
        if wanted.new_conversations:
            faults.point("seeds.stored")

    async def _plan_all(self, wanted: Desired) -> Plan:
        accounts, farewells = await self._account_steps(wanted, wanted.world.accounts)
        new = {step.who for step in accounts if step.action is Action.CREATE_ACCOUNT}
        return replace(await self._plan_some(wanted, wanted.shapes, new), accounts=accounts, farewells=farewells)

    async def _plan_some(self, wanted: Desired, keys: Collection[str], new: Collection[str] = ()) -> Plan:
        """The rooms of these keys, `new` being accounts that are not there yet."""
        some = {key: wanted.shapes[key] for key in wanted.shapes if key in keys}
        observed = await observe.observe_rooms(self._homeserver, some, wanted.world.rooms, self._limit)
        people = {
            user_id
            for shape in some.values()
            if shape.is_direct and shape.key in wanted.world.rooms
            for user_id in shape.members - set(new)
        }
        direct = await observe.observe_direct(self._homeserver, people, self._limit)
        return self._plan_rooms(some, wanted, observed, direct)

    async def _account_steps(
        self, wanted: Desired, staff_ids: Collection[str]
    ) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
        """What these people's accounts need before the rooms are done, and what those of leavers need after it."""
        user_ids = [wanted.user_ids[staff_id] for staff_id in staff_ids]
        existing = await observe.observe_accounts(self._homeserver, user_ids, self._limit)
        accounts = plan_accounts(wanted, staff_ids, existing, avatars=self._settings.accounts.avatars)
        return tuple(accounts), tuple(plan_farewells(wanted, staff_ids, existing))

    def _plan_rooms(
        self,
        some: Mapping[str, RoomShape],
        wanted: Desired,
        observed: Mapping[str, Observed | None],
        direct: Mapping[str, observe.Json] | None,
    ) -> Plan:
        gone = {key for key, room in observed.items() if room is None}
        room_ids = {key: room_id for key, room_id in wanted.world.rooms.items() if key not in gone}
        labels = {key: shape.label for key, shape in wanted.shapes.items()}
        waves: list[list[RoomPlan]] = [[], [], [], []]

        def add(wave: int, shape: RoomShape, room: Observed | None, steps: tuple[Step, ...]) -> None:
            found = differences(shape, room, steps, wanted, self._settings.bot_id) if room is not None else ()
            waves[wave].append(RoomPlan(shape, steps, (*found,)))

        for key, wanted_shape in some.items():
            room = observed.get(key)
            shape = heed_moves(wanted_shape, room, wanted, self.today())
            today = self.today()
            welcomed, out = welcome(shape, room, wanted, today), kept_out(shape, room, wanted, today)
            shape = replace(shape, welcome=welcomed, kept_out=out)
            add(_wave(shape), shape, room, plan_room(shape, room, self._server, room_ids, direct))
            if key in gone:
                made = waves[_wave(shape)][-1]
                waves[_wave(shape)][-1] = replace(made, drift=(lost(key, wanted.world.rooms[key]),))
            # A new matter space is made with its list; the staff space, made before its channels, gets it after them.
            if room is not None or key == STAFF_SPACE:
                add(3, shape, room, plan_children(shape, room, room_ids, labels))
        return Plan(
            waves=tuple(tuple(item for item in wave if item.steps or item.drift) for wave in waves),
            problems=tuple(problem.message for problem in wanted.problems),
        )

    async def _apply(self, plan: Plan, wanted: Desired, epoch: int, on_progress: Progress | None) -> Outcome:
        for problem in plan.problems:
            log.warning("needs_a_person", problem=problem)
        total = len(plan.accounts) + sum(map(len, plan.waves)) + len(plan.farewells)
        tally = Tally(total, on_progress, failed=list(plan.problems))
        hands = self._hands(wanted)

        async def account(step: Step) -> None:
            if step.action in ENDING and may_act(self._firm(), step.key):
                # They came back since this was planned.
                return
            with tally.item(step.what or step.who, 1):
                await apply_account(
                    step, wanted, self._homeserver, self._store, self.guarding, avatars=self._settings.accounts.avatars
                )

        async def room(item: RoomPlan) -> None:
            key = item.shape.key
            if self._changed.get(key, 0) > epoch or self._firm() is not wanted.firm or deleted(item):
                await self._converge_room(key, tally)
                # It may have been made just now, and spaces further on list it.
                if made := await self._store.run(lambda: room_of(key)):
                    hands.room_ids[key] = made
                return
            async with self._room_locks[item.shape.key]:
                with tally.item(item.shape.label, len(item.steps)):
                    await self._apply_room(item, hands, wanted)

        await observe.in_parallel(plan.accounts, account, self._limit)
        for wave in plan.waves:
            await observe.in_parallel(wave, room, self._limit)
        await observe.in_parallel(plan.farewells, account, self._limit)
        replaced = {key for key, room_id in wanted.world.rooms.items() if hands.room_ids.get(key) != room_id}
        made = hands.room_ids.keys() - wanted.world.rooms.keys()
        naming = [
            key
            for key, shape in wanted.shapes.items()
            if replaced.intersection({shape.open_to, *shape.children}) or shape.replaced_by in made
        ]
        await observe.in_parallel(naming, lambda key: self._converge_room(key, tally), self._limit)
        return tally.outcome()

    async def _apply_room(self, item: RoomPlan, hands: Hands, wanted: Desired) -> None:
        """Take the steps. What somebody did behind the bridge's back is noted while it is still to be seen (O3)."""
        if not item.drift:
            await apply_room(item, hands)
            return

        def staff_or_user(user_id: str) -> str:
            return wanted.owners.get(user_id, user_id)

        def unit() -> None:
            for one in item.drift:
                by, person = staff_or_user(one.by), staff_or_user(one.person)
                note_difference(one.cause, conversation_of(one.key), one.kind, actor=by, person=person, what=one.what)

        await self._store.run(unit)
        await apply_room(item, hands)
        await self._store.run(lambda: mark_put_back([one.cause for one in item.drift]))

    def _hands(self, wanted: Desired) -> Hands:
        return Hands(
            homeserver=self._homeserver,
            store=self._store,
            server=self._server,
            alias_key=self._settings.security.alias_key.get_secret_value(),
            room_ids=dict(wanted.world.rooms),
            direct_locks=self._direct_locks,
        )


def _space_of(conversation: Conversation | None) -> str:
    """The key of the space that lists this conversation; empty where none does."""
    if conversation is None or conversation.kind not in SHARED:
        return ""
    return matter_space_key(conversation.matter_id) if conversation.matter_id else STAFF_SPACE


def _wave(shape: RoomShape) -> int:
    """Rooms wait for the spaces they name in their join rule; matter spaces wait for the rooms they list."""
    if shape.key == KEEPER_SPACE:
        return 0
    if shape.key == STAFF_SPACE:
        return 1
    return 3 if shape.is_space else 2
