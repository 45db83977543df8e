"""The work on one account."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import replace

from bridge.directory.keeping import departed
from bridge.firm.model import Firm
from bridge.firm.policy import may_act
from bridge.matrix.errors import UnreachableError
from bridge.matrix.port import Homeserver
from bridge.reconcile import waits
from bridge.reconcile.accounts import apply_account, cut_off, plan_accounts, plan_farewells
from bridge.reconcile.again import account
from bridge.reconcile.farewell import leave_everything
from bridge.reconcile.guarding import Guarding
from bridge.reconcile.planning.desired import Desired
from bridge.reconcile.planning.steps import ENDING, Step
from bridge.reconcile.rooms import observe
from bridge.reconcile.rooms.emptied import keep_emptied
from bridge.reconcile.rooms.presence import require_presence
from bridge.reconcile.tally import Tally
from bridge.reconcile.work.run import Run
from bridge.settings import Settings
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.people.panel import end_sessions
from bridge.store.rooms.made import of_matters
from bridge.store.rooms.participants import remove_from_all


class AccountWork:
    """Does the work, one task at a time for each account. What fails is noted by the tally of the pass."""

    def __init__(
        self, store: Store, homeserver: Homeserver, settings: Settings, firm: Callable[[], Firm], guarding: Guarding
    ) -> None:
        """`firm` is as of now."""
        self._store = store
        self._homeserver = homeserver
        self._avatars = settings.accounts.avatars
        self._limit = settings.homeserver.concurrency
        self._firm = firm
        self._guarding = guarding
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def steps(self, wanted: Desired, tally: Tally) -> tuple[list[Step], list[Step]]:
        """What accounts need before the rooms are done, and what those of leavers need after it."""
        accounts: list[Step] = []
        farewells: list[Step] = []

        async def one(staff_id: str) -> None:
            user_id = wanted.user_ids[staff_id]
            async with tally.item(account(staff_id), _name(staff_id, wanted)):
                there = await self._homeserver.admin_user(user_id)
                existing = {user_id: there} if there is not None else {}
                accounts.extend(plan_accounts(wanted, [staff_id], existing, avatars=self._avatars))
                farewells.extend(plan_farewells(wanted, [staff_id], existing))

        await observe.in_parallel(sorted(wanted.world.accounts), one, self._limit)
        return accounts, farewells

    async def shut(self, staff_id: str, run: Run, *, thorough: bool) -> bool:
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

    async def settle(self, staff_id: str, run: Run) -> None:
        """Make somebody's account as it should be by now, but for its end."""
        name, lock = _name(staff_id, run.wanted), self._locks[staff_id]
        wanted = replace(run.wanted, firm=self._firm())
        ends = not may_act(wanted.firm, staff_id)
        async with run.tally.item(account(staff_id), name, in_part=ends) as item, lock:
            user_id = wanted.user_ids[staff_id]
            there = await self._homeserver.admin_user(user_id)
            existing = {user_id: there} if there is not None else {}
            for step in plan_accounts(wanted, [staff_id], existing, avatars=self._avatars):
                if run.untold is not None and step.action not in ENDING:
                    raise run.untold
                await apply_account(step, wanted, self._homeserver, self._store, self._guarding, avatars=self._avatars)
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

    async def _secret(self, room_ids: Collection[str]) -> Collection[str]:
        return await self._store.read(of_matters, room_ids)

    def _may_act(self, staff_id: str) -> bool:
        return bool(may_act(self._firm(), staff_id))


def _name(staff_id: str, wanted: Desired) -> str:
    person = wanted.firm.staff.get(staff_id)
    return person.name if person is not None else wanted.user_ids[staff_id]


def _forget(unit: Unit, staff_id: str) -> None:
    """Somebody who has left is in no conversation, nor signed in to the panel where they come back."""
    remove_from_all(unit, departed(unit, {staff_id}))
    end_sessions(unit, staff_id)
