"""Taking back what the bot gave to somebody alone, once they may not see the matter it is about (M3, F2)."""

from __future__ import annotations

from datetime import date
from typing import Protocol

import structlog

from bridge.firm.model import Firm
from bridge.firm.policy import may_access
from bridge.matrix.errors import HomeserverError, TokenRejectedError
from bridge.matrix.port import MediaRequests, ServiceRequests
from bridge.reconcile.rooms.presence import require_presence
from bridge.store.engine.store import Store
from bridge.store.files.handouts import given_out, note_taken_back

log = structlog.get_logger(__name__)


class _TakingBack(MediaRequests, ServiceRequests, Protocol):
    """What it takes to take files back."""


async def take_back(store: Store, homeserver: _TakingBack, firm: Firm, today: date) -> int:
    """Let nobody download a file about a matter that whoever got it may not see now; returns how many were taken back.

    Every transcript names its reader and its moment, so no other file has the same content and goes with it. One that
    cannot be taken back keeps none of the others: the first such HomeserverError is raised when all were tried, and
    what is left is taken back by the next call.
    """
    taken, failed = 0, None
    for one in await store.read(given_out):
        matter = firm.matters.get(one.matter_id)
        if matter is not None and may_access(firm, one.staff_id, matter, today):
            continue
        server_name, _, media_id = one.mxc.removeprefix("mxc://").partition("/")
        try:
            await homeserver.quarantine(server_name, media_id)
        except TokenRejectedError:
            raise
        except HomeserverError as error:
            await require_presence(homeserver, error)
            log.warning("handout_not_taken_back", staff=one.staff_id, matter=one.matter_id, reason=str(error))
            failed = failed or error
            continue
        await store.run(note_taken_back, one.mxc)
        log.info("handout_taken_back", staff=one.staff_id, matter=one.matter_id)
        taken += 1
    if failed is not None:
        raise failed
    return taken
