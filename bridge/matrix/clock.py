"""Asking the homeserver for its time."""

from __future__ import annotations

import structlog

from bridge.matrix.errors import NotFoundError
from bridge.matrix.port import ServiceRequests
from bridge.store.record.homeserver_time import HOMESERVER_TIME

log = structlog.get_logger(__name__)


async def hear_clock(homeserver: ServiceRequests) -> None:
    """Let the bridge know the homeserver's time as it is now. Raises HomeserverError where it does not answer."""
    try:
        HOMESERVER_TIME.take_date(*await homeserver.clock())
    except NotFoundError as error:
        log.info("clock_not_known", reason=str(error))
