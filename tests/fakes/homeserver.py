"""A homeserver for tests: enough of Synapse, in this process, on a port of its own, with faults on demand.

    async with FakeHomeserver() as fake:
        client = MatrixClient(fake.homeserver_settings(), fake.appservice_settings(), Anybody())
        fake.script("POST", "/createRoom$", DROP_AFTER)

It is a World (world.py), so that tests act in it as a person does in her client and read its rooms and accounts. The
bot is there and is a server admin. What arrives by HTTP is kept in `requests`.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, Self
from urllib.parse import unquote

import aiohttp
import orjson
from aiohttp import web

from bridge.guard.protocol import SIGNATURE_HEADER
from bridge.settings import AppserviceSettings, HomeserverSettings
from tests.fakes.endpoints import table
from tests.fakes.endpoints.asked import Asked
from tests.fakes.faults import Answer, Behaviour, Broken, Cut, Drop, Duplicate, Slow
from tests.fakes.mas.records import SHARED, MasRecords, MasSession
from tests.fakes.room import Denied
from tests.fakes.world import World

Json = dict[str, Any]
AS_TOKEN = "as-token-of-the-tests-0001"
HS_TOKEN = "hs-token-of-the-tests-0001"
EVENTS_AT_ONCE = 100
_RETRY_SECONDS = 0.02
_NO_CHANGE = re.compile(r"/typing/[^/]*$|/ping$|/firm-bridge/policy$")


@dataclass(frozen=True)
class Recorded:
    """A request that arrived. `status` is that of the answer, 0 where there was none."""

    method: str
    path: str
    """Decoded, without the query."""
    user_id: str
    body: Any
    status: int
    query: Mapping[str, str]


class FakeHomeserver(World):
    """A World that speaks HTTP and pushes events to the bridge."""

    def __init__(
        self,
        as_token: str = AS_TOKEN,
        hs_token: str = HS_TOKEN,
        server_name: str = "localhost",
        bridge_url: str = "",
        bot_localpart: str = "bot",
    ) -> None:
        """`bridge_url` may be set later, as the attribute; without it nothing is pushed and the ping fails."""
        super().__init__(server_name)
        self.as_token, self.hs_token, self.bridge_url = as_token, hs_token, bridge_url
        self.sender = f"@_firm_bridge:{server_name}"
        self.bot_id = self.add_user(bot_localpart, admin=True)
        self.requests: list[Recorded] = []
        self.sent: dict[tuple[str, str | None], str] = {}
        self.typing: set[tuple[str, str]] = set()
        self.media: dict[str, tuple[str, bytes]] = {}
        """Name and content by media id."""
        self.uploaders: dict[str, str] = {}
        """User ids by media id."""
        self.openid_tokens: dict[str, Any] = {}
        """User ids by the token with which a client proves its person to a page."""
        self.quarantined: set[str] = set()
        """SHA-256 of what nobody can download."""
        self.auto_push = False
        """Whether the bridge is sent every event from now on, in order, one transaction at a time."""
        self.transactions = 0
        """The number of the last transaction; set it to 0 to begin anew, as Synapse does after a restart."""
        self.mas: MasRecords | None = None
        """Who keeps the accounts in its place. Then no account of its own is a server admin."""
        self.url = ""
        self.broken: list[Broken] = []
        """What every request meets that no script is for, until it is mended."""
        self._scripts: list[tuple[str, re.Pattern[str], deque[Behaviour]]] = []
        self._waiting: list[Json] = []
        self._news = asyncio.Event()
        self._delivered = asyncio.Event()
        self._delivered.set()
        self.listeners.append(self._enqueue)

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2**27)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.hs_token}"})
        self._pusher = asyncio.create_task(self._push_for_ever())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._pusher.cancel()
        await asyncio.gather(self._pusher, return_exceptions=True)
        await self._session.close()
        await self._runner.cleanup()

    def homeserver_settings(self, **changed: Any) -> HomeserverSettings:
        """Settings that lead here, with time-outs for tests; `changed` wins."""
        defaults = {"url": self.url, "server_name": self.server_name, "request_timeout": 10.0, "deadline": 10.0}
        return HomeserverSettings(**{**defaults, **changed})

    def appservice_settings(self, **changed: Any) -> AppserviceSettings:
        """The service's settings, with the tokens that are accepted here; `changed` wins."""
        return AppserviceSettings(**{"as_token": self.as_token, "hs_token": self.hs_token, **changed})

    def script(self, method: str, path: str, *behaviours: Behaviour) -> None:
        """Let the next requests of this method, whose decoded path has a match for `path`, meet these, one each."""
        self._scripts.append((method, re.compile(path), deque(behaviours)))

    def keep_to_no_script(self) -> None:
        """Answer again as a homeserver does."""
        self._scripts.clear()

    def changes(self) -> list[Recorded]:
        """The requests that may have changed something: no GET, nothing refused, not typing, ping or guard."""
        return [
            request
            for request in self.requests
            if request.method != "GET" and request.status < 400 and not _NO_CHANGE.search(request.path)
        ]

    def asked(self, method: str, path: str) -> list[Recorded]:
        """The requests of this method, whose decoded path has a match for `path`."""
        return [request for request in self.requests if request.method == method and re.search(path, request.path)]

    # To the bridge
    async def push(self, events: list[Json]) -> int:
        """Send one transaction to the bridge, once, and return the status of the answer."""
        self.transactions += 1
        return await self._put(self.transactions, events)

    async def delivered(self) -> None:
        """Wait until the bridge has taken every event of `auto_push`."""
        await self._delivered.wait()

    async def _put(self, number: int, events: list[Json]) -> int:
        url = f"{self.bridge_url}/_matrix/app/v1/transactions/{number}"
        async with self._session.put(url, json={"events": events}) as answer:
            await answer.read()
            return answer.status

    def _enqueue(self, event: Json) -> None:
        if self.auto_push:
            self._waiting.append(event)
            self._delivered.clear()
            self._news.set()

    async def _push_for_ever(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                some = self._waiting[:EVENTS_AT_ONCE]
                if await self._taken(self.transactions + 1, some):
                    self.transactions += 1
                    del self._waiting[: len(some)]
                else:
                    await asyncio.sleep(_RETRY_SECONDS)
            self._delivered.set()

    async def _taken(self, number: int, events: list[Json]) -> bool:
        # The bridge may be down on purpose; as Synapse, the fake tries again.
        with contextlib.suppress(aiohttp.ClientError):
            return await self._put(number, events) == 200
        return False

    async def _ping(self, asked_body: Json) -> tuple[int, Json]:
        if not self.bridge_url:
            return 400, {"errcode": "M_URL_NOT_SET", "error": "The application service does not have a URL set"}
        try:
            async with self._session.post(f"{self.bridge_url}/_matrix/app/v1/ping", json=asked_body) as answer:
                status = answer.status
        except aiohttp.ClientError as error:
            return 502, {"errcode": "M_CONNECTION_FAILED", "error": str(error)}
        if status != 200:
            return 502, {"errcode": "M_BAD_STATUS", "error": f"HTTP {status}", "status": status}
        return 200, {"duration_ms": 1}

    # From the bridge
    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        path = unquote(request.rel_url.raw_path)
        match self._next_behaviour(request.method, path, request.query.get("user_id", self.sender)):
            case Answer() as answer:
                self._record(request, raw, answer.status)
                headers = {**answer.headers, "Content-Type": answer.content_type}
                return web.Response(status=answer.status, body=answer.body, headers=headers)
            case Drop(act=act):
                if act:
                    await self._act(request, raw)
                self._record(request, raw, 0)
                assert request.transport is not None
                request.transport.close()
                return web.Response()
            case Cut(after=after):
                return await self._cut_off(request, raw, after)
            case Slow() as slow:
                return await self._slowly(request, raw, slow)
            case Duplicate():
                await self._act(request, raw)
        return self._response(request, raw, *await self._act(request, raw))

    async def _cut_off(self, request: web.Request, raw: bytes, after: int) -> web.StreamResponse:
        whole = self._response(request, raw, *await self._act(request, raw))
        assert isinstance(whole.body, bytes)
        response = web.StreamResponse(headers={"Content-Length": str(len(whole.body))})
        await response.prepare(request)
        await response.write(whole.body[:after])
        assert request.transport is not None
        request.transport.close()
        return response

    async def _slowly(self, request: web.Request, raw: bytes, slow: Slow) -> web.Response:
        slow.arrived.set()
        if slow.act_first:
            outcome = await self._act(request, raw)
            await slow.until.wait()
        else:
            await slow.until.wait()
            outcome = await self._act(request, raw)
        slow.done.set()
        return self._response(request, raw, *outcome)

    def _response(self, request: web.Request, raw: bytes, status: int, body: Any) -> web.Response:
        self._record(request, raw, status)
        headers = {"Date": formatdate(self.now_ms() // 1000, usegmt=True)}
        if isinstance(body, bytes):
            return web.Response(status=status, body=body, headers=headers, content_type="application/octet-stream")
        return web.Response(status=status, body=orjson.dumps(body), headers=headers, content_type="application/json")

    def _next_behaviour(self, method: str, path: str, user_id: str) -> Behaviour | None:
        for wanted, pattern, behaviours in self._scripts:
            if behaviours and wanted == method and pattern.search(path):
                return behaviours.popleft()
        asked = f"{method} {path} as {user_id}"
        return next((broken.how for broken in self.broken if re.search(broken.what, asked)), None)

    def _record(self, request: web.Request, raw: bytes, status: int) -> None:
        path, query = unquote(request.rel_url.raw_path), dict(request.query)
        self.requests.append(
            Recorded(request.method, path, query.get("user_id", self.sender), _decoded(request, raw), status, query)
        )

    async def _act(self, request: web.Request, raw: bytes) -> tuple[int, Any]:
        try:
            path = request.rel_url.raw_path
            if request.method == "POST" and re.fullmatch("/_matrix/client/v1/appservice/[^/]+/ping", path):
                self._check_token(request)
                return await self._ping(orjson.loads(raw))
            endpoint, args = table.find(request.method, path)
            session = self._session_of(request)
            if session is not None:
                user_id = f"@{session.user.username}:{self.server_name}"
            else:
                user_id = self._as_nobody(request) if endpoint in table.ANONYMOUS else self._acting(request)
            signature = request.headers.get(SIGNATURE_HEADER, "")
            query, body = dict(request.query), _decoded(request, raw)
            admin = session is not None and "urn:synapse:admin:*" in session.scope
            asked = Asked(request.method, unquote(path), args, query, user_id, body, raw, signature, admin)
            answer = endpoint(self, asked)
        except Denied as denied:
            return denied.status, denied.body
        return answer if isinstance(answer, tuple) else (200, answer)

    def _session_of(self, request: web.Request) -> MasSession | None:
        """The session of a token that MAS gave; None for the service's own."""
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return None if self.mas is None or given == self.as_token else self.mas.whose(given)

    def _check_token(self, request: web.Request) -> None:
        given = request.headers.get("Authorization")
        if given is None:
            raise Denied(401, "M_MISSING_TOKEN", "Missing access token")
        if request.path.startswith("/_synapse/mas/") and given == f"Bearer {SHARED}":
            return
        if given != f"Bearer {self.as_token}":
            raise Denied(401, "M_UNKNOWN_TOKEN", "Invalid access token passed.")

    def _as_nobody(self, request: web.Request) -> str:
        """Below /_matrix/federation, Synapse takes whoever shows a token for a server. Raises Denied."""
        if request.path.startswith("/_matrix/federation/") and "Authorization" in request.headers:
            raise Denied(403, "M_FORBIDDEN", "Federation denied with None.")
        return ""

    def _acting(self, request: web.Request) -> str:
        """Who the request is made as. Raises Denied."""
        self._check_token(request)
        user_id = request.query.get("user_id", self.sender)
        if user_id.partition(":")[2] != self.server_name:
            raise Denied(403, "M_FORBIDDEN", f"Application service cannot masquerade as this user ({user_id}).")
        if user_id != self.sender and user_id not in self.accounts:
            raise Denied(403, "M_FORBIDDEN", f"Application service has not registered this user ({user_id})")
        return user_id


def _decoded(request: web.Request, raw: bytes) -> Any:
    if request.content_type != "application/json":
        return raw
    return orjson.loads(raw) if raw else {}
