"""Single rooms and accounts made as they should be, now or when they are due again."""

from __future__ import annotations

from dataclasses import replace

from bridge.firm.room_keys import KEEPER_SPACE, STAFF_SPACE, matter_of_space
from bridge.matrix.retry import patience
from bridge.reconcile import waits
from bridge.reconcile.again import HANDOUTS, Again, ThingKind
from bridge.reconcile.guarding import Guarding
from bridge.reconcile.passes import Passes
from bridge.reconcile.rooms.observe import in_parallel
from bridge.reconcile.tally import Result
from bridge.reconcile.work.work import Work
from bridge.store.engine.store import Store
from bridge.store.rooms.made import rooms_of

_MANY = 100
"""So many failures are more easily put right by a pass over everything."""
_IN_JOIN_RULES = {KEEPER_SPACE, STAFF_SPACE}
"""The keys of the spaces that other rooms name in their join rules, so that these follow where such a space changed."""


class Convergence:
    """Makes single rooms as they should be, and with them those that must follow."""

    def __init__(self, store: Store, guarding: Guarding, again: Again, work: Work, passes: Passes, limit: int) -> None:
        """`limit` is how many rooms are worked on at a time."""
        self._store = store
        self._guarding = guarding
        self._again = again
        self._work = work
        self._passes = passes
        self._limit = limit

    async def converge(self, *keys: str) -> Result:
        """Make these conversations' rooms as they should be, and the spaces that list them."""
        spaces, earlier = await self._work.desired.around(keys)
        tally = self._work.runs.tally()
        made = await self._store.read(rooms_of, spaces)

        async def one(key: str) -> None:
            # A room that was made anew may be listed under its old id.
            if key == STAFF_SPACE and key not in keys and not tally.lost:
                await self._work.rooms.list_channels(spaces[key], tally)
            else:
                await self._work.rooms.converge(key, tally)

        # A room waits for the space that it names in its join rule, and a space for the rooms that it lists.
        for wave in (spaces.keys() - made.keys(), set(keys), earlier, spaces.keys()):
            # Both before and after: a plan made in between saw the room half-way.
            self._work.runs.note_change(wave)
            with patience(waits.PATIENCE):
                await in_parallel(wave, one, self._limit)
            self._work.runs.note_change(wave)
        return await self._passes.sync() if tally.lost & _IN_JOIN_RULES else tally.outcome()

    async def look_at(self, key: str) -> Result:
        """Make one room as it should be, and others only where they must follow because it was gone (O3)."""
        tally = self._work.runs.tally()
        self._work.runs.note_change((key,))
        with patience(waits.PATIENCE):
            await self._work.rooms.converge(key, tally)
        self._work.runs.note_change((key,))
        if not tally.lost:
            return tally.outcome()
        return await (self._passes.sync() if key in _IN_JOIN_RULES else self.converge(key))

    async def try_again(self) -> Result:
        """Try what failed before and is due. Raises as `Passes.sync` does; nothing is then counted as tried."""
        due = self._again.due()
        if not due:
            return Result()
        people = [thing.id for thing in due if thing.kind is ThingKind.ACCOUNT]
        rooms = {thing.id for thing in due if thing.kind is ThingKind.ROOM}
        if len(due) > _MANY or rooms & _IN_JOIN_RULES:
            return await self._passes.sync()
        tally = self._work.runs.tally()
        with patience(waits.PATIENCE):
            untold = await self._guarding.told(within=waits.MOMENT)
            run = replace(self._work.runs.begin(await self._work.desired.part(KEEPER_SPACE), tally), untold=untold)
            for staff_id in people:
                await self._work.accounts.shut(staff_id, run, thorough=True)
                await self._work.accounts.settle(staff_id, run)
            if HANDOUTS in due:
                await self._passes.take_back(tally)
            spaces = {key for key in rooms if matter_of_space(key) is not None}
            # What is left to do in a room in which a conversation was held before fails as the conversation's own.
            listing, earlier = await self._work.desired.around(rooms - spaces)
            for wave in (sorted(rooms - spaces), sorted(earlier - rooms), sorted(spaces | listing.keys())):
                await in_parallel(wave, lambda key: self._work.rooms.converge(key, tally), self._limit)
            for staff_id in people:
                await self._work.accounts.farewell(staff_id, run)
        return tally.outcome()
