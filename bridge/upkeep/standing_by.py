"""Standing by for the process that works with the database, and taking its place (R1).

Several processes share one configuration and one PostgreSQL database. One owns it and works; the others hand on what
they are asked (bridge/web/relay.py) and look several times a second whether the owner is gone or silent.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from contextlib import AsyncExitStack

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry

from bridge.metrics import Metrics
from bridge.settings import Settings
from bridge.store.engine.errors import StoreError
from bridge.store.engine.onlooker import Onlooker
from bridge.store.engine.processes import RENEWALS, Process, Reach
from bridge.web.app import MAX_BODY_BYTES, metrics_page
from bridge.web.relay import Address, Relay, own_routes

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.25
_RETURN_SECONDS = 1.5
"""How long an owner has at least to come back to what it has in memory, after the server let go of everybody."""
_LEARNING_SECONDS = 0.5
"""Beyond the time between two renewals, in which an owner that lives and lost its connection learns of it at the
latest, and asks the homeserver for nothing from then on."""
_LOOPBACKS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on, not here


class StandBy:
    """Listens at the process's addresses all the time, and answers there while another is at work."""

    def __init__(self, settings: Settings, doors: tuple[socket.socket, ...]) -> None:
        """`doors` are what is listened on: the application service's, and the panel's where there is one."""
        self._settings = settings
        self.doors = doors
        hosts = [settings.appservice.listen_host, settings.panel.listen_host][: len(doors)]
        ports = [int(door.getsockname()[1]) for door in doors]
        self.reach = Reach("" if hosts[0] in _LOOPBACKS else hosts[0], ports[0], ports[-1])
        """Where other processes reach this one."""
        self._own = tuple((_LOOPBACKS.get(host, host), port) for host, port in zip(hosts, ports, strict=True))
        self._relay = Relay(settings.appservice.hs_token.get_secret_value().encode())
        self._runners: list[web.AppRunner] = []
        self._trouble = ""

    async def open(self, stack: AsyncExitStack) -> None:
        """Make ready to answer, until the stack is closed."""
        own = [
            *own_routes(lambda: self._trouble),
            web.get("/metrics", metrics_page(Metrics(CollectorRegistry()))),
        ]
        for number in range(len(self.doors)):
            runner = self._relay.runner(number, MAX_BODY_BYTES, own if number == 0 else [])
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            self._runners.append(runner)
        stack.push_async_callback(self._relay.close)

    async def until_free(self, stop: asyncio.Event) -> None:
        """Hand on what is asked until nobody owns the database, or `stop` is set.

        From then on what is asked waits at the door, and what was asked before goes to this process's own.
        """
        sites = [web.SockSite(runner, door.dup()) for runner, door in zip(self._runners, self.doors, strict=True)]
        database = self._settings.database
        onlooker = Onlooker(database.url.get_secret_value(), database.lease, self.reach)
        self._relay.point_to(None)
        try:
            for site in sites:
                await site.start()
            await self._look_until_free(onlooker, stop)
        finally:
            for site in sites:
                await site.stop()
            await onlooker.close()
        self._relay.point_to(self._own)

    async def can_look(self) -> bool:
        """Whether the server can be asked at all."""
        database = self._settings.database
        onlooker = Onlooker(database.url.get_secret_value(), database.lease, self.reach)
        try:
            await onlooker.look()
        except StoreError:
            return False
        finally:
            await onlooker.close()
        return True

    async def _look_until_free(self, onlooker: Onlooker, stop: asyncio.Event) -> None:
        told = ""
        # By the monotonic clock; None as long as an owner is seen, or nothing is.
        free_at: float | None = None
        pause = max(_RETURN_SECONDS, self._settings.database.lease / RENEWALS + _LEARNING_SECONDS)
        while not stop.is_set():
            try:
                found = await onlooker.look()
            except StoreError as error:
                self._trouble = str(error)
                free_at = None
            else:
                self._trouble = ""
                owner = next((one for one in found if one.owns), None)
                if onlooker.ended:
                    # It knows by its own clock: it was silent for its whole lease.
                    free_at = 0.0
                elif owner is not None:
                    free_at = None
                elif free_at is None:
                    # There may have been one until a moment ago, also before this process's first look.
                    free_at = time.monotonic() + pause
                if owner is None and free_at is not None and time.monotonic() >= free_at:
                    return
                self._relay.point_to(_addresses(owner))
                before, told = told, "" if owner is None else str(owner)
                if told and told != before:
                    log.info("standing_by", at_work=told)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_SECONDS)


def _addresses(owner: Process | None) -> tuple[Address, ...] | None:
    if owner is None or owner.reach is None:
        return None
    return (owner.reach.host, owner.reach.port), (owner.reach.host, owner.reach.panel_port)
