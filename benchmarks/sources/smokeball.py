"""How long a large firm takes to be read from Smokeball, with how much memory and how many requests (S1).

    python -m benchmarks.sources.smokeball [--staff 1000] [--matters 10000]

The tests' fake answers from a process of its own. In another the connector reads the firm, and the directory follows it
each second as in the running bridge. Nobody waits: the token bucket's clock goes on by the time that it would have
waited, so that what is measured is the connector's own time and its waiting, with the fake's answers in it. At best,
five requests go at once and five more each second.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler
from rich.console import Console
from rich.table import Table

import bridge.app  # noqa: F401 - what the bridge has in memory anyway
from benchmarks.scale_firm import set_up_quiet_logging
from bridge.directory.file import DirectoryFile
from bridge.directory.following.outcomes import Invalid
from bridge.directory.smokeball.api import BURST, SmokeballApi
from bridge.directory.smokeball.source import SmokeballSource
from bridge.directory.sources.asking import Bucket
from bridge.directory.sources.known import CAN_SAY
from bridge.directory.sources.port import Hint
from bridge.directory.sources.reader import SourceReader
from bridge.directory.sources.union import Sources
from bridge.settings import DirectorySettings
from bridge.store.engine.store import Store
from tests.component.sources.connected import settings_for
from tests.fakes.smokeball import FakeSmokeball, link, uuid
from tests.panel.fed_firm import fed_firm

RATE = 5.0
ROUNDS = 9
TURNS = 25
"""The rest of the matters is looked at as these are."""
_TEAM = 4
_DENIED = 50
"""One matter of so many has a deny-list."""
Json = dict[str, Any]


def firm_of(staff: int, matters: int) -> FakeSmokeball:
    """A firm with a client for every other matter and a team of four on each."""
    fake = FakeSmokeball()
    people = [fake.person(n, f"Robin{n}", lastName=f"Vale{n}", title="Solicitor", role="Clerk") for n in range(staff)]
    for n in range(20):
        group = uuid(900_000 + n)
        fake.world.groups[group] = {
            "id": group,
            "name": f"Group {n}",
            "principalIds": [fake.user_of(one) for one in people[n::20]],
        }
    clients = [fake.contact(100_000 + n, f"Client {n} of the firm's") for n in range(matters // 2)]
    for n in range(matters):
        team = [people[(n * 7 + k * 31) % staff] for k in range(_TEAM)]
        matter = fake.matter(
            200_000 + n,
            number=f"2026-{n:05}",
            title=f"Matter {n} about the lease of a mill",
            description=f"What matter {n} is about, in the words of whoever opened it.",
            clients=[link(clients[n // 2])],
            personResponsible=link(team[0]),
            personAssistingStaffs=[link(one) for one in team[1:]],
            openedDate="2026-03-02T00:00:00Z",
        )
        if n % _DENIED == 0:
            fake.world.policies[matter] = [fake.user_of(people[(n * 7 + 5) % staff])]
    # The fake keeps two worlds, of which nothing is changed in place here.
    fake.shown = fake.world
    return fake


async def serve_fake(staff: int, matters: int) -> None:
    """Write the fake's address to standard output, and answer until standard input ends."""
    fake = firm_of(staff, matters)
    app = fake.app()

    @web.middleware
    async def change(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path != "/changed":
            return await handler(request)
        return web.json_response(fake.matter(200_007, title="Another title"))

    app.middlewares.append(change)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


class Clock:
    """A clock that goes on where somebody would wait."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.skipped

    def ms(self) -> int:
        """The same in milliseconds since the epoch."""
        return int((time.time() + self.skipped) * 1000)

    async def sleep(self, seconds: float) -> None:
        """Wait, but not here."""
        self.skipped += seconds


def resident(name: str = "VmRSS") -> float:
    """The memory of this process in MiB, by the kernel; VmHWM is the most it had since that was reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


def forget_peak() -> None:
    """Have VmHWM begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


class Measured:
    """The connector and the directory, and what they took."""

    def __init__(self, url: str, folder: Path, store: Store) -> None:
        settings = settings_for(url, folder)
        self.clock = Clock()
        self.api = _Counted(settings, store, Bucket(RATE, BURST, self.clock, self.clock.sleep))
        self.source = SmokeballSource(settings, store, self.api, self.clock.ms)
        self.reader = SourceReader(self.source, store, poll_seconds=settings.poll_seconds, clock=self.clock.ms)
        self.directory = DirectoryFile(
            DirectorySettings(path="none"), store, settle_seconds=0, sources=Sources(store, {"smokeball": ()}, CAN_SAY)
        )
        self.base = 0.0
        self.seen: list[Json] = []

    async def part(self, name: str, turns: int = 1) -> None:
        """Do what is due so many times, at most, the directory following each second."""
        await asyncio.to_thread(forget_peak)
        asked, begun, followed = self.api.asked, self.clock(), self.clock()
        processor = time.process_time()
        for _ in range(turns):
            if not await self.reader.run():
                break
            if self.clock() - followed >= 1:
                await self.follow()
                followed = self.clock()
        await self.follow()
        assert not self.reader.trouble, self.reader.trouble
        gc.collect()
        requests = self.api.asked - asked
        self.seen.append(
            {
                "what": name,
                "requests": requests,
                "seconds": self.clock() - begun,
                "best": max(requests - BURST, 0) / RATE,
                "processor": time.process_time() - processor,
                "peak": resident("VmHWM") - self.base,
                "after": resident() - self.base,
            }
        )

    async def follow(self) -> None:
        """Let the directory follow."""
        outcome = await self.directory.refresh()
        assert not isinstance(outcome, Invalid), outcome.problems[:3]


class _Counted(SmokeballApi):
    asked = 0

    async def ask(self, *args: Any, **kwargs: Any) -> Any:
        self.asked += 1
        return await super().ask(*args, **kwargs)


async def read_all(url: str, folder: Path) -> list[Json]:
    """What each part of the first day, and a look at nothing new, took."""
    store = Store(f"sqlite:///{folder}/bridge.db")
    await store.open()
    one = Measured(url, folder, store)
    gc.collect()
    one.base = resident()
    async with one.api:
        await one.part("people, contacts and matters")
        await one.part(f"{TURNS} turns of four matters looked at", TURNS)
        one.clock.skipped += 61
        await one.part("a look with nothing new")
        async with aiohttp.ClientSession() as session, session.get(f"{url}/changed") as answer:
            changed = await answer.json()
        one.reader.hint(Hint("matters", changed))
        # What hints name has its turn within three.
        await one.part("a hint at a changed matter, beside the others", 3)
        assert one.directory.firm.matters[changed].title == "Another title"
    await store.close()
    return [{"what": "base", "after": one.base}, *one.seen]


async def reach(folder: Path) -> list[float]:
    """The seconds from a webhook until the matter's room has its new title, with the bridge's jobs at work."""
    taken = []
    async with fed_firm(folder, f"sqlite:///{folder}/fed.db", RATE) as fed:
        firm, smokeball = fed.firm, fed.smokeball
        matter = next(iter(smokeball.world.matters))
        firm.bridge.jobs.start()
        for number in range(ROUNDS):
            title = f"Sale of mill {number}"
            smokeball.matter(0, title=title)
            smokeball.settle()
            begun = time.monotonic()
            await fed.webhook("matter.updated", matter)
            while not fed.named(title):  # noqa: ASYNC110 - what is measured is not to be told of
                await asyncio.sleep(0.02)
            taken.append(time.monotonic() - begun)
        firm.bridge.jobs.stop()
    return taken


def run(staff: int, matters: int) -> list[Json]:
    """Both processes, and what the second saw."""
    size = ["--staff", str(staff), "--matters", str(matters)]
    command = [sys.executable, "-m", "benchmarks.sources.smokeball", *size]
    with (
        TemporaryDirectory() as folder,
        subprocess.Popen(
            [*command, "--part", "fake"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as fake,
    ):
        assert fake.stdout is not None and fake.stdin is not None
        url = f"http://127.0.0.1:{fake.stdout.readline().strip()}"
        try:
            read = subprocess.run(
                [*command, "--part", url, "--folder", folder], check=True, stdout=subprocess.PIPE, text=True
            )
        finally:
            fake.stdin.close()
    found: list[Json] = json.loads(read.stdout)
    with TemporaryDirectory() as folder:
        taken = asyncio.run(reach(Path(folder)))
    print(f"From a webhook to Matrix: {statistics.median(taken):.1f} s, at most {max(taken):.1f} s, of {ROUNDS}.")
    return found


def show(seen: list[Json]) -> None:
    """The figures as a table."""
    base, *parts = seen
    table = Table(title=f"The bridge has {base['after']:.0f} MiB before it reads.")
    for name in ("what", "requests", "time s", "at best s", "ratio", "processor s", "most MiB more", "after MiB more"):
        table.add_column(name)
    for one in parts:
        best = one["best"]
        table.add_row(
            one["what"],
            str(one["requests"]),
            f"{one['seconds']:.1f}",
            f"{best:.1f}",
            f"{one['seconds'] / best:.2f}" if best else "",
            f"{one['processor']:.1f}",
            f"{one['peak']:.0f}",
            f"{one['after']:.0f}",
        )
    Console(width=140).print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--staff", type=int, default=1000)
    parser.add_argument("--matters", type=int, default=10_000)
    parser.add_argument("--part", default="", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    set_up_quiet_logging()
    if given.part == "fake":
        asyncio.run(serve_fake(given.staff, given.matters))
    elif given.part:
        print(json.dumps(asyncio.run(read_all(given.part, given.folder))))
    else:
        show(run(given.staff, given.matters))
