"""A stub homeserver for the ingest benchmark: pushes transactions, takes replies, and counts what is lost and doubled.

Like Synapse it sends one transaction at a time, sends it again until it is answered 200, and knows a repeated send by
room and transaction id.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from aiohttp import web

Json = dict[str, Any]
RETRY_SECONDS = 0.05
HS_TOKEN = "benchmark-hs-token-0001"
BOT = "@bot:localhost"
SENDER = "@robin:localhost"
WORDS = ("deed", "title", "lease", "hearing", "counsel", "client", "draft", "clause", "notice", "exhibit")


def make_events(count: int, rooms: int, run: str) -> list[Json]:
    """Messages of `rooms` rooms in an order that is the same at every run; every tenth is a command."""
    chance = random.Random(20260042)
    now = time.time_ns() // 1_000_000
    return [
        {
            "type": "m.room.message",
            "event_id": f"${run}{number:06}{'x' * 36}",
            "room_id": room_id(chance.randrange(rooms)),
            "sender": SENDER,
            "origin_server_ts": now,
            "content": {
                "msgtype": "m.text",
                "body": f"!ping {run} {number}" if number % 10 == 9 else " ".join(chance.choices(WORDS, k=12)),
            },
            "unsigned": {"age": 12},
            "user_id": SENDER,
            "age": 12,
        }
        for number in range(count)
    ]


def room_id(number: int) -> str:
    """The room with that number."""
    return f"!room{number:04}:localhost"


@dataclass
class StubHomeserver:
    """Pushes to a service and listens for its replies."""

    replies: dict[str, float] = field(default_factory=dict)
    """When the reply to each command came, by the command's text."""
    doubled: int = 0
    out_of_order: int = 0
    port: int = 0
    _known: dict[tuple[str, str], str] = field(default_factory=dict)
    _last: dict[str, int] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _transaction: int = 0

    @staticmethod
    def commands(events: Sequence[Json]) -> int:
        """How many of the events are commands."""
        return sum(event["content"]["body"].startswith("!") for event in events)

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application(client_max_size=2**26)
        app.router.add_put("/_matrix/client/{v}/rooms/{room_id}/send/{type}/{txn_id}", self._take)
        app.router.add_route("*", "/_synapse/admin/v2/users/{user_id}", self._account)
        app.router.add_route("*", "/_synapse/{path:.*}", self._refuse)
        app.router.add_post("/_matrix/client/v1/appservice/{id}/ping", self._pinged)
        app.router.add_route("*", "/_matrix/{path:.*}", self._agree)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        self._session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {HS_TOKEN}"})

    async def stop(self) -> None:
        """Close everything."""
        await self._session.close()
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        content = orjson.loads(await request.read())
        key = (request.match_info["room_id"], request.match_info["txn_id"])
        if key not in self._known:
            self._known[key] = f"$reply{len(self._known)}"
            text = content["body"].removeprefix("pong ")
            if text in self.replies:
                self.doubled += 1
            else:
                self.replies[text] = time.perf_counter()
                run, number = text.split(" ")[0], int(text.split(" ")[1])
                lane = key[0] + run
                self.out_of_order += number < self._last.get(lane, -1)
                self._last[lane] = number
            self._changed.set()
        return web.Response(body=orjson.dumps({"event_id": self._known[key]}), content_type="application/json")

    async def _account(self, request: web.Request) -> web.Response:
        """The bot's, which is the one that the bridge has to see; any other person's is refused."""
        user_id = request.match_info["user_id"]
        return web.json_response({"name": user_id, "admin": True}) if user_id == BOT else await self._refuse(request)

    async def _pinged(self, request: web.Request) -> web.Response:
        return web.json_response({"duration_ms": 1})

    async def _agree(self, request: web.Request) -> web.Response:
        return web.json_response({})

    async def _refuse(self, request: web.Request) -> web.Response:
        return web.json_response({"errcode": "M_FORBIDDEN", "error": "You are not a server admin"}, status=403)

    async def push(self, service: str, events: list[Json]) -> None:
        """Send one transaction until it is answered with 200."""
        self._transaction += 1
        body = orjson.dumps({"events": events})
        url = f"{service}/_matrix/app/v1/transactions/{self._transaction}"
        while True:
            try:
                async with self._session.put(url, data=body, headers={"Content-Type": "application/json"}) as answer:
                    if answer.status == 200:
                        return
                    print(f"transaction {self._transaction}: {answer.status} {await answer.text()}")
            except aiohttp.ClientError:
                # The service is down, as it is meant to be in the middle of the run with a kill.
                pass
            await asyncio.sleep(RETRY_SECONDS)

    async def replied(self, count: int) -> None:
        """Wait until that many commands were answered."""
        while len(self.replies) < count:
            self._changed.clear()
            await self._changed.wait()
