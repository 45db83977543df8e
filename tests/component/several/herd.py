"""Processes of the bridge with one configuration and one database, a port for each, and a homeserver in front of them
that sends to whichever of them comes to hand, as a proxy does.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
import yaml

from bridge.configuration import load_settings
from bridge.settings import Settings
from bridge.store.engine.postgresql import PostgresqlBackend
from tests.fakes.homeserver import FakeHomeserver
from tests.ports import free_port

Json = dict[str, Any]
_FROM_ONE = multiprocessing.get_context("forkserver")
"""All are made from one that has imported everything, which takes longer than the rest of a start."""
SECONDS = float(os.environ.get("FIRM_BRIDGE_SEVERAL", "0"))
"""How long everything is broken; 0 for the short form."""
LEASE = 10.0 if SECONDS >= 300 else 2.0
_FROM_ONE.set_forkserver_preload(["bridge.app"])
_AVOIDED_SECONDS = 10.0
"""How long nginx asks others first, where one did not answer (fail_timeout)."""


class BehindProxy(FakeHomeserver):
    """A homeserver whose requests go to any of the processes, and to another one where no answer comes."""

    def __init__(self, chance: random.Random, patience: float) -> None:
        """`patience` is how long the proxy waits for one process before it asks another, in seconds: the lease, as
        docs/admin-guide.md has it."""
        super().__init__()
        self._chance = chance
        self._patience = patience
        self.ports: list[int] = []
        self._avoided: dict[int, float] = {}
        """Until when processes that did not answer come last, by the monotonic clock."""

    async def _put(self, number: int, events: list[Json]) -> int:
        """Ask one after the other until one of them answers."""
        ports, now = self._chance.sample(self.ports, len(self.ports)), time.monotonic()
        for port in sorted(ports, key=lambda one: self._avoided.get(one, 0.0) > now):
            self.bridge_url = f"http://127.0.0.1:{port}"
            with suppress(aiohttp.ClientError, TimeoutError):
                async with asyncio.timeout(self._patience):
                    return await super()._put(number, events)
            self._avoided[port] = time.monotonic() + _AVOIDED_SECONDS
        return 502

    async def _ping(self, asked_body: Json) -> tuple[int, Json]:
        self.bridge_url = f"http://127.0.0.1:{self._chance.choice(self.ports)}"
        return await super()._ping(asked_body)


def configuration(settings: Settings, port: int, panel_port: int, lease: float) -> Json:
    """The configuration file of a process that listens on these ports."""

    def plain(name: str) -> Json:
        found = getattr(settings, name).model_dump(mode="python")
        return {
            key: value.get_secret_value() if hasattr(value, "get_secret_value") else value
            for key, value in found.items()
        }

    made = {name: plain(name) for name in ("homeserver", "appservice", "security", "firm", "accounts")}
    made["firm"]["admin_roles"] = list(made["firm"]["admin_roles"])
    made["appservice"] |= {"listen_port": port, "url": f"http://127.0.0.1:{port}"}
    if settings.panel.url:
        made["panel"] = {"url": settings.panel.url, "listen_port": panel_port}
    if settings.sign_on.issuer:
        made["sign_on"] = settings.sign_on.model_dump(exclude_defaults=True)
    made["directory"] = {"path": settings.directory.path, "removal_limit": 100}
    made["database"] = {"url": settings.database.url.get_secret_value(), "lease": lease}
    return made


class Herd:
    """The processes, by their ports."""

    def __init__(self, settings: Settings, folder: Path, count: int, lease: float) -> None:
        self.ports = [free_port() for _ in range(count)]
        self.panel_ports = {port: free_port() for port in self.ports}
        self.happened: list[tuple[float, str]] = []
        """What was done to them and when, by the monotonic clock."""
        self._folder = folder
        self._processes: dict[int, Any] = {}
        self.looking = PostgresqlBackend(settings.database.url.get_secret_value(), reading=True)
        for port in self.ports:
            path = folder / f"{port}.yaml"
            path.write_text(
                yaml.safe_dump(configuration(settings, port, self.panel_ports[port], lease)), encoding="utf-8"
            )
            path.chmod(0o600)

    def start(self, port: int) -> None:
        """Start the process of a port."""
        paths = (str(self._folder / f"{port}.{ending}") for ending in ("yaml", "log"))
        self._processes[port] = _FROM_ONE.Process(target=_run, args=tuple(paths))
        self._processes[port].start()

    async def kill(self, port: int) -> None:
        """Kill a process and start it again, as whoever looks after it does."""
        self.note(f"killed {port}", of=port)
        self._processes[port].kill()
        await self._ended(port)
        self.start(port)

    def note(self, what: str, of: int = 0) -> None:
        """Note what is about to be done to the process `of` a port, or to all."""
        self.happened.append((time.monotonic(), f"{what}, at work" if of and of == self.owner() else what))

    def send(self, port: int, number: signal.Signals) -> None:
        """Send a process a signal."""
        os.kill(self._processes[port].pid or 0, number)

    def revive(self) -> None:
        """Start again whatever ended by itself."""
        for port in self.ports:
            if not self._processes[port].is_alive():
                self.start(port)

    async def watch(self) -> None:
        """Note who is at work, whenever that changes."""
        before: int | None = None
        while True:
            owner = self.owner()
            if owner != before:
                self.note("nobody at work" if owner is None else f"{owner} at work")
            before = owner
            await asyncio.sleep(0.1)

    def owner(self) -> int | None:
        """The port of the process that owns the database; None for none, or where the server is away."""
        try:
            if self.looking.database.is_closed():
                self.looking.connect()
            self.looking.ensure_connected()
            found = self.looking.processes()
        except Exception:  # noqa: BLE001 - the driver's own kinds: the server is down as it is meant to be
            return None
        return next((one.reach.port for one in found if one.owns and one.reach is not None), None)

    async def at_work(self) -> int:
        """The port of the process that owns the database, waited for."""
        while (port := self.owner()) is None:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.1)
        return port

    async def end(self) -> None:
        """End all of them."""
        for port, process in self._processes.items():
            if process.is_alive():
                self.send(port, signal.SIGCONT)
                process.terminate()
        await asyncio.gather(*(self._ended(port) for port in self.ports))
        self.looking.close()

    async def _ended(self, port: int) -> None:
        await asyncio.to_thread(self._processes[port].join)


def _run(configuration: str, log: str) -> None:
    """What each process does; the lines that it writes go to a file."""
    with Path(log).open("ab") as file:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(file.fileno(), stream.fileno())
    from bridge.app import run

    run(load_settings(Path(configuration)))


@asynccontextmanager
async def herd(settings: Settings, folder: Path, count: int, lease: float) -> AsyncIterator[Herd]:
    """Processes at work, until the end of the block."""
    made = Herd(settings, folder, count, lease)
    for port in made.ports:
        made.start(port)
    watching = asyncio.create_task(made.watch())
    try:
        yield made
    finally:
        watching.cancel()
        await made.end()


async def restart_server() -> None:
    """Restart PostgreSQL, as whoever started it says how (tests/postgres.sh)."""
    process = await asyncio.create_subprocess_shell(
        os.environ["FIRM_BRIDGE_TEST_RESTART"], stdout=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0


async def end_connections(database_url: str) -> None:
    """End every connection to the database, as a restart does."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
