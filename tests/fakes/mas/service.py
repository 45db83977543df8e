"""A MAS in this process: its admin API, its token endpoint, and what Synapse asks it.

    async with FakeMas() as mas:
        client = MatrixClient(..., mas=mas.settings(tmp_path))
        token = mas.records.sign_in("ann")

As the real one it tells Synapse in its own time what became of users and sessions, where `homeserver` is set. It is
held to MAS's description: a request or an answer that is not as described fails with 500 and is in `wrong`.
"""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, unquote_plus

import aiohttp
import orjson
from aiohttp import web

from bridge.settings import MasSettings
from tests.fakes.described import Description, NotDescribedError
from tests.fakes.faults import Answer, Behaviour, Drop, Slow
from tests.fakes.mas import admin
from tests.fakes.mas.records import CLIENT, SECRET, SHARED, Json, MasRecords, RefusedError

_DESCRIPTION = Description("MAS", "mas-admin-openapi.json")
_ADMIN_SCOPE = "urn:mas:admin"
_PAUSES = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0)


@dataclass
class FakeMas:
    """One that listens. What it knows is in `records`."""

    port: int = 0
    homeserver: str = ""
    """Synapse's address, where it is told what happens."""
    admin_clients: bool = True
    """Whether the bridge's client is one of the admin clients."""
    token_seconds: int = 300
    url: str = ""
    records: MasRecords = field(default_factory=MasRecords)
    access: dict[str, bool] = field(default_factory=dict)
    """Tokens of the admin API, and whether each is still taken."""
    asked: list[str] = field(default_factory=list)
    """Method and path of each request."""
    wrong: list[str] = field(default_factory=list)
    """What was not as described."""
    working: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether it tells Synapse what happened."""
    down: bool = False

    def __post_init__(self) -> None:
        self._jobs: asyncio.Queue[tuple[str, Json]] = asyncio.Queue()
        self._scripts: list[tuple[str, deque[Behaviour]]] = []
        self.working.set()
        self.records.job = self._later

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {SHARED}"})
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)
        await self._session.close()
        await self._runner.cleanup()

    def settings(self, folder: Path, **changed: Any) -> MasSettings:
        """Settings that lead here; `changed` wins."""
        file = folder / "mas-secret"
        file.write_text(f"{SECRET}\n")
        file.chmod(0o600)
        return MasSettings(**{"url": self.url, "client_id": CLIENT, "client_secret_file": str(file), **changed})

    def script(self, what: str, *behaviours: Behaviour) -> None:
        """Let the next requests of which "METHOD path" has a match for `what` meet these, one each."""
        self._scripts.append((what, deque(behaviours)))

    async def upsert_device(self, username: str, device: str) -> None:
        """Have Synapse know a device, as signing in does."""
        assert await self._tell("upsert_device", {"localpart": username, "device_id": device}) < 300

    async def delete_user(self, username: str) -> int:
        """Have Synapse close an account and erase it, as MAS's own admins may wish; the status of the answer."""
        return await self._tell("delete_user", {"localpart": username, "erase": True})

    # To Synapse
    def _later(self, what: str, body: Json) -> None:
        if self.homeserver:
            self._jobs.put_nowait((what, body))

    async def _work(self) -> None:
        while True:
            what, body = await self._jobs.get()
            for pause in _PAUSES:
                await self.working.wait()
                if await self._tell(what, body) < 300:
                    break
                await asyncio.sleep(pause)

    async def _tell(self, what: str, body: Json) -> int:
        try:
            async with self._session.post(f"{self.homeserver}/_synapse/mas/{what}", json=body) as answer:
                await answer.read()
                return answer.status
        except aiohttp.ClientError:
            return 599

    # From the bridge and from Synapse
    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw, asked = await request.read(), f"{request.method} {request.path}"
        self.asked.append(asked)
        match self._next_behaviour(asked):
            case Answer() as answer:
                headers = {**answer.headers, "Content-Type": answer.content_type}
                return web.Response(status=answer.status, body=answer.body, headers=headers)
            case Drop(act=act):
                if act:
                    self._act(request, raw)
                assert request.transport is not None
                request.transport.close()
                return web.Response()
            case Slow() as slow:
                slow.arrived.set()
                await slow.until.wait()
        status, body = self._act(request, raw)
        whole = b"" if body is None else orjson.dumps(body)
        return web.Response(status=status, body=whole, content_type="application/json")

    def _next_behaviour(self, asked: str) -> Behaviour | None:
        if self.down:
            return Drop(act=False)
        return next((some.popleft() for what, some in self._scripts if some and re.search(what, asked)), None)

    def _act(self, request: web.Request, raw: bytes) -> tuple[int, Any]:
        match request.path:
            case "/oauth2/token":
                return self._token(request, raw)
            case "/oauth2/introspect":
                return self._introspect(request, raw)
            case "/.well-known/openid-configuration":
                return 200, self.metadata()
        if not self.access.get(request.headers.get("Authorization", "").removeprefix("Bearer ")):
            return 401, {"errors": [{"title": "Unknown access token"}]}
        try:
            return self._as_described(request, orjson.loads(raw) if raw else {})
        except NotDescribedError as error:
            self.wrong.append(str(error))
            return 500, {"errors": [{"title": str(error)}]}

    def _as_described(self, request: web.Request, body: Json) -> tuple[int, Any]:
        asked = request.method, request.path
        _DESCRIPTION.require_request(*asked, request.query, body)
        try:
            status, said = admin.answer(self.records, *asked, request.query, body)
        except RefusedError as refused:
            status, said = refused.status, {"errors": [{"title": str(refused)}]}
        _DESCRIPTION.require_answer(*asked, status, said)
        return status, said

    def metadata(self) -> Json:
        """What it says of itself (OpenID Connect Discovery)."""
        return {
            "issuer": f"{self.url}/",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/oauth2/token",
            "introspection_endpoint": f"{self.url}/oauth2/introspect",
            "account_management_uri": f"{self.url}/account/",
        }

    def _token(self, request: web.Request, raw: bytes) -> tuple[int, Json]:
        pair = base64.b64decode(request.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        if [unquote_plus(one) for one in pair.split(":")] != [CLIENT, SECRET]:
            return 401, {"error": "invalid_client"}
        form = dict(parse_qsl(raw.decode()))
        if form != {"grant_type": "client_credentials", "scope": _ADMIN_SCOPE} or not self.admin_clients:
            return 403, {"error": "invalid_scope"}
        token = f"mat_{secrets.token_hex(9)}"
        self.access[token] = True
        said = {"token_type": "Bearer", "expires_in": self.token_seconds, "scope": _ADMIN_SCOPE}
        return 200, {"access_token": token, **said}

    def _introspect(self, request: web.Request, raw: bytes) -> tuple[int, Json]:
        if request.headers.get("Authorization") != f"Bearer {SHARED}":
            return 401, {"error": "invalid_client"}
        found = self.records.whose(dict(parse_qsl(raw.decode()))["token"])
        if found is None:
            return 200, {"active": False}
        said = {"active": True, "scope": found.scope, "username": found.user.username, "sub": found.user.id}
        lasting = {} if found.expires_in is None else {"expires_in": found.expires_in}
        return 200, {**said, **lasting, **({"device_id": found.device} if found.kind == "compat-session" else {})}
