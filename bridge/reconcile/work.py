"""The work on one account or one room: read it, plan, apply. What fails of it keeps nothing else from being done."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date

import structlog

from bridge.clock import now_ms
from bridge.directory.keeping import departed
from bridge.firm.conversation import ADMINS_ID, SHARED, Conversation
from bridge.firm.model import Firm
from bridge.firm.policy import may_act
from bridge.firm.room_keys import CHILD, KEEPER_SPACE, STAFF_SPACE, conversation_of, matter_space_key
from bridge.mapping.rooms import RoomShape, staff_space_shape
from bridge.matrix.errors import HomeserverError, UnreachableError
from bridge.matrix.port import Homeserver
from bridge.reconcile import waits
from bridge.reconcile.accounts import apply_account, cut_off, plan_accounts, plan_farewells
from bridge.reconcile.again import Again, account, room
from bridge.reconcile.farewell import leave_everything
from bridge.reconcile.guarding import Guarding
from bridge.reconcile.planning.desired import (
    Desired,
    UserIds,
    channels_listed,
    desired,
    desired_of_stored,
    user_ids_of,
)
from bridge.reconcile.planning.drift import deleted
from bridge.reconcile.planning.parts import Part, Planning
from bridge.reconcile.planning.plan import ENDING, Action, Observed, RoomPlan, Server, Step
from bridge.reconcile.rooms import observe
from bridge.reconcile.rooms.apply import apply_room
from bridge.reconcile.rooms.context import ApplyContext, StepError
from bridge.reconcile.rooms.emptied import keep_emptied
from bridge.reconcile.rooms.presence import require_presence
from bridge.reconcile.tally import Item, Progress, Tally
from bridge.settings import Settings
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.people.panel import end_sessions
from bridge.store.record.drift import mark_put_back, note_difference
from bridge.store.rooms.accounts import Accounts, StoredAccount
from bridge.store.rooms.made import of_matters, room_of
from bridge.store.rooms.participants import remove_from_all, undo_leaves
from bridge.store.rooms.world import Extent, World, load_conversations, load_part

log = structlog.get_logger(__name__)
DELETING_MS = 60_000
"""How long the homeserver may take to put everybody out of a room that an admin deletes."""

OF_NOBODY = frozenset({KEEPER_SPACE, STAFF_SPACE, ADMINS_ID})
"""The keys of the rooms that are in the first slice only."""


@dataclass(frozen=True)
class Run:
    """One pass under way, or the work on one room."""

    planning: Planning
    hands: ApplyContext
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


class Work:
    """Does the work, one task at a time for each room and account.

    A room or account that fails is noted in `again`, by the tally of the pass that it is part of.
    """

    def __init__(
        self,
        store: Store,
        homeserver: Homeserver,
        settings: Settings,
        firm: Callable[[], Firm],
        guarding: Guarding,
        again: Again,
        today: Callable[[], date],
        accounts: Accounts,
    ) -> None:
        """`firm` and `today` are as of now."""
        self._store = store
        self._homeserver = homeserver
        self._settings = settings
        self._firm = firm
        self._guarding = guarding
        self._accounts = accounts
        self._known_as: tuple[dict[str, StoredAccount], UserIds] = {}, UserIds()
        self._again = again
        self._today = today
        self._server = Server(settings.bot_id, settings.homeserver.room_version, settings.sender_id)
        self._limit = settings.homeserver.concurrency
        self.room_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._direct_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._account_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.epoch = 0
        """Counts the changes to conversations, so that a pass knows what is newer than what it read."""
        self._changed: dict[str, int] = {}
        """The count at each room's last change, by key."""

    def note_change(self, keys: Iterable[str]) -> None:
        self.epoch += 1
        self._changed.update(dict.fromkeys(keys, self.epoch))

    async def part(self, key: str) -> Desired:
        """What should be, as far as this room needs it: a small part of the whole is read and computed."""
        accounts = await self._accounts.known()
        world = replace(await self._store.read(load_part, key), accounts=accounts)
        return desired_of_stored(
            self._firm(),
            world,
            self._settings,
            self._today(),
            Extent(channels=key == STAFF_SPACE),
            user_ids=self.user_ids(accounts),
        )

    def user_ids(self, accounts: dict[str, StoredAccount]) -> UserIds:
        """The user ids of these accounts, made anew only where they are others than the last time."""
        if self._known_as[0] is not accounts:
            self._known_as = accounts, user_ids_of(accounts, self._settings.homeserver.server_name)
        return self._known_as[1]

    async def world(self, extent: Extent) -> World:
        """This part of what is stored, with the firm admins' room and all accounts."""
        accounts = await self._accounts.known()
        return replace(await self._store.read(load_conversations, extent), accounts=accounts)

    async def extent(self, extent: Extent) -> Desired:
        """What should be, as far as this part of the firm goes."""
        world = await self.world(extent)
        known = self.user_ids(world.accounts)
        return desired(self._firm(), world, self._settings, self._today(), extent, known)

    async def around(self, keys: Iterable[str]) -> tuple[dict[str, list[str]], set[str]]:
        """The keys of the spaces that list these conversations, with which of them; and of the rooms in which they were
        held before."""
        worlds = {key: await self._store.read(load_part, key) for key in dict.fromkeys(keys)}
        spaces: dict[str, list[str]] = {}
        for key, world in worlds.items():
            if space := _space_of(world.conversations.get(conversation_of(key))):
                spaces.setdefault(space, []).append(key)
        return spaces, {room for key, world in worlds.items() for room in world.earlier.get(key, ())}

    def tally(self, again: Again | None = None, on_progress: Progress | None = None) -> Tally:
        return Tally(self._homeserver, self._again if again is None else again, on_progress=on_progress)

    def run(
        self, wanted: Desired, tally: Tally, epoch: int | None = None, direct: dict[str, observe.Json] | None = None
    ) -> Run:
        room_ids, today = dict(wanted.world.rooms), self._today()
        hands = ApplyContext(
            homeserver=self._homeserver,
            store=self._store,
            server=self._server,
            alias_key=self._settings.security.alias_key.get_secret_value(),
            wanted=wanted,
            today=today,
            room_ids=room_ids,
            direct_locks=self._direct_locks,
        )
        planning = Planning(wanted, self._server, today, room_ids, direct)
        return Run(planning, hands, tally, self.epoch if epoch is None else epoch, direct)

    async def account_steps(self, wanted: Desired | None, tally: Tally) -> tuple[list[Step], list[Step]]:
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

    async def shut_account(self, staff_id: str, run: Run, *, thorough: bool) -> bool:
        """Cut somebody off, and whether they are now out of every room; `thorough` also where their account is locked
        already, as a crash may leave it.

        The sessions come before the rooms, which wait for them a moment only.
        """
        user_id = run.wanted.user_ids.get(staff_id)
        if user_id is None or may_act(self._firm(), staff_id):
            return False
        out = False
        cutting = asyncio.create_task(self._end_sessions(staff_id, user_id, run, thorough=thorough))
        try:
            await asyncio.wait({cutting}, timeout=waits.MOMENT)
            if not cutting.done() or await cutting:
                async with run.tally.item(account(staff_id), _name(staff_id, run.wanted), in_part=True) as item:
                    await keep_emptied(self._store, self._homeserver, staff_id, self._may_act)
                    item.steps = await leave_everything(self._homeserver, user_id, self._secret)
                    out = True
                    # After the rooms, which a database that takes nothing in keeps nobody in.
                    await self._store.run(_forget, staff_id)
            await cutting
        finally:
            cutting.cancel()
        return out

    async def _secret(self, room_ids: Collection[str]) -> Collection[str]:
        return await self._store.read(of_matters, room_ids)

    def _may_act(self, staff_id: str) -> bool:
        return bool(may_act(self._firm(), staff_id))

    async def _end_sessions(self, staff_id: str, user_id: str, run: Run, *, thorough: bool) -> bool:
        """End somebody's sessions and lock the account; whether it is, or may be, one that can still do something."""
        async with run.tally.item(account(staff_id), _name(staff_id, run.wanted), in_part=True) as item:
            try:
                there = await self._homeserver.admin_user(user_id)
            except UnreachableError as error:
                await require_presence(self._homeserver, error)
                # Where accounts are kept elsewhere, what can be ended here is ended all the same.
                there = {}
            if there is None or there.get("deactivated"):
                return False
            if thorough or not there.get("locked"):
                await cut_off(self._homeserver, user_id)
                item.steps = 1
        return True

    async def settle_account(self, staff_id: str, run: Run) -> None:
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
                await apply_account(step, wanted, self._homeserver, self._store, self._guarding, avatars=avatars)
                item.steps += 1

    async def farewell(self, staff_id: str, run: Run) -> None:
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
                await apply_account(step, wanted, self._homeserver, self._store, self._guarding, avatars=False)
                item.steps += 1

    async def shut_room(self, key: str, tally: Tally, part: Desired | None = None) -> None:
        """Take out who may not be in a room, by what is stored, or by this part of it. It waits for nobody who works on
        the room: nobody else brings them in."""
        async with tally.item(room(key), key, in_part=True) as item:
            part = part or await self.part(key)
            if (shape := part.shapes.get(key)) is None:
                return
            item.label, run = shape.label, self.run(part, tally)
            observed = await self._observe(shape, dict(run.planning.room_ids))
            plan = run.planning.removals(shape, observed, self._firm())
            if plan.steps:
                await self._apply_room(plan, run)
                item.steps = len(plan.steps)

    async def settle_room(self, key: str, part: Part, run: Run) -> None:
        """Make one room as it should be, by what the pass read, or by what is stored where that has changed since."""
        shape = run.wanted.shapes[key]
        async with run.tally.item(room(key), shape.label) as item, self.room_locks[key]:
            # A room that was left leads to another one as soon as its conversation goes on there.
            changed = max(self._changed.get(one, 0) for one in (key, shape.earlier_of))
            stale = changed > run.epoch or self._firm() is not run.wanted.firm
            if shape.list_stays and key not in run.planning.room_ids:
                # What is made is made with its list, for which more must be read.
                stale = True
            plan = None
            if not stale:
                await self._read_direct(shape, run)
                plan = run.planning.room(shape, await self._observe(shape, run.planning.room_ids), part)
            if plan is None or deleted(plan) or (shape.list_stays and _may_be_made_anew(plan)):
                await self._put_right(key, run.tally, item)
                # It may have been made just now, and spaces further on list it.
                if made := await self._store.read(room_of, key):
                    run.planning.room_ids[key] = made
                return
            before = run.planning.room_ids.get(key)
            await self._apply_room(plan, run)
            item.steps = len(plan.steps)
            made_anew = before is not None and run.planning.room_ids.get(key) != before
            if made_anew or any(step.action is Action.RENEW_ROOM for step in plan.steps):
                # The spaces that list it may have been looked at already.
                run.tally.lost.add(key)
            if made_anew or any(step.action in {Action.CREATE_ROOM, Action.RENEW_ROOM} for step in plan.steps):
                self.note_change((key,))

    async def converge_room(self, key: str, tally: Tally) -> None:
        async with tally.item(room(key), key) as item, self.room_locks[key]:
            await self._put_right(key, tally, item)

    async def list_channels(self, keys: Collection[str], tally: Tally) -> None:
        """Have the staff space list these channels. Of it nothing else is read, since everybody is in it, and every
        channel."""
        stays = False
        async with tally.item(room(STAFF_SPACE), "Staff space", in_part=True) as item, self.room_locks[STAFF_SPACE]:
            extent, accounts = Extent(keys=frozenset(keys)), await self._accounts.known()
            world = replace(await self._store.read(load_conversations, extent), accounts=accounts)
            wanted = desired_of_stored(
                self._firm(), world, self._settings, self._today(), extent, self.user_ids(accounts)
            )
            listed = {key: one for key, one in channels_listed(world.conversations.values()).items() if key in keys}
            if (space := world.rooms.get(STAFF_SPACE)) is not None and listed.keys() <= world.rooms.keys():
                entries = [await self._homeserver.state_event(space, CHILD, world.rooms[key]) for key in listed]
                shape = staff_space_shape(self._settings.firm.name, frozenset(), listed)
                run = replace(self.run(wanted, tally), untold=await self._guarding.told(within=waits.GUARD))
                plan = run.planning.list(
                    shape, observe.observed_of(space, list(filter(None, entries)), self._server.bot_id)
                )
                try:
                    await self._apply_room(plan, run)
                except StepError as error:
                    log.info("staff_space_read_whole", reason=str(error))
                else:
                    item.steps, stays = len(plan.steps), True
        if not stays:
            await self.converge_room(STAFF_SPACE, tally)

    async def _put_right(self, key: str, tally: Tally, item: Item) -> None:
        """Make one room as it should be by what is stored. The caller has its lock."""
        wanted = await self.part(key)
        if key not in wanted.shapes:
            return
        item.label = wanted.shapes[key].label
        untold = await self._guarding.told(conversation_of(key), within=waits.GUARD)
        run = replace(self.run(wanted, tally), untold=untold)
        plan = await self._plan_stored(key, run)
        if deleted(plan):
            tally.lost.add(key)
            since = now_ms() - DELETING_MS
            if await self._store.run(undo_leaves, key, since, "room deleted"):
                run = replace(self.run(await self.part(key), tally), untold=untold)
                plan = await self._plan_stored(key, run)
        await self._apply_room(plan, run)
        item.steps = len(plan.steps)
        before = run.wanted.world.rooms.get(key)
        if before is not None and run.hands.room_ids.get(key) != before:
            # Made anew, so that the spaces that list it must follow.
            tally.lost.add(key)

    async def _plan_stored(self, key: str, run: Run) -> RoomPlan:
        shape, room_ids = run.wanted.shapes[key], run.planning.room_ids
        # What is not made yet is listed when it is.
        shape = replace(shape, children={one: order for one, order in shape.children.items() if one in room_ids})
        return run.planning.room(shape, await self._observe(shape, room_ids))

    async def plan_room(self, key: str, part: Part, run: Run, new: Collection[str]) -> RoomPlan | None:
        """What one room needs, changing nothing; None for nothing. `new` are accounts that are not there yet."""
        shape, plan = run.wanted.shapes[key], None
        async with run.tally.item(room(key), shape.label):
            await self._read_direct(shape, run, new)
            plan = run.planning.room(shape, await self._observe(shape, run.planning.room_ids), part)
        return plan if plan is not None and (plan.steps or plan.drift) else None

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
            except UnreachableError as error:
                # That person's own step meets it again, after all others.
                await require_presence(self._homeserver, error)

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

        def work(unit: Unit) -> None:
            for one in item.drift:
                by, person = staff_or_user(one.by), staff_or_user(one.person)
                note_difference(
                    unit, one.cause, conversation_of(one.key), one.kind, actor=by, person=person, what=one.what
                )

        await self._store.run(work)
        await apply_room(item, run.hands)
        await self._store.run(mark_put_back, [one.cause for one in item.drift])


def _name(staff_id: str, wanted: Desired) -> str:
    person = wanted.firm.staff.get(staff_id)
    return person.name if person is not None else wanted.user_ids[staff_id]


def _space_of(conversation: Conversation | None) -> str:
    """The key of the space that lists this conversation; empty where none does."""
    if conversation is None or conversation.kind not in SHARED:
        return ""
    return matter_space_key(conversation.matter_id) if conversation.matter_id else STAFF_SPACE


def _may_be_made_anew(plan: RoomPlan) -> bool:
    """Whether the bot has to come back, and makes the room anew where it cannot."""
    return any(step.action is Action.BOT_RETURN for step in plan.steps)


def _forget(unit: Unit, staff_id: str) -> None:
    """Somebody who has left is in no conversation, nor signed in to the panel where they come back."""
    remove_from_all(unit, departed(unit, {staff_id}))
    end_sessions(unit, staff_id)
