"""How soon a colleague sees what a command does, beside the bare Matrix calls for it.

    python -m benchmarks.commands [--rounds 15] [--staff 40] [--in-channel 30]

One local Synapse, the bridge in this process. Somebody types a command, and a colleague's client waits in /sync for
what it does. Each round then makes the same calls again without the bridge: a message as long as the command, then
createRoom, invitations, joins and the push rules that C2 needs, one after another as the bridge makes them, up to the
one that the colleague sees. All requests that the bridge makes for a command until it answers are counted, by route.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import secrets
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import aiohttp
import orjson
import yaml
from rich.console import Console
from rich.table import Table
from yarl import URL

from benchmarks.provision import fresh_synapse
from bridge import service
from bridge.app import Bridge
from bridge.matrix.connection import Connection, route_of
from bridge.settings import Settings

Json = dict[str, Any]
CLIENT = "/_matrix/client/v3"
NEEDED = ("/createRoom", "/join", "/invite", "/pushrules/")
"""What is made again without the bridge, by a part of the path."""


@dataclass(frozen=True)
class Asked:
    """A request that the bridge made."""

    method: str
    path: str
    user_id: str
    body: bytes
    answer: Json


@dataclass
class Client:
    """Somebody's client."""

    http: aiohttp.ClientSession
    user_id: str
    token: str
    since: str = ""

    async def request(self, method: str, path: str, body: Json | None = None, **query: str) -> Json:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.http.request(method, CLIENT + path, params=query, json=body, headers=headers) as answer:
            if answer.status != 200:
                raise SystemExit(f"{method} {path}: {answer.status} {await answer.text()}")
            found: Json = await answer.json(loads=orjson.loads)
            return found

    async def sync(self, wait_ms: int) -> Json:
        """What is new since the last time, by room."""
        since = {"since": self.since} if self.since else {}
        answer = await self.request("GET", "/sync", None, timeout=str(wait_ms), **since)
        self.since = answer["next_batch"]
        found: Json = answer.get("rooms", {}).get("join", {})
        return found

    async def until_joined(self) -> float:
        """When this client sees itself join another room."""
        while True:
            for room in (await self.sync(30_000)).values():
                for event in [*room["state"]["events"], *room["timeline"]["events"]]:
                    if event["type"] == "m.room.member" and event["state_key"] == self.user_id:
                        return time.perf_counter()

    async def until_answered(self, chat: str, command: str) -> None:
        """Wait for the bot's answer to a command."""
        while True:
            for event in (await self.sync(30_000)).get(chat, {}).get("timeline", {}).get("events", ()):
                relation = event["content"].get("m.relates_to", {})
                if relation.get("m.in_reply_to", {}).get("event_id") == command:
                    return


@dataclass
class Bench:
    """The firm, its clients, and what the bridge asked of Synapse."""

    http: aiohttp.ClientSession
    settings: Settings
    asked: list[Asked] = field(default_factory=list)
    clients: dict[str, Client] = field(default_factory=dict)
    txn_ids: itertools.count[int] = field(default_factory=itertools.count)

    async def login(self, localpart: str) -> Client:
        """A new session of somebody."""
        service = Client(self.http, "", self.settings.appservice.as_token.get_secret_value())
        identifier = {"type": "m.id.user", "user": localpart}
        body = {"type": "m.login.application_service", "identifier": identifier}
        answer = await service.request("POST", "/login", body)
        return Client(self.http, answer["user_id"], answer["access_token"])

    async def client(self, localpart: str) -> Client:
        """A client that has synced up to now."""
        if localpart not in self.clients:
            self.clients[localpart] = await self.login(localpart)
        client = self.clients[localpart]
        await client.sync(0)
        return client

    async def chat(self, client: Client) -> str:
        """Somebody's chat with the bot."""
        data = await client.request("GET", f"/user/{quote(client.user_id)}/account_data/m.direct")
        return str(data[self.settings.bot_id][0])

    async def again(self, needed: Sequence[Asked], rename: Callable[[str], str]) -> None:
        """Make these requests again, one after another. `rename` changes what must not be the same twice."""
        renamed: dict[str, str] = {}
        headers = {"Authorization": f"Bearer {self.settings.appservice.as_token.get_secret_value()}"}
        for one in needed:
            path, body = rename(one.path), rename(one.body.decode())
            for old, new in renamed.items():
                path, body = path.replace(old, new), body.replace(quote(old, safe=""), new).replace(old, new)
            url = URL(f"{self.settings.homeserver.url}{path}?user_id={quote(one.user_id)}", encoded=True)
            async with self.http.request(one.method, url, data=body, headers=headers) as answer:
                if answer.status != 200:
                    raise SystemExit(f"{path}: {answer.status} {await answer.text()}")
                found = orjson.loads(await answer.read())
            if "room_id" in found and path.endswith("/createRoom"):
                renamed[one.answer["room_id"]] = found["room_id"]
                renamed[quote(one.answer["room_id"], safe="")] = quote(found["room_id"], safe="")


@dataclass(frozen=True)
class Case:
    """One command: who types what in round n, whose client watches, and who takes their place in the bare calls."""

    name: str
    text: Callable[[int], str]
    watcher: Callable[[int], str]
    stand_in: Callable[[int], str] | None = None
    before: Callable[[int], str] | None = None


async def round_of(bench: Bench, case: Case, number: int) -> tuple[float, float, Counter[str]]:
    """Seconds by command, seconds by bare calls, and the requests made for the command."""
    sender = await bench.client("robin0")
    chat = await bench.chat(sender)

    async def say(text: str, msgtype: str = "m.text") -> str:
        txn = f"bench{next(bench.txn_ids)}"
        path = f"/rooms/{quote(chat)}/send/m.room.message/{txn}"
        sent = await sender.request("PUT", path, {"msgtype": msgtype, "body": text})
        return str(sent["event_id"])

    if case.before is not None:
        await sender.until_answered(chat, await say(case.before(number)))
    watcher = await bench.client(case.watcher(number))
    bench.asked.clear()
    seen = asyncio.create_task(watcher.until_joined())
    started = time.perf_counter()
    command = await say(case.text(number))
    by_command = await seen - started
    await sender.until_answered(chat, command)
    requests = Counter(f"{one.method} {route_of(one.path)}" for one in bench.asked)
    needed = up_to_join([one for one in bench.asked if is_needed(one)], watcher.user_id)
    fresh = secrets.token_hex(8)
    old, new = case.watcher(number), case.stand_in(number) if case.stand_in else case.watcher(number)

    def rename(text: str) -> str:
        text = text.replace('"room_alias_name":"', f'"room_alias_name":"{fresh}')
        return text.replace(f"@{old}:", f"@{new}:")

    stand_in = await bench.client(new)
    needed = [Asked(o.method, o.path, rename(o.user_id), o.body, o.answer) for o in needed]
    seen = asyncio.create_task(stand_in.until_joined())
    started = time.perf_counter()
    # The bot does not read notices.
    await say(case.text(number), "m.notice")
    await bench.again(needed, rename)
    return by_command, await seen - started, requests


def is_needed(one: Asked) -> bool:
    """Whether the effect could not be had without this request."""
    return one.method != "GET" and any(part in one.path for part in NEEDED) and "/device" not in one.path


def up_to_join(needed: list[Asked], user_id: str) -> list[Asked]:
    """The requests up to the one by which that person joins."""
    last = max(n for n, one in enumerate(needed) if one.path.endswith("/join") or "/join/" in one.path)
    for number, one in enumerate(needed):
        if "/join" in one.path and one.user_id == user_id:
            last = number
            break
    return needed[: last + 1]


def recorder(bench: Bench) -> Any:
    """The bridge's connection, with what it asks written down."""
    attempt = Connection.request_once

    async def recorded(
        self: Connection, method: str, shown: str, target: str, data: Any, *rest: Any, **more: Any
    ) -> Any:
        body = data.encode() if isinstance(data, str) else bytes(data or b"")
        answer: Json = {}
        try:
            found = await attempt(self, method, shown, target, data, *rest, **more)
            answer = orjson.loads(await found.read())
            return found
        finally:
            bench.asked.append(Asked(method, shown, URL(target, encoded=True).query.get("user_id", ""), body, answer))

    return patch.object(Connection, "request_once", recorded)


def cases(size: argparse.Namespace) -> list[Case]:
    """The commands that are measured."""
    crowd = [f"robin{number}" for number in range(1, size.in_channel)]
    last = max(crowd)
    many = " ".join(f"@{name}" for name in crowd)
    others = [f"robin{number}" for number in range(1, size.staff)]
    pairs = list(itertools.combinations(others, 2))
    return [
        Case("!dm with one person", lambda n: f"!dm @{others[n]}", lambda n: others[n]),
        Case(
            "!dm with two people",
            lambda n: f"!dm @{pairs[n][0]} @{pairs[n][1]}",
            lambda n: max(pairs[n]),
        ),
        Case(
            f"!channel create with {size.in_channel} people",
            lambda n: f"!channel create Tide {n} {many}",
            lambda n: last,
        ),
        Case(
            "!channel add",
            lambda n: f"!channel add Club {n} @robin1",
            lambda n: "robin1",
            lambda n: "robin2",
            lambda n: f"!channel create Club {n}",
        ),
    ]


async def measure(bench: Bench, size: argparse.Namespace, console: Console) -> None:
    table = Table(title="Until a colleague sees it, median")
    for column in ("command", "with the bridge", "bare calls", "ratio (at most 1.3)", "requests"):
        table.add_column(column, justify="left" if column == "command" else "right")
    routes: dict[str, Counter[str]] = {}
    for case in cases(size):
        rounds = [await round_of(bench, case, number) for number in range(size.rounds)]
        command = statistics.median(one[0] for one in rounds)
        bare = statistics.median(one[1] for one in rounds)
        routes[case.name] = rounds[-1][2]
        table.add_row(
            case.name,
            f"{command * 1000:.0f} ms",
            f"{bare * 1000:.0f} ms",
            f"{command / bare:.2f}",
            str(rounds[-1][2].total()),
        )
    console.print(table)
    for name, counted in routes.items():
        console.print(name, dict(sorted(counted.items())))


async def main(size: argparse.Namespace) -> None:
    staff = [
        {"id": f"s{n}", "first_name": f"Robin{n}", "last_name": "Vale", "email": f"robin{n}@b.example", "role": "Clerk"}
        for n in range(size.staff)
    ]
    with TemporaryDirectory() as name:
        async with fresh_synapse(Path(name), guarded=True) as (place, settings):
            (place.var / "directory.yaml").write_text(yaml.safe_dump({"staff": staff}))
            async with aiohttp.ClientSession(settings.homeserver.url) as http:
                bench = Bench(http, settings)
                with recorder(bench):
                    async with running_bridge(settings):
                        await measure(bench, size, Console())


@asynccontextmanager
async def running_bridge(settings: Settings) -> AsyncIterator[None]:
    """The bridge in this process, with everything reconciled."""
    stop = asyncio.Event()
    async with service.open_firm(settings) as firm:
        bridge = Bridge(firm)
        running = asyncio.create_task(bridge.run(stop))
        while bridge.health()["reconciled"]:  # noqa: ASYNC110 - nothing is measured here
            await asyncio.sleep(0.1)
        yield
        stop.set()
        await running


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, usual in {"rounds": 15, "staff": 40, "in-channel": 30}.items():
        parser.add_argument(f"--{option}", type=int, default=usual)
    asyncio.run(main(parser.parse_args()))
