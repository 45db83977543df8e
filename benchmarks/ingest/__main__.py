"""How fast events come in and replies go out, beside a bare service that does only what cannot be left out.

    python -m benchmarks.ingest [--events 20000] [--rooms 200] [--in-transaction 100] [--rounds 3]

Stub homeservers in this process push to services in others: the bare service and the bridge as `firm-bridge run` puts
it together, and last the bridge with a kill -9 in the middle. A shared machine is now faster, now slower, for seconds
at a time. So both services run side by side and get their events in turns, a few at a time; the figures are medians of
the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import astuple, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import psutil
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.ingest.homeserver import Json, StubHomeserver, make_events

MIB = 1024 * 1024
START_SECONDS = 30.0
BARE = "benchmarks.ingest.bare"
TURNS = 4
"""Turns in which all events are pushed."""
COMMANDS_IN_TURN = 50


@dataclass(frozen=True)
class Figures:
    """What one run of a service showed."""

    events_per_second: float
    reply_p50_ms: float
    reply_p95_ms: float
    cpu_ms_per_1000: float
    """Processor time of the service for a thousand events."""
    peak_mib: float


class Service:
    """A service in a process of its own."""

    def __init__(self, module: str, homeserver: StubHomeserver, folder: Path, options: argparse.Namespace) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = (folder / "service.log").open("ab")
        self._command = [
            *(sys.executable, "-m", module),
            *("--port", str(self.port), "--homeserver", f"http://127.0.0.1:{homeserver.port}"),
            *("--folder", str(folder), "--concurrency", str(options.concurrency)),
            *("--rooms", str(options.rooms)),
        ]

    async def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(self._command, stdout=self._log, stderr=self._log)  # noqa: ASYNC220
        self.usage = psutil.Process(self._process.pid)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
        raise SystemExit(f"The service did not start. Its log: {self._log.name}")

    def peak_mib(self) -> float:
        """The most memory it had resident."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        kib = next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]
        return int(kib) * 1024 / MIB

    def cpu_seconds(self) -> float:
        """Processor time used so far."""
        used = self.usage.cpu_times()
        return used.user + used.system

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.wait()


@dataclass(eq=False)
class Running:
    """A service that is measured, and what it needed so far."""

    homeserver: StubHomeserver
    service: Service
    seconds: float = 0.0
    cpu: float = 0.0
    times: list[float] = field(default_factory=list)

    async def push_all(self, events: list[Json], in_transaction: int) -> None:
        """Push events and note how long it took until the last reply."""
        cpu, began = self.service.cpu_seconds(), time.perf_counter()
        await _push_all(self.homeserver, self.service, events, in_transaction)
        self.seconds += time.perf_counter() - began
        self.cpu += self.service.cpu_seconds() - cpu

    async def push_each(self, commands: list[Json]) -> None:
        """Push commands one by one and note the milliseconds from a transaction's begin until its reply is there."""
        for command in commands:
            began = time.perf_counter()
            expected = len(self.homeserver.replies) + 1
            await self.homeserver.push(self.service.url, [command])
            await self.homeserver.replied(expected)
            self.times.append((time.perf_counter() - began) * 1000)

    def figures(self, count: int) -> Figures:
        """What it showed with so many events."""
        return Figures(
            events_per_second=count / self.seconds,
            reply_p50_ms=statistics.median(self.times),
            reply_p95_ms=statistics.quantiles(self.times, n=20)[-1],
            cpu_ms_per_1000=self.cpu / count * 1e6,
            peak_mib=self.service.peak_mib(),
        )


async def measure(modules: Sequence[str], parent: str, options: argparse.Namespace) -> list[Figures]:
    """Throughput of all events, then the time to a reply at one command per transaction, of services in turns."""
    events = make_events(options.events, options.rooms, "many")
    commands = [event for event in make_events(5000, options.rooms, "each") if StubHomeserver.commands([event])]
    async with AsyncExitStack() as stack:
        services = [await stack.enter_async_context(_running(module, _folder(parent), options)) for module in modules]
        for one in services:
            await _push_all(one.homeserver, one.service, make_events(2000, options.rooms, "warm"), 100)
        for part in _parts(events, options.events // TURNS):
            for one in services:
                await one.push_all(part, options.in_transaction)
        for part in _parts(commands, COMMANDS_IN_TURN):
            for one in services:
                await one.push_each(part)
        return [one.figures(len(events)) for one in services]


@asynccontextmanager
async def _running(module: str, folder: Path, options: argparse.Namespace) -> AsyncIterator[Running]:
    homeserver = StubHomeserver()
    await homeserver.start()
    service = Service(module, homeserver, folder, options)
    await service.start()
    try:
        yield Running(homeserver, service)
    finally:
        service.kill()
        await homeserver.stop()


def _parts(events: list[Json], size: int) -> list[list[Json]]:
    return [events[first : first + size] for first in range(0, len(events), size)]


async def kill_in_the_middle(module: str, folder: Path, options: argparse.Namespace) -> StubHomeserver:
    """Push all events, kill the service after half of the replies, start it again, and wait for the rest."""
    homeserver = StubHomeserver()
    await homeserver.start()
    service = Service(module, homeserver, folder, options)
    await service.start()
    events = make_events(options.events, options.rooms, "kill")
    pushing = asyncio.create_task(_push_all(homeserver, service, events, options.in_transaction))
    try:
        await homeserver.replied(homeserver.commands(events) // 2)
        service.kill()
        await service.start()
        async with asyncio.timeout(120):
            await pushing
    except TimeoutError:
        print("Some replies never came.")
    finally:
        service.kill()
        await homeserver.stop()
    return homeserver


async def _push_all(homeserver: StubHomeserver, service: Service, events: list[Json], in_transaction: int) -> None:
    """Push events in transactions and wait for the last reply."""
    expected = len(homeserver.replies) + homeserver.commands(events)
    for first in range(0, len(events), in_transaction):
        await homeserver.push(service.url, events[first : first + in_transaction])
    await homeserver.replied(expected)


def median_of(rounds: Sequence[Figures]) -> Figures:
    """The median of each figure."""
    return Figures(*(statistics.median(values) for values in zip(*map(astuple, rounds), strict=True)))


def _folder(parent: str) -> Path:
    return Path(mkdtemp(dir=parent))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def show(bare: Figures, bridge: Figures, killed: StubHomeserver, options: argparse.Namespace) -> None:
    """The figures as a table."""
    beside, expected = options.beside == BARE, options.events // 10
    table = Table("", options.beside.partition(".")[2], options.service.partition(".")[2], "ratio", "target")
    rows = (
        ("events a second", bare.events_per_second, bridge.events_per_second, f"at least {0.7 if beside else 0.8:.2f}"),
        ("reply p50, ms", bare.reply_p50_ms, bridge.reply_p50_ms, "at most 1.30" if beside else ""),
        ("reply p95, ms", bare.reply_p95_ms, bridge.reply_p95_ms, ""),
        ("processor ms for 1,000 events", bare.cpu_ms_per_1000, bridge.cpu_ms_per_1000, ""),
        ("peak resident, MiB", bare.peak_mib, bridge.peak_mib, "at most 100 MiB"),
    )
    for name, one, other, target in rows:
        table.add_row(name, f"{one:,.1f}", f"{other:,.1f}", f"{other / one:.2f}", target)
    table.add_row("lost after kill -9", "", str(expected - len(killed.replies)), "", "0")
    table.add_row("doubled after kill -9", "", str(killed.doubled), "", "0")
    table.add_row("out of order in a room", "", str(killed.out_of_order), "", "0")
    Console().print(table)


async def main(options: argparse.Namespace) -> None:
    """All runs."""
    with TemporaryDirectory() as temporary:
        rounds = [await measure((options.beside, options.service), temporary, options) for _ in range(options.rounds)]
        killed = await kill_in_the_middle(options.service, _folder(temporary), options)
        bare, bridge = (median_of(figures) for figures in zip(*rounds, strict=True))
        show(bare, bridge, killed, options)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rooms", type=int, default=200)
    parser.add_argument("--in-transaction", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=16, help="replies under way at once, in both services")
    parser.add_argument("--service", default="benchmarks.ingest.bridge", help="the module measured beside the bare one")
    parser.add_argument("--beside", default=BARE, help="the module it is measured beside")
    uvloop.run(main(parser.parse_args()))
