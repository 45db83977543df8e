"""How quick the panel is beside the person's own client, in a firm ten times as large, and with 300 pages open.

    python -m benchmarks.panel [--rounds 15] [--streams 300] [--staff 1000] [--only beside|scale] [--keep FOLDER]

On a local Synapse with a firm of twenty: each page in turn beside the first /sync of the same person's client, in the
same run; then so many open streams: the bridge's memory, its processor time while nothing happens, and how long after a
message the last of them heard of it. Then each page in the firms of `scale.py`, beside a tenth. `--only` leaves out one
of the two; `make bench-panel` takes a firm of 200, which ends in minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import re
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import psutil
import yaml
from aiohttp.test_utils import TestServer
from rich.console import Console
from rich.table import Table

from benchmarks.scale import HERE, Build, homeserver, made_firm
from benchmarks.scale_firm import set_up_quiet_logging, settings_of
from bridge.app import Bridge
from bridge.dev.processes import wait_until_healthy
from bridge.operations.panel import new_link
from bridge.service import open_firm
from bridge.settings import PanelSettings
from bridge.upkeep.stages import Stage, Stages, Standing, State
from bridge.web.panel.safety import COOKIE
from tests.ports import free_port
from tests.synapse.asked.test_channels import asking
from tests.synapse.harness import Person, RealFirm, real_firm
from tests.synapse.running.test_crash import bot_chat

PEOPLE = 20
PAGES = {"files": "/files", "recent channels": "/", "all channels": "/channels", "people": "/new/direct"}
MOST_OF_SYNC, MOST_GROWTH, MOST_MIB, MOST_IDLE, MOST_SECONDS = 0.5, 1.5, 30.0, 0.02, 1.0
IDLE_SECONDS = 60.0
"""What the bridge does by itself each half minute falls into both stretches that are compared."""
PATIENCE_SECONDS = 300.0
"""How long making the firm may take on a busy machine."""
_numbers = itertools.count(1)


async def median(
    rounds: int, ask: Callable[[], Awaitable[object]], clock: Callable[[], float] = time.perf_counter
) -> float:
    """The middle of the seconds that asking takes by this clock, after it was asked once."""
    await ask()
    return statistics.median([await seconds(ask, clock) for _ in range(rounds)])


async def seconds(ask: Callable[[], Awaitable[object]], clock: Callable[[], float] = time.perf_counter) -> float:
    """The seconds that asking once takes."""
    begun = clock()
    await ask()
    return clock() - begun


def write_directory(file: Path) -> None:
    """A firm of twenty with as many matters, and five channels."""
    staff = [
        {"id": f"p{n}", "first_name": f"Pat{n}", "last_name": "Moor", "email": f"p{n}@f.example", "role": "Associate"}
        for n in range(PEOPLE)
    ]
    matters = [
        {"id": f"m{n}", "number": f"2026-{n:04}", "title": f"Case {n}", "responsible": f"p{n}"} for n in range(PEOPLE)
    ]
    channels = [{"name": f"Team {n}", "participants": [one["id"] for one in staff]} for n in range(5)]
    file.write_text(yaml.safe_dump({"staff": staff, "matters": matters, "channels": channels}))


async def signed_in(firm: RealFirm, person: Person) -> str:
    """The header of a session of this person's."""
    said = await asking(firm, person, await bot_chat(person, firm))("!panel")
    link = re.search(r"http\S+/in/[\w-]+", said)
    assert link is not None
    async with firm.http.post(link[0], allow_redirects=False) as answer:
        return f"{COOKIE}={answer.cookies[COOKIE].value}"


async def beside_synapse(rounds: int, streams: int, table: Table) -> None:
    """The pages beside a client's first sync, and the open streams."""
    with TemporaryDirectory() as name:
        directory = Path(name) / "directory.yaml"
        write_directory(directory)
        async with real_firm(
            Path(name) / "var", {"directory": {"path": str(directory)}, "firm": {"name": "Moor"}}
        ) as firm:
            firm.start_bridge()
            assert firm.bridge is not None
            ready = f"{firm.place.bridge_url}/health/ready"
            await wait_until_healthy(firm.bridge, ready, seconds=PATIENCE_SECONDS)
            people = [await firm.login(f"p{n}") for n in range(PEOPLE)]
            sessions = [await signed_in(firm, one) for one in people]

            native = await median(rounds, partial(sync, people[0]))
            await first_pages(firm, people[1:], sessions[1:], table)
            for what, address in PAGES.items():
                taken = await median(rounds, partial(fetch, firm, address, sessions[0]))
                table.add_row(f"{what}, beside /sync", f"{taken / native:.2f}", f"at most {MOST_OF_SYNC}")
            await with_streams(firm, people[0], sessions, streams, table)


async def sync(person: Person) -> None:
    """What a client asks for first."""
    # Another filter each time: Synapse answers the same first sync again for two minutes.
    only = f'{{"room":{{"timeline":{{"limit":{10 + next(_numbers)}}}}}}}'
    await person.get("sync", timeout="0", filter=only)


async def first_pages(firm: RealFirm, people: list[Person], sessions: list[str], table: Table) -> None:
    """The very first page of each of these people, for which the bridge asks the homeserver for all unread counts."""
    ratios, whole = [], []
    for person, session in zip(people, sessions, strict=True):
        begun = time.perf_counter()
        await fetch(firm, "/", session)
        shown = time.perf_counter() - begun
        # As an open page does that has no counts yet.
        await fetch(firm, "/", session, {"X-Panel": "live"})
        counted, native = time.perf_counter() - begun, await seconds(partial(sync, person))
        ratios.append(shown / native)
        whole.append(counted / native)
    table.add_row(
        "somebody's first page since the start", f"{statistics.median(ratios):.2f}", f"at most {MOST_OF_SYNC}"
    )
    table.add_row("the same with the unread counts, which follow", f"{statistics.median(whole):.2f}", "")


async def fetch(firm: RealFirm, address: str, session: str, more: Mapping[str, str] | None = None) -> None:
    headers = {"Cookie": session, **(more or {})}
    async with firm.http.get(firm.place.panel_url + address, headers=headers) as answer:
        assert answer.status == 200, answer.status
        await answer.read()


async def with_streams(firm: RealFirm, writer: Person, sessions: list[str], streams: int, table: Table) -> None:
    """What so many open pages cost while nothing happens, and how soon all hear of a message."""
    assert firm.bridge is not None
    bridge = psutil.Process(firm.bridge.process.pid)
    before, alone = bridge.memory_info().rss, await processor(bridge)
    (room,) = [one for one in await writer.joined_rooms() if await writer.room_name(one) == "Everyone"]
    limits = aiohttp.TCPConnector(limit=0)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            aiohttp.ClientSession(connector=limits, timeout=aiohttp.ClientTimeout(total=None))
        )
        opened = [
            await stack.enter_async_context(
                http.get(f"{firm.place.panel_url}/events", headers={"Cookie": sessions[number % len(sessions)]})
            )
            for number in range(streams)
        ]
        for one in opened:
            await one.content.readuntil(b"\r\n\r\n")
        grown = (bridge.memory_info().rss - before) / 2**20
        idle = await processor(bridge) - alone
        begun = time.perf_counter()
        await writer.say(room, "To all of you")
        await asyncio.gather(*(one.content.readuntil(b"event: changed") for one in opened))
        last = time.perf_counter() - begun
    table.add_row(f"{streams} open streams, memory", f"{grown:.1f} MiB", f"at most {MOST_MIB:.0f} MiB")
    table.add_row(
        f"{streams} open streams, processor while nothing happens, besides the bridge's own",
        f"{idle:.1%}",
        f"at most {MOST_IDLE:.0%}",
    )
    table.add_row(f"a message is heard of by all {streams}", f"{last:.2f} s", f"under {MOST_SECONDS:.0f} s")


async def processor(program: psutil.Process) -> float:
    """The part of a core that a program takes while nobody asks it for anything."""
    used = sum(program.cpu_times()[:2])
    await asyncio.sleep(IDLE_SECONDS)
    return (sum(program.cpu_times()[:2]) - used) / IDLE_SECONDS


async def in_scale(folder: Path, staff: int, rounds: int, console: Console) -> Mapping[str, float]:
    """The seconds of processor time that each page takes in a firm of this size, for somebody in many conversations."""
    build, port = Build("now", HERE), free_port()
    made = made_firm(build, folder, staff, console)
    with homeserver(build, made, port) as url:
        async with open_firm(settings_of(made, url, port)) as firm:
            firm.settings.__dict__["panel"] = PanelSettings(url="http://localhost:1")
            bridge = Bridge(firm)
            bridge.upkeep.stages = Stages(dict.fromkeys(Stage, Standing(State.DONE)))
            link = (await new_link(bridge.jobs.desk, "s0")).rpartition("/")[2]
            async with TestServer(bridge.panel_app()) as server, aiohttp.ClientSession() as http:
                async with http.post(server.make_url(f"/in/{link}"), allow_redirects=False) as answer:
                    cookie = {"Cookie": f"{COOKIE}={answer.cookies[COOKIE].value}"}

                async def shown(address: str) -> None:
                    async with http.get(server.make_url(address), headers=cookie) as page:
                        assert page.status == 200, page.status
                        await page.read()

                return {
                    what: await median(rounds, partial(shown, address), time.process_time)
                    for what, address in PAGES.items()
                }


async def main(given: argparse.Namespace) -> None:
    console, table = Console(), Table("what", "figure", "target")
    set_up_quiet_logging()
    if given.only != "scale":
        await beside_synapse(given.rounds, given.streams, table)
        console.print(table)
    if given.only != "beside":
        with TemporaryDirectory() as name:
            folder = given.keep or Path(name)
            large, small = [
                await in_scale(folder, size, given.rounds, console) for size in (given.staff, given.staff // 10)
            ]
        for what in PAGES:
            taken = f"{large[what] / small[what]:.2f} ({small[what] * 1000:.0f} and {large[what] * 1000:.0f} ms)"
            table.add_row(f"{what}, beside a tenth", taken, f"at most {MOST_GROWTH}")
    console.print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--streams", type=int, default=300)
    parser.add_argument("--staff", type=int, default=1000)
    parser.add_argument("--only", choices=("beside", "scale"))
    parser.add_argument("--keep", type=Path)
    asyncio.run(main(parser.parse_args()))
