"""How soon somebody who leaves is cut off, beside the bare calls for it (F2).

    python -m benchmarks.leaver [--rounds 3] [--rooms 60]

One local Synapse with the guard, the bridge in this process. A firm admin types `!staff leave`; the leaver is in many
channels, has three sessions and an open sync. Measured from the sending of the command: until a new request with each
of the leaver's tokens is refused, and until the leaver is in no room. Then the bridge is stopped and the same is done
to others without it: sessions deleted, account locked, every room left and forgotten, four at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import aiohttp
import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.commands import CLIENT, Bench, Client, Json, running_bridge
from benchmarks.provision import fresh_synapse

ADMIN = "/_synapse/admin"
SESSIONS = 3
AT_ONCE = 4
PAUSE = 0.01
"""Seconds between two looks, so that looking is not what is measured."""


@dataclass(frozen=True)
class Gone:
    """Seconds until somebody is cut off."""

    refused: float
    out: float


class Service:
    """The application service, acting as anybody."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._headers = {"Authorization": f"Bearer {bench.settings.appservice.as_token.get_secret_value()}"}

    async def ask(self, method: str, path: str, user_id: str = "", body: Json | None = None) -> Json:
        query = {"user_id": user_id or self._bench.settings.bot_id}
        asked = self._bench.http.request(method, path, params=query, headers=self._headers, json=body)
        async with asked as answer:
            if answer.status != 200:
                raise SystemExit(f"{method} {path}: {answer.status} {await answer.text()}")
            found: Json = await answer.json()
            return found

    async def rooms(self, user_id: str) -> list[str]:
        """The rooms that somebody is in or invited to."""
        found = await self.ask("GET", f"{ADMIN}/v1/users/{quote(user_id)}/memberships")
        return [room for room, membership in found["memberships"].items() if membership in {"join", "invite"}]


async def until_refused(sessions: Sequence[Client]) -> float:
    """When a new request is refused to every session."""

    async def one(client: Client) -> None:
        headers = {"Authorization": f"Bearer {client.token}"}
        while True:
            async with client.http.get(f"{CLIENT}/account/whoami", headers=headers) as answer:
                if answer.status in {401, 403}:
                    return
            await asyncio.sleep(PAUSE)

    await asyncio.gather(*map(one, sessions))
    return time.perf_counter()


async def until_out(service: Service, user_id: str) -> float:
    """When somebody is in no room and invited to none."""
    while await service.rooms(user_id):  # noqa: ASYNC110 - nobody tells it
        await asyncio.sleep(PAUSE)
    return time.perf_counter()


async def measured(bench: Bench, localpart: str, begin: Callable[[str], Coroutine[Any, Any, None]]) -> Gone:
    """Cut somebody off by `begin`, which is given the user id. One of the leaver's sessions waits in a sync."""
    service, sessions = Service(bench), [await bench.login(localpart) for _ in range(SESSIONS)]
    user_id = sessions[0].user_id
    await sessions[0].sync(0)
    headers = {"Authorization": f"Bearer {sessions[0].token}"}
    query = {"since": sessions[0].since, "timeout": "60000"}
    waiting = asyncio.create_task(bench.http.get(f"{CLIENT}/sync", params=query, headers=headers).__aenter__())
    started = time.perf_counter()
    at_work = asyncio.create_task(begin(user_id))
    refused, out = await asyncio.gather(until_refused(sessions), until_out(service, user_id))
    await at_work
    waiting.cancel()
    return Gone(refused - started, out - started)


async def bare(bench: Bench, user_id: str) -> None:
    """The same without the bridge."""
    service, account = Service(bench), f"{ADMIN}/v2/users/{quote(user_id)}"
    devices = await service.ask("GET", f"{account}/devices")
    ids = [device["device_id"] for device in devices["devices"]]
    await service.ask("POST", f"{account}/delete_devices", body={"devices": ids})
    await service.ask("PUT", account, body={"locked": True})
    at_once = asyncio.Semaphore(AT_ONCE)

    async def go(room_id: str) -> None:
        async with at_once:
            for verb in ("leave", "forget"):
                await service.ask("POST", f"{CLIENT}/rooms/{quote(room_id)}/{verb}", user_id, {})

    await asyncio.gather(*map(go, await service.rooms(user_id)))


async def by_bridge(bench: Bench, size: argparse.Namespace) -> list[Gone]:
    """Each round somebody else, by a firm admin's command."""
    admin = await bench.client("robin0")
    chat = await bench.chat(admin)

    async def command(user_id: str) -> None:
        path = f"/rooms/{quote(chat)}/send/m.room.message/leaver{next(bench.txn_ids)}"
        await admin.request("PUT", path, {"msgtype": "m.text", "body": f"!staff leave {user_id}"})

    return [await measured(bench, f"robin{number}", command) for number in range(1, size.rounds + 1)]


async def by_calls(bench: Bench, size: argparse.Namespace) -> list[Gone]:
    """Each round somebody else, while no bridge puts them back."""
    people = [f"robin{number}" for number in range(size.rounds + 1, 2 * size.rounds + 1)]
    return [await measured(bench, one, lambda user_id: bare(bench, user_id)) for one in people]


def show(size: argparse.Namespace, bridge_rounds: list[Gone], bare_rounds: list[Gone]) -> None:
    table = Table(title=f"Somebody in {size.rooms} channels with {SESSIONS} sessions leaves, median")
    for column in ("until", "with the bridge", "bare calls", "ratio", "target"):
        table.add_column(column, justify="left" if column == "until" else "right")
    for name, part, target in (
        ("new requests are refused", lambda gone: gone.refused, "100 ms"),
        ("out of every room", lambda gone: gone.out, "3 s"),
    ):
        bridge, hand = (statistics.median(map(part, some)) for some in (bridge_rounds, bare_rounds))
        table.add_row(name, f"{bridge * 1000:.0f} ms", f"{hand * 1000:.0f} ms", f"{bridge / hand:.2f}", target)
    Console().print(table)


async def main(size: argparse.Namespace) -> None:
    people = [f"s{n}" for n in range(2 * size.rounds + 1)]
    staff = [
        {
            "id": one,
            "first_name": f"Robin{n}",
            "last_name": "Vale",
            "email": f"robin{n}@b.example",
            "role": "Owner" if n == 0 else "Clerk",
        }
        for n, one in enumerate(people)
    ]
    channels = [{"name": f"Tide {n}", "participants": list(people)} for n in range(size.rooms)]
    with TemporaryDirectory() as name:
        async with fresh_synapse(Path(name), guarded=True) as (place, settings):
            (place.var / "directory.yaml").write_text(yaml.safe_dump({"staff": staff, "channels": channels}))
            async with aiohttp.ClientSession(settings.homeserver.url) as http:
                bench = Bench(http, settings)
                async with running_bridge(settings):
                    with_bridge = await by_bridge(bench, size)
                show(size, with_bridge, await by_calls(bench, size))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, usual in {"rounds": 3, "rooms": 60}.items():
        parser.add_argument(f"--{option}", type=int, default=usual)
    asyncio.run(main(parser.parse_args()))
