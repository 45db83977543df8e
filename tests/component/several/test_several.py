"""Processes that share a database are killed, stopped and cut off under load, and nothing is lost or let in (R1)."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import time
from pathlib import Path

import pytest

from bridge.settings import Settings
from tests.component.on_fake import write
from tests.component.running_bridge import ESTATE, FIRM, WALL, settings_in
from tests.component.several.herd import LEASE, SECONDS, BehindProxy, Herd, end_connections, herd, restart_server
from tests.component.several.load import Load, rooms_for_load
from tests.component.store.test_store import postgresql_only

LONG = SECONDS > 0
OPEN = {**FIRM, "matters": [{**ESTATE, "assisting": ["b", "c"]}]}
WALLED = {**OPEN, "walls": [WALL]}

pytestmark = [postgresql_only, pytest.mark.timeout(SECONDS + 110)]


@pytest.fixture
def settings(fake: BehindProxy, tmp_path: Path, database_url: str) -> Settings:
    found = settings_in(tmp_path, database_url, fake)
    write(Path(found.directory.path), OPEN)
    return found


async def wall_and_open(load: Load, directory: Path, stop: asyncio.Event) -> None:
    """Wall Ben off from the matter and let him in again, all the while, and have Ann ask for him at all times."""
    while not stop.is_set():
        while not await load.ben_is_in() and not stop.is_set():
            await load.ask_for_ben()
        if stop.is_set():
            return
        write(directory, WALLED)
        while await load.ben_is_in():
            await load.ask_for_ben()
        load.shut = True
        for _ in range(4):
            await load.ask_for_ben()
        load.shut, load.turns = False, load.turns + 1
        write(directory, OPEN)


async def frozen_until_another_works(processes: Herd) -> None:
    """Stop the process at work until its lease is over and another works, and wake it."""
    port = await processes.at_work()
    processes.note(f"stopped {port}", of=port)
    processes.send(port, signal.SIGSTOP)
    while await processes.at_work() == port:  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.1)
    processes.note("another works")
    await asyncio.sleep(1)
    processes.send(port, signal.SIGCONT)


async def break_once(processes: Herd, database_url: str, chance: random.Random) -> None:
    """The short form: the process at work is killed, every connection ended, the next one stopped."""
    port = await processes.at_work()
    await processes.kill(port)
    await asyncio.sleep(1)
    await end_connections(database_url)
    await asyncio.sleep(1)
    await frozen_until_another_works(processes)


async def break_for_long(processes: Herd, database_url: str, chance: random.Random) -> None:
    """The long form: one killed every few seconds at random, the server restarted twice, one stopped ten times."""
    begun, restarts = time.monotonic(), [SECONDS / 3, SECONDS * 2 / 3]
    freeze = SECONDS / 10
    while (passed := time.monotonic() - begun) < SECONDS:
        if restarts and passed > restarts[0]:
            restarts.pop(0)
            processes.note("the server restarted")
            await restart_server()
        elif passed > freeze:
            freeze += SECONDS / 10
            await frozen_until_another_works(processes)
        else:
            await processes.kill(chance.choice(processes.ports))
        processes.revive()
        await asyncio.sleep(chance.uniform(3, 8))


def figures(load: Load, processes: Herd, count: int) -> str:
    """How long was waited: at most the lease and two seconds is what R1 promises, on a machine that is not busy."""
    waits = load.waits()
    late = [one for one in waits if one[0] > LEASE + 2]
    told = (
        f"{len(load.asked)} commands with {count} processes, {load.turns} walls, at a lease of {LEASE:.0f} s: the"
        f" longest waited {waits[0][0]:.1f} s, one in a hundred {waits[len(waits) // 100][0]:.1f} s, {len(late)} longer"
        f" than {LEASE + 2:.0f} s.\n"
    )
    shown: list[float] = []
    for wait, until in late or waits[:1]:
        if all(abs(until - other) > LEASE for other in shown):
            shown.append(until)
            told += f"Since one was typed that waited {wait:.1f} s:{_around(processes, until - wait, until)}\n"
    return told


def _around(processes: Herd, begun: float, until: float) -> str:
    """What happened from a lease before that was begun."""
    return "".join(f"\n  {at - begun:+.1f} s: {what}" for at, what in processes.happened if begun - LEASE < at < until)


@pytest.mark.parametrize("count", [2, 4] if LONG else [2])
async def test_R1_killed_stopped_and_cut_off_under_load_nothing_is_lost_doubled_or_let_in(
    settings: Settings, fake: BehindProxy, tmp_path: Path, database_url: str, count: int
) -> None:
    chance = random.Random()
    async with herd(settings, tmp_path, count, LEASE) as processes:
        fake.ports = processes.ports
        load = await rooms_for_load(fake, database_url)
        stop, directory = asyncio.Event(), Path(settings.directory.path)
        typing = asyncio.create_task(load.type(stop, 0.02))
        walling = asyncio.create_task(wall_and_open(load, directory, stop))
        await (break_for_long if LONG else break_once)(processes, database_url, chance)
        processes.revive()
        stop.set()
        await asyncio.gather(typing, walling)
        async with asyncio.timeout(60):
            await load.all_answered()
    wrong = load.lost(), load.doubled(), load.out_of_order(), load.forbidden
    sys.stderr.write(figures(load, processes, count))
    assert wrong == ([], [], [], [])
    assert load.asked
    assert load.turns
