"""A SCIM client of the small firm."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from aiohttp.test_utils import TestClient, TestServer

from bridge.operations.tokens import Scope
from bridge.settings import ScimSettings
from bridge.web.bearer import SCIM_PATH
from tests.component.api.harness import Api, api_firm

Json = dict[str, Any]
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def user(name: str, /, **more: Any) -> Json:
    """A user as a client makes one."""
    mail = f"{name.lower()}@firm.example"
    return {
        "schemas": [USER],
        "userName": mail,
        "externalId": f"object-{name}",
        "name": {"givenName": name, "familyName": "Finch"},
        "emails": [{"value": mail, "type": "work", "primary": True}],
        "active": True,
        **more,
    }


def patch(*operations: Json) -> Json:
    """A PATCH."""
    return {"schemas": [PATCH], "Operations": list(operations)}


@dataclass
class Client:
    api: Api
    token: str

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        """Status and body of an answer."""
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/scim+json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else None if body is None else orjson.dumps(body)
        async with self.api.client.request(method, f"{SCIM_PATH}{path}", data=data, headers=sent) as answer:
            raw = await answer.read()
            return answer.status, orjson.loads(raw) if raw else None

    async def make(self, body: Json, kind: str = "Users") -> str:
        """The id of what was made."""
        status, made = await self.ask("POST", f"/{kind}", body)
        assert status == 201, made
        return str(made["id"])

    async def told(self) -> None:
        """Have the directory follow what was pushed."""
        scim = self.api.firm.bridge.scim
        assert scim is not None
        for _ in range(2):
            await scim.run()
        await self.api.firm.service.directory.refresh()

    def active(self) -> set[str]:
        """The first names of who works at the firm."""
        firm = self.api.firm.service.directory.firm
        return {one.first_name for one in firm.staff.values() if one.active}


@asynccontextmanager
async def scim_firm(
    folder: Path,
    database_url: str,
    *,
    scopes: tuple[Scope, ...] = (Scope.SCIM,),
    admins: bool = True,
    roles: dict[str, str] | None = None,
) -> AsyncIterator[Client]:
    """The firm with SCIM as its second source."""
    async with api_firm(folder, database_url, admins=admins) as api:
        directory = api.firm.service.settings.directory.model_copy(update={"sources": {"files": (), "scim": ()}})
        await api.firm.restart(directory=directory, scim=ScimSettings(roles=roles or {}))
        api.firm.all_done()
        async with TestClient(TestServer(api.firm.bridge.panel_app())) as client:
            again = Api(api.firm, client)
            system = await again.system("ruth", scopes)
            yield Client(again, system.token)
