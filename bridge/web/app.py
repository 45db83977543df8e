"""The web application: application-service endpoints, health and metrics."""

from __future__ import annotations

import errno
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bridge.handlers.inbox import Effect, Inbox
from bridge.mapping.event import Event
from bridge.metrics import Metrics
from bridge.settings import AppserviceSettings, PanelSettings
from bridge.web.appservice import AppserviceEndpoints
from bridge.web.errors import errors_as_json, json_response
from bridge.web.listening import ListenError

Json = dict[str, Any]
Health = Callable[[], Mapping[str, str]]
STOP_SECONDS = 5.0
MAX_BODY_BYTES = 64 * 1024 * 1024
"""Of the largest request."""
_BACKLOG = 1024
"""Connections that wait while nobody serves them."""
DEGRADING = frozenset({"accounts", "clock", "directory", "filing", "rooms", "scim", "sign_on", "sources", "webhooks"})
"""Checks of something that is tried again or that a person has to put right, while the bridge serves everybody else."""


def make_app(
    settings: AppserviceSettings,
    *,
    inbox: Inbox,
    kept: Callable[[Event, Json], Json | None],
    user_known: Callable[[str], Awaitable[bool]],
    alias_known: Callable[[str], Awaitable[bool]],
    health: Health,
    metrics: Metrics,
    processes: Callable[[], list[str]] = list,
    news: Callable[[list[Event]], Awaitable[Effect | None]] | None = None,
    beside: Callable[[list[Json]], None] = lambda ephemeral: None,
    max_body_bytes: int = MAX_BODY_BYTES,
    more: Iterable[web.RouteDef] = (),
) -> web.Application:
    """Everything the bridge answers to.

    `kept` says what of an event is stored and handled, None for nothing; `user_known` and `alias_known` are asked
    with a full id or alias; `health` names each check with what is wrong, empty where all is well; `processes` says
    who shares the database; `news` makes of all events of a transaction what is to be written down with them, if
    anything; `beside` takes note of what comes beside events; `more` are further routes.
    """
    app = web.Application(middlewares=[errors_as_json], client_max_size=max_body_bytes)
    endpoints = AppserviceEndpoints(
        token=settings.hs_token.get_secret_value().encode(),
        inbox=inbox,
        kept=kept,
        news=news or _nothing,
        beside=beside,
        user_known=user_known,
        alias_known=alias_known,
        metrics=metrics,
    )
    app.add_routes(endpoints.routes())
    app.add_routes(_health_routes(health, processes))
    app.add_routes([web.get("/metrics", metrics_page(metrics)), *more])
    return app


async def _nothing(events: list[Event]) -> None:
    """For a bridge that writes nothing else down."""


def _health_routes(health: Health, processes: Callable[[], list[str]]) -> list[web.RouteDef]:
    async def live(request: web.Request) -> web.Response:
        return json_response({"status": "ok"})

    async def ready(request: web.Request) -> web.Response:
        checks = {name: problem or "ok" for name, problem in health().items()}
        wrong = {name for name, found in checks.items() if found != "ok"}
        status = "ok" if not wrong else "degraded" if wrong <= DEGRADING else "not ready"
        told = {"status": status, "checks": checks, **({"processes": shared} if (shared := processes()) else {})}
        return json_response(told, 503 if status == "not ready" else 200)

    return [web.get("/health/live", live), web.get("/health/ready", ready)]


def metrics_page(metrics: Metrics) -> Callable[[web.Request], Awaitable[web.Response]]:
    """What answers with these metrics."""

    async def page(request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return page


@asynccontextmanager
async def serve(
    app: web.Application,
    settings: AppserviceSettings | PanelSettings,
    section: str = "appservice",
    door: socket.socket | None = None,
) -> AsyncIterator[int]:
    """Listen until the end of the block, which is given the port. `section` is the name of the settings.

    Where there is a `door`, it is listened on beside others. Raises ListenError.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_SECONDS)
    await runner.setup()
    try:
        try:
            if door is not None:
                await web.SockSite(runner, door.dup()).start()
            else:
                await web.TCPSite(runner, settings.listen_host, settings.listen_port).start()
        except OSError as error:
            raise ListenError(_sentence(error, settings, section)) from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def open_door(settings: AppserviceSettings | PanelSettings, section: str) -> socket.socket:
    """A socket at which whoever asks waits until somebody serves it. Raises ListenError."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.listen_host, settings.listen_port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ListenError(_sentence(error, settings, section)) from error


def _sentence(error: OSError, settings: AppserviceSettings | PanelSettings, section: str) -> str:
    where = f"{settings.listen_host} port {settings.listen_port}"
    if error.errno == errno.EADDRINUSE:
        return f"Another program listens on {where}. End it, or change {section}.listen_port and {section}.url."
    return f"The bridge cannot listen on {where}: {error.strerror}. Change {section}.listen_host or listen_port."
