"""Direct conversations that nobody is in any more, because everybody in them left the firm.

Into a room that nobody is in Matrix lets nobody come back: what was said there would be lost for those who return, or
who were let go by a mistake. So the bot comes in before the last of them goes, and stays until somebody is back
(reconcile/planning/plan.py). Where it cannot, they are put out all the same.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from bridge.matrix.errors import HomeserverError, TokenRejectedError
from bridge.matrix.port import PersonRequests
from bridge.matrix.retry import patience
from bridge.reconcile.rooms import observe
from bridge.store.engine.store import Store
from bridge.store.rooms.conversations import direct_rooms_of

log = structlog.get_logger(__name__)
_MOMENT = 3.0
"""Seconds for which somebody's leaving waits for this at most."""
_AT_ONCE = 4


async def keep(homeserver: PersonRequests, room_id: str) -> None:
    """Have the bot in a room that is about to be empty. What fails is logged. Raises TokenRejectedError."""
    try:
        with patience(_MOMENT):
            await homeserver.join(room_id, homeserver.bot_id)
    except TokenRejectedError:
        raise
    except HomeserverError as error:
        log.warning("empty_room_not_kept", room_id=room_id, reason=str(error))


async def keep_emptied(store: Store, homeserver: PersonRequests, staff_id: str, may_act: Callable[[str], bool]) -> None:
    """The same for all direct conversations that this leaver was the last in, or is with other leavers."""
    rooms = await store.read(direct_rooms_of, staff_id)
    emptied = [room_id for room_id, people in rooms.items() if not any(map(may_act, people))]
    await observe.in_parallel(sorted(emptied), lambda room_id: keep(homeserver, room_id), _AT_ONCE)
