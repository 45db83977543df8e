"""Whether the homeserver is away as a whole, or answers badly about one room or account only."""

from __future__ import annotations

import asyncio

from bridge.matrix.errors import HomeserverAwayError, RequestError, UnreachableError
from bridge.matrix.port import ServiceRequests
from bridge.matrix.retry import patience

_SECONDS = 10.0
"""How long it may take to say who asks, which touches no room and no other account."""


async def require_presence(homeserver: ServiceRequests, error: RequestError) -> None:
    """Return where the homeserver is there, so that `error` is about what was asked for.

    Raises HomeserverAwayError where it is not, and TokenRejectedError, since nothing else can then be done either.
    """
    if isinstance(error, HomeserverAwayError):
        raise error
    if not isinstance(error, UnreachableError):
        return
    try:
        with patience(_SECONDS / 3):
            async with asyncio.timeout(_SECONDS):
                await homeserver.whoami()
    except (UnreachableError, TimeoutError):
        raise HomeserverAwayError(error) from error
