"""The work on one room."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import replace

import structlog

from bridge.clock import now_ms
from bridge.firm.model import Firm
from bridge.firm.room_keys import CHILD, STAFF_SPACE, conversation_of
from bridge.mapping.rooms.shapes import RoomShape, staff_space_shape
from bridge.matrix.errors import UnreachableError
from bridge.matrix.port import Homeserver
from bridge.reconcile import waits
from bridge.reconcile.again import room
from bridge.reconcile.guarding import Guarding
from bridge.reconcile.planning.desired import Desired, channels_listed
from bridge.reconcile.planning.drift import deleted
from bridge.reconcile.planning.observed import Observed
from bridge.reconcile.planning.parts import Part
from bridge.reconcile.planning.steps import Action, RoomPlan
from bridge.reconcile.rooms import observe
from bridge.reconcile.rooms.apply import apply_room
from bridge.reconcile.rooms.context import StepError
from bridge.reconcile.rooms.presence import require_presence
from bridge.reconcile.tally import Item, Tally
from bridge.reconcile.work.desired_now import DesiredNow
from bridge.reconcile.work.run import Run, Runs
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.record.drift import mark_put_back, note_difference
from bridge.store.rooms.made import room_of
from bridge.store.rooms.participants import undo_leaves

log = structlog.get_logger(__name__)
DELETING_MS = 60_000
"""How long the homeserver may take to put everybody out of a room that an admin deletes."""


class RoomWork:
    """Does the work, one task at a time for each room. What fails is noted by the tally of the pass."""

    def __init__(
        self,
        store: Store,
        homeserver: Homeserver,
        firm: Callable[[], Firm],
        firm_name: str,
        guarding: Guarding,
        desired_now: DesiredNow,
        runs: Runs,
    ) -> None:
        """`firm` is as of now."""
        self._store = store
        self._homeserver = homeserver
        self._firm = firm
        self._firm_name = firm_name
        self._guarding = guarding
        self._desired_now = desired_now
        self._runs = runs
        self.locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def shut(self, key: str, tally: Tally, part: Desired | None = None) -> None:
        """Take out who may not be in a room, by what is stored, or by this part of it. It waits for nobody who works on
        the room: nobody else brings them in."""
        async with tally.item(room(key), key, in_part=True) as item:
            part = part or await self._desired_now.part(key)
            if (shape := part.shapes.get(key)) is None:
                return
            item.label, run = shape.label, self._runs.begin(part, tally)
            observed = await self._observe(shape, dict(run.planning.room_ids))
            plan = run.planning.removals(shape, observed, self._firm())
            if plan.steps:
                await self._apply_room(plan, run)
                item.steps = len(plan.steps)

    async def settle(self, key: str, part: Part, run: Run) -> None:
        """Make one room as it should be, by what the pass read, or by what is stored where that has changed since."""
        shape = run.wanted.shapes[key]
        async with run.tally.item(room(key), shape.label) as item, self.locks[key]:
            # A room that was left leads to another one as soon as its conversation goes on there.
            stale = self._runs.changed_since(run, key, shape.earlier_of) or self._firm() is not run.wanted.firm
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
                self._runs.note_change((key,))

    async def converge(self, key: str, tally: Tally) -> None:
        async with tally.item(room(key), key) as item, self.locks[key]:
            await self._put_right(key, tally, item)

    async def list_channels(self, keys: Collection[str], tally: Tally) -> None:
        """Have the staff space list these channels. Of it nothing else is read, since everybody is in it, and every
        channel."""
        stays = False
        async with tally.item(room(STAFF_SPACE), "Staff space", in_part=True) as item, self.locks[STAFF_SPACE]:
            wanted = await self._desired_now.conversations(keys)
            world = wanted.world
            listed = {key: one for key, one in channels_listed(world.conversations.values()).items() if key in keys}
            if (space := world.rooms.get(STAFF_SPACE)) is not None and listed.keys() <= world.rooms.keys():
                entries = [await self._homeserver.state_event(space, CHILD, world.rooms[key]) for key in listed]
                shape = staff_space_shape(self._firm_name, frozenset(), listed)
                run = replace(self._runs.begin(wanted, tally), untold=await self._guarding.told(within=waits.GUARD))
                plan = run.planning.list(
                    shape, observe.observed_of(space, list(filter(None, entries)), run.planning.server.bot_id)
                )
                try:
                    await self._apply_room(plan, run)
                except StepError as error:
                    log.info("staff_space_read_whole", reason=str(error))
                else:
                    item.steps, stays = len(plan.steps), True
        if not stays:
            await self.converge(STAFF_SPACE, tally)

    async def _put_right(self, key: str, tally: Tally, item: Item) -> None:
        """Make one room as it should be by what is stored. The caller has its lock."""
        wanted = await self._desired_now.part(key)
        if key not in wanted.shapes:
            return
        item.label = wanted.shapes[key].label
        untold = await self._guarding.told(conversation_of(key), within=waits.GUARD)
        run = replace(self._runs.begin(wanted, tally), untold=untold)
        plan = await self._plan_stored(key, run)
        if deleted(plan):
            tally.lost.add(key)
            since = now_ms() - DELETING_MS
            if await self._store.run(undo_leaves, key, since, "room deleted"):
                run = replace(self._runs.begin(await self._desired_now.part(key), tally), untold=untold)
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

    async def plan(self, key: str, part: Part, run: Run, new: Collection[str]) -> RoomPlan | None:
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


def _may_be_made_anew(plan: RoomPlan) -> bool:
    """Whether the bot has to come back, and makes the room anew where it cannot."""
    return any(step.action is Action.BOT_RETURN for step in plan.steps)
