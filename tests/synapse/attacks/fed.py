"""A firm on the real Synapse that is fed by a fake Smokeball, by SCIM and by a file (S1, S2, S3)."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp.test_utils import TestServer
from scim2_models import Context, User

from bridge.directory.scim.running import Scim
from bridge.directory.smokeball.webhooks import key_of, signature, ticks
from bridge.firm.conversation import first_matter_conversation_id
from bridge.operations.tokens import Scope
from bridge.settings import ScimSettings
from bridge.store.engine.store import Store
from bridge.web.bearer import SCIM_PATH
from bridge.web.sources import SOURCES_PATH
from tests.component.scim.harness import user
from tests.fakes.smokeball import ACCOUNT, CLIENT, KEY, SECRET, FakeSmokeball, link
from tests.synapse.attacks.stage import token_of
from tests.synapse.harness import Json, Person, RealFirm, real_firm
from tests.synapse.running.test_provisioning import membership_of, now

NAMES = ("ann", "ben", "cat", "dan", "eve", "gil", "hal", "ida", "jan", "kim", "lou", "max")
SECRET_NUMBER = "2026-1"
_WALL = {"id": "w", "matter": SECRET_NUMBER, "people": ["dan@firm.example"], "memo": "His sister.", "set_by": "Ann"}
_ANN = {"id": "ann", "first_name": "Ann", "email": "ann@firm.example", "role": "Owner"}


@dataclass
class FedFirm:
    """The firm while its sources are attacked.

    Of its matter Ben and Gil are denied in Smokeball, and Dan is behind a wall of the file.
    """

    firm: RealFirm
    fake: FakeSmokeball
    directory: Path
    ids: dict[str, str]
    """The staff id of each in Smokeball, by first name; Ann has that of the file."""
    matter: str
    room: str = ""
    """Of the matter's conversation."""
    people: dict[str, Person] = field(default_factory=dict)
    scim_token: str = ""
    pushed: dict[str, str] = field(default_factory=dict)
    """The ids of users of SCIM, by first name."""

    async def webhook(self, event: str, record_id: str, *, key: str = "", at: float = 0, **payload: Any) -> int:
        """Send a webhook as Smokeball does, or with another key or time; the status of the answer."""
        settings, stamp = self.firm.settings, str(ticks(at or time.time()))
        signed = signature(key or key_of(settings), stamp, "request", settings.smokeball.client_id)
        body = {"type": event, "payload": {"id": record_id, **payload}}
        address = f"{self.firm.place.panel_url}{SOURCES_PATH}/smokeball"
        headers = {"Timestamp": stamp, "RequestId": "request", "Signature": signed}
        async with self.firm.http.post(address, json=body, headers=headers) as answer:
            return answer.status

    async def scim(self, method: str, path: str, body: Json | None = None, token: str = "") -> tuple[int, Any]:
        """Ask the SCIM server."""
        headers = {"Authorization": f"Bearer {token or self.scim_token}", "Content-Type": "application/scim+json"}
        address = f"{self.firm.place.panel_url}{SCIM_PATH}{path}"
        async with self.firm.http.request(method, address, data=json.dumps(body), headers=headers) as answer:
            raw = await answer.read()
            return answer.status, json.loads(raw) if raw else None

    async def keeps_out(self, *names: str) -> None:
        """Fail unless these can neither enter the matter's conversation nor read in it."""
        members = await self.firm.bot.members(self.room)
        for name in names:
            person = self.people[name]
            assert person.user_id not in members
            assert (await person.request("POST", f"join/{quote(self.room)}")).status == 403
            assert (await person.request("GET", f"rooms/{quote(self.room)}/messages", dir="b")).status == 403

    async def leaves(self, name: str, since: str, room: str = "") -> None:
        """Wait until somebody is out of a room."""
        wanted = membership_of(self.firm.user_id(name), "leave", room or self.room)
        await self.people["ann"].wait_for_event(since, wanted)

    async def asked(self, what: str, times: int = 1) -> None:
        """Wait until Smokeball was asked so often for something since its list of requests was emptied."""
        await self.until(lambda: self.fake.asked.count(what) >= times)

    async def until(self, so: Callable[[], object]) -> None:
        """Wait for what nobody tells of."""
        while not so():  # noqa: ASYNC110 - the bridge is another process
            await asyncio.sleep(0.05)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query finds in the bridge's database."""
        with closing(sqlite3.connect(self.firm.place.bridge_database, timeout=30)) as connection:
            return connection.execute(sql).fetchall()

    def held(self) -> bool:
        """Whether a change of the directory waits."""
        return bool(self.rows("SELECT 1 FROM held_change WHERE confirmed_by = ''"))

    def stands(self, name: str) -> Json:
        """Somebody as the directory has them."""
        ((data,),) = self.rows(
            f"SELECT data FROM directory_record WHERE kind = 'staff' AND record_id = '{self.ids[name]}'"
        )
        return dict(json.loads(data))

    async def since(self) -> str:
        """The present place in Ann's sync."""
        return await now(self.people["ann"])

    def write(self, *walls: Json) -> None:
        """Write the file, with these walls."""
        self.directory.write_text(json.dumps({"staff": [_ANN], "walls": list(walls)}))


@asynccontextmanager
async def fed_firm(folder: Path) -> AsyncIterator[FedFirm]:
    """The firm, made, with Ann, Cat, Hal and Jan in the matter's conversation."""
    fake, directory = FakeSmokeball(), folder / "directory.yaml"
    ids = {name: fake.person(number, name.title()) for number, name in enumerate(NAMES)}
    team = [link(ids[name]) for name in ("cat", "hal", "jan")]
    matter = fake.matter(1, personResponsible=link(ids["ann"]), personAssistingStaffs=team)
    fake.world.policies[matter] = [fake.user_of(ids[name]) for name in ("ben", "gil")]
    fake.settle()
    async with TestServer(fake.app()) as server:
        url = str(server.make_url("")).rstrip("/")
        own: dict[str, Json] = {
            "firm": {"name": "Finch"},
            "directory": {
                "path": str(directory),
                "sources": {"smokeball": ["matters"], "scim": [], "files": ["staff.role", "walls"]},
            },
            "smokeball": {
                "api_url": url,
                "auth_url": url,
                "api_key": KEY,
                "client_id": CLIENT,
                "client_secret": SECRET,
                "account_id": ACCOUNT,
                "requests_per_second": 100,
                "poll_seconds": 5,
            },
        }
        directory.write_text(json.dumps({"staff": [_ANN], "walls": [_WALL]}))
        async with real_firm(folder / "var", own) as firm:
            fed = FedFirm(firm, fake, directory, ids, matter)
            fed.pushed["sid"] = await _first_push(f"sqlite:///{firm.place.bridge_database}")
            firm.start_bridge()
            await firm.bridge_ready()
            conversation = first_matter_conversation_id(matter)
            await fed.until(
                lambda: fed.rows(f"SELECT 1 FROM room WHERE key = '{conversation}' AND room_id IS NOT NULL")
            )
            ((fed.room,),) = fed.rows(f"SELECT room_id FROM room WHERE key = '{conversation}'")
            fed.people = {name: await firm.login(name) for name in (*NAMES, "sid")}
            fed.scim_token = await token_of(firm, "ann", (Scope.SCIM,))
            yield fed


async def _first_push(database: str) -> str:
    """Somebody who is in SCIM alone: before it has spoken nothing is taken over. Their id."""
    store = Store(database)
    await store.open()
    scim = Scim(ScimSettings(), store)
    users = next(one for one in scim.provider.resource_types if one.name == "User")
    with scim.provider:
        body: User = User.model_validate(user("Sid"), scim_ctx=Context.RESOURCE_CREATION_REQUEST)  # type: ignore[type-arg]
        made = await scim.resources.create(users, body)
    await scim.run()
    await store.close()
    return str(made.id)
