"""Several bridges on one database tell one guard: whichever ends or stands still during a wall, it holds (R1, M3)."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import aiohttp
import psycopg
import pytest
import yaml

from bridge.dev import processes
from bridge.dev.files import write_private
from bridge.dev.processes import Program
from bridge.dev.run import all_made
from tests.ports import free_port
from tests.synapse.guard.test_guard import GuardedFirm, status
from tests.synapse.guard.test_walls import DIRECTORY, NAMES
from tests.synapse.harness import Json, RealFirm, real_firm
from tests.synapse.running.test_crash import bot_chat
from tests.synapse.workers.services import Postgres, start_bridges_nginx
from tests.synapse.workers.test_killed import said
from tests.synapse.workers.test_told import until

LEASE = 3
KILLED_AT = ("wall.set", "room.created", "member.removed", "")
"""Where the process at work dies as it shuts Ben out; empty for some moment or other."""


@dataclass
class Bridges:
    """The processes by their ports, behind a proxy that picks any of them."""

    firm: RealFirm
    database_url: str
    ports: tuple[int, int]
    programs: dict[int, Program] = field(default_factory=dict)

    def start(self, port: int, fault: str = "") -> None:
        """Start the process of a port, to die at a fault point if that is named."""
        place = self.firm.place
        settings = yaml.safe_load(place.settings_file.read_text(encoding="utf-8"))
        settings["appservice"]["listen_port"] = port
        settings["panel"]["url"] = ""
        settings["database"] = {"url": self.database_url, "lease": LEASE}
        file = place.var / f"bridge-{port}.yaml"
        write_private(file, yaml.safe_dump(settings))
        command = [sys.executable, "-m", "bridge.cli", "run", "--config", str(file)]
        program = processes.start("A bridge", f"bridge-{port}", command, place, {"FIRM_BRIDGE_FAULT": fault})
        self.programs[port] = program

    async def at_work(self) -> int:
        """The port of the process at work, waited for until it has made everything."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=1)) as http:
            for port in itertools.cycle(self.ports):
                try:
                    async with http.get(f"http://127.0.0.1:{port}/health/ready") as answer:
                        told = await answer.text() if answer.status == 200 else "{}"
                except (aiohttp.ClientError, TimeoutError):
                    told = "{}"
                if "checks" in json.loads(told) and all_made(told):
                    return port
                await asyncio.sleep(0.1)
        raise AssertionError

    async def stands_by(self, port: int) -> None:
        """Wait until a process stands by."""
        url = f"http://127.0.0.1:{port}/health/ready"
        await processes.wait_until_healthy(self.programs[port], url, seconds=60, enough=lambda told: "standing" in told)

    async def work_with(self, port: int, fault: str) -> None:
        """Have the process of this port be the one at work, with a fault point."""
        self.end(port)
        await self.at_work()
        self.start(port, fault)
        await self.stands_by(port)
        for other in self.ports:
            if other != port:
                self.end(other)
        assert await self.at_work() == port
        for other in self.ports:
            if other != port:
                self.start(other)
                await self.stands_by(other)

    def end(self, port: int) -> None:
        """End a process as kill -9 does."""
        processes.kill(self.programs[port])

    def close(self) -> None:
        """End all of them."""
        for program in self.programs.values():
            if program.running:
                program.process.send_signal(signal.SIGCONT)
                processes.kill(program)


@dataclass
class OnPostgres(GuardedFirm):
    """The firm whose bridges keep what they know in PostgreSQL."""

    database_url: str = field(default="", kw_only=True)

    def room(self, key: str) -> str:
        with closing(psycopg.connect(self.database_url)) as connection:
            found = connection.execute("SELECT room_id FROM room WHERE key = %s", (key,)).fetchone()
        assert found is not None
        return str(found[0])


@asynccontextmanager
async def bridges(folder: Path) -> AsyncIterator[tuple[Bridges, OnPostgres]]:
    """Four people in one matter, all of them firm admins, with two bridges; made."""
    (folder / "directory.yaml").write_text(json.dumps(DIRECTORY))
    own: dict[str, Json] = {"directory": {"path": str(folder / "directory.yaml")}, "accounts": {"avatars": False}}
    async with real_firm(folder / "var", own) as firm:
        postgres = Postgres(folder)
        ports = (free_port(), free_port())
        found = Bridges(firm, postgres.add("bridge"), ports)
        proxy = start_bridges_nginx(firm.place, firm.place.bridge_port, ports, LEASE)
        try:
            for port in ports:
                found.start(port)
            await found.at_work()
            await processes.wait_until_healthy(proxy, f"{firm.place.bridge_url}/health/live", seconds=20)
            people = [await firm.login(name) for name in NAMES.values()]
            for person in people:
                path = f"/_synapse/admin/v1/users/{quote(person.user_id)}/override_ratelimit"
                (await firm.bot.request("POST", path, {"messages_per_second": 0, "burst_count": 0})).ok()
            yield found, OnPostgres(firm, *people, database_url=found.database_url)
        finally:
            found.close()
            processes.stop(proxy)
            await asyncio.to_thread(postgres.stop)


@dataclass
class Siege:
    """Ben tries to come in and Ann to bring him in, all the while."""

    on: OnPostgres
    over: asyncio.Event = field(default_factory=asyncio.Event)
    wall: int = 0
    """Odd while Ben is kept out, another one each time."""
    tried: int = 0
    """How often something was tried while he was."""
    came_in: list[str] = field(default_factory=list)

    async def go_on(self) -> None:
        """Until it is over."""
        while not self.over.is_set():
            wall, room = self.wall, quote(self.on.matter)
            for way, answer in (
                ("joined", await self.on.ben.request("POST", f"rooms/{room}/join")),
                (
                    "was invited",
                    await self.on.ann.request("POST", f"rooms/{room}/invite", {"user_id": self.on.ben.user_id}),
                ),
                ("read", await self.on.ben.request("GET", f"rooms/{room}/messages?dir=b&limit=5")),
            ):
                stood = wall % 2 == 1 and self.wall == wall
                self.tried += stood
                if answer.status == 200 and stood:
                    self.came_in.append(f"Ben {way} at wall {wall}")
            await asyncio.sleep(0.05)


@pytest.mark.timeout(900)
async def test_R1_a_wall_holds_whichever_bridge_is_killed_or_stopped_while_it_is_set(tmp_path: Path) -> None:
    async with bridges(tmp_path) as (several, on):
        chat, his_chat = await bot_chat(on.ann, on.firm), await bot_chat(on.ben, on.firm)
        siege, versions = Siege(on), [await version(on.firm)]
        besieged = asyncio.create_task(siege.go_on())

        async def wall(meanwhile: asyncio.Task[None]) -> None:
            """Wall Ben off while that goes on, and let him in again."""
            told = await said(on.ann, chat, "!wall add 2026-0042 @ben A cousin.")
            assert "keeps Ben Moor out" in told
            siege.wall += 1
            await meanwhile
            await several.at_work()
            # Nothing that was decided before is told any more.
            versions.append(await version(on.firm))
            assert (await on.memberships(on.matter)).get(on.ben.user_id) is None
            siege.wall += 1
            await said(on.ann, chat, f"!wall lift {told.partition(' ')[0]}")
            await said(on.ben, his_chat, "!matter join 2026-0042")
            await until(lambda: is_in(on))
            versions.append(await version(on.firm))

        for fault in KILLED_AT:
            port = several.ports[0]
            await several.work_with(port, fault)
            await wall(asyncio.create_task(killed(several, port, fault)))
        for _ in range(3):
            await wall(asyncio.create_task(stopped(several, await several.at_work())))

        siege.over.set()
        await besieged
        assert siege.came_in == []
        assert siege.tried > 50
        # Each takes up where the one before it was, and the guard never goes back.
        assert versions == sorted(set(versions))


async def killed(found: Bridges, port: int, fault: str) -> None:
    """See a process die at its fault point, or kill it at some moment, and start it again."""
    if not fault:
        await asyncio.sleep(random.random() / 2)
        found.end(port)
    assert await asyncio.to_thread(found.programs[port].process.wait, 60) == -signal.SIGKILL
    found.start(port)
    await found.stands_by(port)


async def stopped(found: Bridges, port: int) -> None:
    """Have a process stand still until another has worked for a while, and let it go on."""
    await asyncio.sleep(random.random() / 2)
    process = found.programs[port].process
    process.send_signal(signal.SIGSTOP)
    while await found.at_work() == port:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.1)
    process.send_signal(signal.SIGCONT)
    await found.stands_by(port)


async def version(firm: RealFirm) -> int:
    """Of the policy that the guard has."""
    return int((await status(firm))["version"])


async def is_in(on: OnPostgres) -> bool:
    """Whether Ben is in the matter's conversation."""
    return on.matter in await on.ben.joined_rooms()
