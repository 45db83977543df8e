"""At night everybody's push rules for their channels are put right: after an update, and where one was lost (C2)."""

from __future__ import annotations

import random

import structlog

from bridge.desk import Desk
from bridge.firm.policy import may_act
from bridge.matrix.attempts import is_passing
from bridge.matrix.errors import RequestError
from bridge.reconcile.rooms.observe import in_parallel
from bridge.reconcile.rooms.unread import ensure_unread
from bridge.store.engine.unit import ReadUnit
from bridge.store.people.digests import channel_rooms_of, user_localpart

log = structlog.get_logger(__name__)
_AT_ONCE = 2
"""It is for thousands at night, and nobody waits for it."""


async def mend_unread(desk: Desk) -> None:
    """Let what is said in each channel count as unread for each participant.

    Raises StoreError, and RequestError while the homeserver is away.
    """
    people = list(desk.firm().active_staff)
    # In another order each time, so that one account that is not answered about holds up nobody for good.
    random.shuffle(people)
    await in_parallel(people, lambda staff_id: _mend(desk, staff_id), _AT_ONCE)


async def _mend(desk: Desk, staff_id: str) -> None:
    def work(unit: ReadUnit) -> tuple[str | None, list[str]]:
        return user_localpart(unit, staff_id), channel_rooms_of(unit, staff_id)

    localpart, rooms = await desk.store.read(work)
    if localpart is None or not rooms or not may_act(desk.firm(), staff_id):
        return
    try:
        await ensure_unread(desk.homeserver, f"@{localpart}:{desk.server_name}", *rooms)
    except RequestError as error:
        if is_passing(error):
            raise
        log.warning("unread_waits", staff=staff_id, reason=str(error))
