"""How long it takes to bring a firm to life, beside a bare script that makes the same rooms and joins.

    python -m benchmarks.provision [--staff 100] [--matters 200] [--channels 20] [--people 6] [--in-channel 30]

Each runs against a fresh local Synapse of its own, on the same machine and at the same concurrency. The bare script
replays the createRoom bodies and the joins that the bridge made, wave by wave, and does nothing else: no database, no
accounts, no lists of rooms. A second pass of the bridge is counted: it must make no request that changes anything.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import aiohttp
import yaml
from rich.console import Console
from rich.table import Table

from bridge import service
from bridge.dev import files, processes, synapse
from bridge.dev.place import LocalFirm
from bridge.firm.room_keys import MARKER
from bridge.matrix.client import MatrixClient
from bridge.reconcile.rooms.observe import in_parallel
from bridge.settings import Settings

Json = dict[str, Any]
CHANGING = {"POST", "PUT", "DELETE"}


def write_firm(path: Path, size: argparse.Namespace) -> None:
    """A made-up firm of the wanted size, the same at every run."""
    chance = random.Random(20260042)  # the same firm every time
    ids = [f"s{number:03}" for number in range(size.staff)]
    staff = [
        {
            "id": staff_id,
            "first_name": f"Robin{number}",
            "last_name": "Vale",
            "email": f"robin{number}@bench.example",
            "role": "Associate",
        }
        for number, staff_id in enumerate(ids)
    ]
    matters: list[Json] = []
    for number in range(size.matters):
        team = chance.sample(ids, size.people)
        title = f"Vale v Moor {number}"
        matters.append({"id": f"m{number}", "number": f"2026-{number:04}", "title": title, "responsible": team[0]})
        matters[-1]["assisting"] = team[1:]
    channels = [
        {"name": f"Topic {number}", "participants": chance.sample(ids, size.in_channel)}
        for number in range(size.channels)
    ]
    path.write_text(yaml.safe_dump({"staff": staff, "matters": matters, "channels": channels}, sort_keys=False))


@dataclass
class Recording:
    """The rooms that the bridge made and who joined them, in the order of making."""

    bodies: list[Json] = field(default_factory=list)
    room_ids: list[str] = field(default_factory=list)
    joins: dict[str, list[str]] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)


@contextlib.asynccontextmanager
async def fresh_synapse(folder: Path, *, guarded: bool = False) -> AsyncIterator[tuple[LocalFirm, Settings]]:
    """A Synapse with the project's homeserver configuration and nothing in it; `guarded` has the guard in it."""
    place = LocalFirm(folder, free_port(), free_port())
    own: dict[str, Json] = {"directory": {"path": str(folder / "directory.yaml")}, "log": {"level": "warning"}}
    if not guarded:
        # It would let nobody into the bare script's rooms.
        own["guard"] = {"key": ""}
    settings = files.write_files(place, own)
    program = synapse.start_synapse(place)
    try:
        await synapse.wait_for_synapse(program, place)
        await synapse.make_bot(place, settings)
        yield place, settings
    finally:
        processes.stop(program)


def free_port() -> int:
    """A port nobody uses at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


async def with_bridge(settings: Settings, recording: Recording) -> tuple[float, int]:
    """Seconds of the first pass, and the changing requests of the second."""
    make, join = MatrixClient.create_room, MatrixClient.join

    async def create_room(client: MatrixClient, body: Json) -> str:
        room_id = await make(client, body)
        recording.bodies.append(body)
        recording.room_ids.append(room_id)
        return room_id

    async def join_room(client: MatrixClient, room_id: str, user_id: str) -> None:
        await join(client, room_id, user_id)
        recording.joins.setdefault(room_id, []).append(user_id)

    with patch.object(MatrixClient, "create_room", create_room), patch.object(MatrixClient, "join", join_room):
        async with service.open_firm(settings) as firm:
            started = time.perf_counter()
            outcome = await firm.sync()
            seconds = time.perf_counter() - started
            if outcome.failed:
                raise SystemExit("\n".join(outcome.failed))
            before = changes(firm)
            recording.requests.update(before)
            await firm.sync()
            # Registering the bot is how it is seen that it is there.
            after = changes(firm) - before
            return seconds, sum(count for route, count in after.items() if "register" not in route)


def changing(route: str) -> bool:
    """Whether a route, shown with its method, changes anything."""
    return route.split()[0] in CHANGING


def changes(firm: service.FirmService) -> Counter[str]:
    """Changing requests so far, by route."""
    found: Counter[str] = Counter()
    for metric in firm.metrics.registry.collect():
        for sample in metric.samples:
            if sample.name == "firm_bridge_homeserver_request_seconds_count" and changing(sample.labels["route"]):
                found[sample.labels["route"]] += int(sample.value)
    return found


async def bare(settings: Settings, recording: Recording) -> float:
    """Seconds that the same createRoom and join calls take without the bridge."""
    token = settings.appservice.as_token.get_secret_value()
    limit = settings.homeserver.concurrency
    new_ids: dict[str, str] = {}
    timeout = aiohttp.ClientTimeout(total=300)
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(settings.homeserver.url, headers=headers, timeout=timeout) as http:

        async def post(path: str, user_id: str, body: Json) -> Json:
            async with http.post(path, params={"user_id": user_id}, json=body) as answer:
                if answer.status != 200:
                    raise SystemExit(f"{path}: {answer.status} {await answer.text()}")
                found: Json = await answer.json()
                return found

        for user_id in sorted({user_id for users in recording.joins.values() for user_id in users}):
            localpart = user_id[1:].partition(":")[0]
            account = {"type": "m.login.application_service", "username": localpart, "inhibit_login": True}
            await post("/_matrix/client/v3/register", user_id, account)

        async def room(number: int) -> None:
            body = json.dumps(recording.bodies[number])
            for old, new in new_ids.items():
                body = body.replace(old, new)
            made = await post("/_matrix/client/v3/createRoom", settings.bot_id, json.loads(body))
            old = recording.room_ids[number]
            new_ids[old] = made["room_id"]
            for user_id in recording.joins.get(old, ()):
                await post(f"/_matrix/client/v3/rooms/{quote(made['room_id'])}/join", user_id, {})

        started = time.perf_counter()
        for wave in waves(recording.bodies):
            await in_parallel(wave, room, limit)
        return time.perf_counter() - started


def waves(bodies: list[Json]) -> Iterable[list[int]]:
    """Numbers of the rooms that can be made at the same time: the two first spaces, then rooms, then matter spaces."""
    kinds: dict[int, list[int]] = {0: [], 1: [], 2: [], 3: []}
    for number, body in enumerate(bodies):
        key = next(event["content"]["key"] for event in body["initial_state"] if event["type"] == MARKER)
        first = {"space-keeper": 0, "space-staff": 1}.get(key, 3 if key.startswith("space-") else 2)
        kinds[first].append(number)
    return kinds.values()


async def main(size: argparse.Namespace) -> None:
    console = Console()
    recording = Recording()
    with TemporaryDirectory() as name:
        folder = Path(name)
        async with fresh_synapse(folder / "bridge") as (place, settings):
            write_firm(place.var / "directory.yaml", size)
            bridge_seconds, second_pass = await with_bridge(settings, recording)
        async with fresh_synapse(folder / "bare") as (_, settings):
            bare_seconds = await bare(settings, recording)
    joins = sum(map(len, recording.joins.values()))
    table = Table(title=f"{size.staff} staff, {size.matters} matters, {size.channels} channels")
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_row("rooms made, spaces and chats with the bot included", str(len(recording.bodies)))
    table.add_row("joins", str(joins))
    table.add_row("bridge, from nothing", f"{bridge_seconds:.1f} s")
    table.add_row("bare script, the same createRoom and join calls", f"{bare_seconds:.1f} s")
    table.add_row("ratio (target: at most 1.15)", f"{bridge_seconds / bare_seconds:.2f}")
    table.add_row("changing requests of the second pass (target: 0)", str(second_pass))
    console.print(table)
    others = {route: count for route, count in recording.requests.items() if "createRoom" not in route}
    console.print("Changing requests by route:", others)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, usual in {"staff": 100, "matters": 200, "channels": 20, "people": 6, "in-channel": 30}.items():
        parser.add_argument(f"--{option}", type=int, default=usual)
    asyncio.run(main(parser.parse_args()))
