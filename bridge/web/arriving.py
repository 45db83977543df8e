"""How long a request's body may take: whoever sends one byte by byte would hold for ever what others wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

BODY_SECONDS = 60.0
"""Of the largest that is taken, over a slow line."""


@asynccontextmanager
async def arriving(request: web.Request) -> AsyncIterator[None]:
    """A block that is given up where the body is not there in time. What it does from then on may take longer.

    Raises HTTPRequestTimeout.
    """
    left, inside = asyncio.timeout(BODY_SECONDS), True

    def whole() -> None:
        if inside and not left.expired():
            left.reschedule(None)

    try:
        async with left:
            request.content.on_eof(whole)
            try:
                yield
            finally:
                inside = False
    except TimeoutError:
        if not left.expired():
            raise
        raise web.HTTPRequestTimeout(reason="The body did not come in time. Send it again.") from None
