"""A firm whose Synapse runs with workers by the files of synapse-dev/workers, on PostgreSQL and redis, behind nginx."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from bridge.dev import files, processes
from bridge.dev.place import DEMO_SETTINGS, HOMESERVER_YAML, ROOT, SYNAPSE_PYTHON, LocalFirm
from bridge.dev.processes import Program, start, wait_until_healthy
from bridge.dev.synapse import check_installed, register_bot
from bridge.settings import Settings
from tests.ports import free_port
from tests.synapse.harness import TEST_INSTANCE, Json, Person, RealFirm
from tests.synapse.workers.services import Postgres, missing, start_nginx, start_redis

FOLDER = ROOT / "synapse-dev" / "workers"
WORKERS = ("client1", "client2", "persister1", "media1")
_START_SECONDS = 120.0
_SECRET = "secret-of-the-replication-0001"


class Cluster(RealFirm):
    """Each process of Synapse can be stopped, killed and held by its name; `main` is the main one."""

    def __init__(self, place: LocalFirm, settings: Settings, postgres: Postgres, workers: Collection[str]) -> None:
        super().__init__(place, settings)
        self.postgres = postgres
        self.workers = tuple(workers)
        self.ports: dict[str, int] = {}
        """Where each process answers clients, or others."""
        self.programs: dict[str, Program] = {}
        self._fronts: dict[str, Program] = {}
        self._front_ports: dict[str, int] = {}

    async def start_synapse(self) -> None:
        """Start every process."""
        self.start("main")
        await self.answers("main")
        for name in self.workers:
            self.start(name)
        for name in self.workers:
            await self.answers(name)

    def start(self, name: str) -> None:
        """Start a process, on what is there."""
        app = "homeserver" if name == "main" else "generic_worker"
        command = [str(SYNAPSE_PYTHON), "-m", f"synapse.app.{app}"]
        own = [self.place.var / "workers" / f"{name}.yaml"]
        shared = [HOMESERVER_YAML, self.place.instance_file, self.place.var / "workers" / "workers.yaml"]
        command += [part for file in [*shared, *own] for part in ("-c", str(file))]
        self.programs[name] = start(f"Synapse ({name})", f"synapse-{name}", command, self.place, _ENVIRONMENT)

    async def answers(self, name: str) -> None:
        """Wait until a process answers."""
        url = f"http://127.0.0.1:{self.ports[name]}/health"
        await wait_until_healthy(self.programs[name], url, seconds=_START_SECONDS)

    async def through(self, person: Person, name: str) -> Person:
        """The same person, whose client is answered by this worker, as far as a worker answers clients at all."""
        if name not in self._fronts:
            await self.front(name, [name], free_port())
        return replace(person, url=f"http://127.0.0.1:{self._front_ports[name]}")

    async def front(self, name: str, clients: Collection[str], port: int) -> None:
        """Start an nginx at a port that sends what clients ask to these workers only."""
        media = [self.ports["media1" if "media1" in self.workers else "main"]]
        upstreams = {"main": [self.ports["main"]], "clients": [self.ports[one] for one in clients], "media": media}
        program = start_nginx(self.place, name, port, upstreams)
        self._fronts[name], self._front_ports[name] = program, port
        await wait_until_healthy(program, f"http://127.0.0.1:{port}/health", seconds=20)

    def kill(self, name: str) -> None:
        """End a process as kill -9 does."""
        processes.kill(self.programs[name])

    def hold(self, name: str) -> None:
        """Have a process do nothing until it is let go on."""
        self.programs[name].process.send_signal(signal.SIGSTOP)

    def let_go_on(self, name: str) -> None:
        """End that."""
        self.programs[name].process.send_signal(signal.SIGCONT)

    def log_of(self, name: str) -> str:
        """The last lines that a process wrote."""
        return processes.tail(self.programs[name].log, 60)

    def homeserver_rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query finds in Synapse's database."""
        with psycopg.connect(self.postgres.url()) as connection:
            return list(connection.execute(sql.encode()).fetchall())

    def unfinished_updates(self) -> int:
        """How many changes of its own database Synapse still has to make."""
        return int(self.homeserver_rows("SELECT count(*) FROM background_updates")[0][0])

    async def close(self) -> None:
        """Stop what runs."""
        if self.bridge is not None and self.bridge.running:
            self.stop_bridge()
        await self.http.close()
        for program in (*self._fronts.values(), *self.programs.values()):
            if program.running:
                program.process.send_signal(signal.SIGCONT)
                program.process.kill()
                program.process.wait()


_ENVIRONMENT = {"PYTHONPATH": str(ROOT)}


@asynccontextmanager
async def cluster(
    var: Path,
    own: Mapping[str, Json] | None = None,
    workers: Collection[str] = WORKERS,
    clients: Collection[str] = ("client1", "client2"),
) -> AsyncIterator[Cluster]:
    """A firm on Synapse with workers, which runs and knows the bot; the bridge is not started.

    `clients` are the processes that answer the bridge, and everybody who is not told otherwise.
    """
    check_installed()
    if packages := missing():
        pytest.fail(f"Debian's {', '.join(packages)} must be installed: `make workers` does that.")
    place = LocalFirm(var, free_port(), free_port(), free_port())
    postgres = Postgres(var)
    redis_port = free_port()
    ports = {name: free_port() for name in ("main", *workers)}
    try:
        instance = {**TEST_INSTANCE, "database": postgres.for_synapse()}
        settings = files.write_files(place, own or files.read_demo_settings(DEMO_SETTINGS), instance)
        _write_workers(place, ports, redis_port, workers)
        redis = start_redis(place, redis_port)
        firm = Cluster(place, settings, postgres, workers)
        firm.ports = ports
        firm.programs["redis"] = redis
        try:
            await firm.start_synapse()
            await firm.front("front", clients, place.synapse_port)
            await register_bot(settings)
            with psycopg.connect(postgres.url()) as connection:
                connection.execute("UPDATE users SET admin = 1 WHERE name = %s", (settings.bot_id,))
            yield firm
        finally:
            await firm.close()
    finally:
        await asyncio.to_thread(postgres.stop)


def _write_workers(place: LocalFirm, ports: Mapping[str, int], redis_port: int, workers: Collection[str]) -> None:
    """The files of synapse-dev/workers with the addresses of this firm."""
    folder = place.var / "workers"
    folder.mkdir()
    # What answers nobody else is asked there how it is.
    between = {name: ports[name] if name == "persister1" else free_port() for name in ("main", *workers)}
    shared = _read(FOLDER / "workers.yaml")
    shared["redis"] |= {"host": "127.0.0.1", "port": redis_port}
    shared["instance_map"] = {name: {"host": "127.0.0.1", "port": port} for name, port in between.items()}
    if "persister1" not in workers:
        del shared["stream_writers"]
    if "media1" not in workers:
        del shared["enable_media_repo"], shared["media_instance_running_background_jobs"]
    (folder / "workers.yaml").write_text(yaml.safe_dump(shared))
    for name in ("main", *workers):
        own = _read(FOLDER / f"{name}.yaml")
        for one in own["listeners" if name == "main" else "worker_listeners"]:
            others = one["resources"][0]["names"] == ["replication"]
            one |= {"port": between[name] if others else ports[name], "bind_addresses": ["127.0.0.1"]}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(own))


def _read(path: Path) -> Json:
    read: Json = yaml.safe_load(path.read_text(encoding="utf-8"))
    return read
