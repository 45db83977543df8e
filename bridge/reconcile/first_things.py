"""What cannot wait at a start: whoever has left, or is behind a wall, and is still in a room after a crash."""

from __future__ import annotations

import structlog

from bridge.firm.policy import may_act
from bridge.firm.room_keys import matter_space_key
from bridge.firm.walls import covered
from bridge.matrix.port import Homeserver
from bridge.reconcile.desired import Desired
from bridge.reconcile.handouts import take_back
from bridge.reconcile.service import Reconciler
from bridge.store.store import Store

log = structlog.get_logger(__name__)


async def shut_out(reconciler: Reconciler, homeserver: Homeserver, store: Store) -> None:
    """Finish what was begun about leavers and walls, before anything else is done or anybody answered (F2, M3).

    What cannot be done about a single room is left to the pass over everything. Raises HomeserverError.
    """
    await reconciler.guarding.tell_all()
    wanted = await reconciler.desired()
    for staff_id in sorted(wanted.world.accounts):
        if not may_act(wanted.firm, staff_id):
            account = await homeserver.admin_user(wanted.user_ids[staff_id])
            if account is not None and not account.get("deactivated"):
                await reconciler.cut_off(staff_id)
    keys = _walled(wanted, reconciler)
    outcome = await reconciler.converge(*keys)
    await take_back(store, homeserver, wanted.firm, reconciler.today())
    log.info("shut_out", rooms=len(keys), steps=outcome.done, failed=len(outcome.failed))


def _walled(wanted: Desired, reconciler: Reconciler) -> tuple[str, ...]:
    """The keys of the rooms that are there of matters behind a wall."""
    today = reconciler.today()
    walls = [wall for wall in wanted.firm.walls.values() if wall.in_force(today)]
    matters = {matter.id for wall in walls for matter in covered(wanted.firm, wall)}
    spaces = {matter_space_key(matter_id) for matter_id in matters}
    talks = {key for key, one in wanted.world.conversations.items() if one.matter_id in matters}
    talks.update(earlier for key in tuple(talks) for earlier in wanted.world.earlier.get(key, ()))
    return tuple(sorted((spaces | talks) & wanted.world.rooms.keys()))
