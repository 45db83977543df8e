"""A system that uses the API of the small firm."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiohttp.test_utils import TestClient, TestServer
from multidict import CIMultiDict

from bridge.operations.tokens import OF_SYSTEMS, NewToken, Scope, add_token, hashed
from bridge.settings import FirmSettings, PanelSettings
from bridge.web.api.table import API_PATH
from tests.component.small_firm import SmallFirm, channel, small_firm

Json = dict[str, Any]
SECRETS = ("2026-0042", "Estate")
COUNTED = {"Date", "RateLimit"}
"""Headers that differ from one answer to the next."""


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    raw: bytes
    headers: CIMultiDict[str]

    @property
    def json(self) -> Any:
        return orjson.loads(self.raw)

    @property
    def same(self) -> tuple[int, bytes, dict[str, str]]:
        """All of it that does not differ each time."""
        return self.status, self.raw, {name: value for name, value in self.headers.items() if name not in COUNTED}


@dataclass
class System:
    """A system with a token, or without one."""

    client: TestClient  # type: ignore[type-arg]
    token: str = ""

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask for something."""
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        sent |= headers or {}
        async with self.client.request(
            method, f"{API_PATH}{path}", json=body, params=params, headers=sent, skip_auto_headers=["User-Agent"]
        ) as answer:
            return Reply(answer.status, await answer.read(), CIMultiDict(answer.headers))

    async def get(self, path: str, **params: str) -> Reply:
        """Look at something."""
        return await self.ask("GET", path, params=params)

    async def post(self, path: str, body: object = None, **params: str) -> Reply:
        """Have something done."""
        return await self.ask("POST", path, body, params=params)


@dataclass
class Api:
    """The firm with its API."""

    firm: SmallFirm
    client: TestClient  # type: ignore[type-arg]
    numbers: dict[str, int] = field(default_factory=dict)

    async def system(self, staff_id: str, scopes: Iterable[Scope] = Scope, days: int = 1) -> System:
        """A system that acts as this person."""
        return await self._system(staff_id, tuple(scopes), days, "")

    async def itself(self, name: str = "intake", scopes: Iterable[Scope] = OF_SYSTEMS) -> System:
        """A system that acts as itself."""
        return await self._system("", tuple(scopes), 1, name)

    async def _system(self, staff_id: str, scopes: tuple[Scope, ...], days: int, name: str) -> System:
        token = secrets.token_urlsafe(16)
        wanted = NewToken(hashed(token), staff_id, "the test", scopes, days, "root on the command line", name)
        self.numbers[token] = await add_token(self.firm.service.store, self.firm.service.settings, wanted)
        return System(self.client, token)


@asynccontextmanager
async def api_firm(
    folder: Path, database_url: str, *, admins: bool = True, begun: bool = True, **changed: Any
) -> AsyncIterator[Api]:
    """The firm, with other sections in the place of its directory's own; everybody is a firm admin, Walt behind his
    wall too, or nobody is. Not `begun`, nobody is shut out yet."""
    async with small_firm(folder, database_url, **changed) as firm:
        await firm.restart(
            panel=PanelSettings(url="https://panel.example"),
            firm=FirmSettings(name="Firm", admin_roles=("Associate",) if admins else ("Owner",)),
        )
        if begun:
            firm.all_done()
        async with TestClient(TestServer(firm.bridge.panel_app())) as client:
            yield Api(firm, client)


async def filings(api: Api, system: System) -> str:
    """The id of the channel Court Filings."""
    await channel(api.firm)
    (found,) = (await system.get("/channels", q="Court")).json["items"]
    conversation: str = found["id"]
    return conversation


async def under(system: System, key: str, path: str, body: Json, method: str = "POST") -> Reply:
    """Have something done under a key."""
    return await system.ask(method, path, body, headers={"Idempotency-Key": key})
