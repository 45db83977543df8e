"""A stand-in that listens where the bridge would, when it does not run, so that the homeserver can be asked to call."""

from __future__ import annotations

import errno
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum

from aiohttp import web

from bridge.settings import AppserviceSettings
from bridge.web.bearer import bearer

LOOPBACKS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on, not here
"""Where what listens everywhere is reached from this machine."""


class BridgeState(Enum):
    """Who listens at the bridge's address."""

    RUNNING = "running"
    """Somebody else: the bridge, as it seems."""
    STAND_IN = "stand-in"
    CANNOT_LISTEN = "cannot listen"


@asynccontextmanager
async def bridge_state(settings: AppserviceSettings) -> AsyncIterator[BridgeState]:
    """Who listens at the bridge's address; if nobody does, a stand-in until the end of the block.

    It answers pings only. Transactions are refused, so that the homeserver keeps them for the bridge.
    """
    token = settings.hs_token.get_secret_value().encode()

    async def ping(request: web.Request) -> web.Response:
        if not hmac.compare_digest(bearer(request).encode("utf-8", "surrogateescape"), token):
            return web.json_response({"errcode": "M_FORBIDDEN", "error": "This is another hs_token."}, status=403)
        return web.json_response({})

    app = web.Application()
    app.add_routes([web.post("/_matrix/app/v1/ping", ping)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, settings.listen_host, settings.listen_port).start()
        except OSError as error:
            yield BridgeState.RUNNING if error.errno == errno.EADDRINUSE else BridgeState.CANNOT_LISTEN
        else:
            yield BridgeState.STAND_IN
    finally:
        await runner.cleanup()
