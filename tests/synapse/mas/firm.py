"""A firm on a real Synapse that leaves its accounts to a fake of the Matrix Authentication Service (MAS)."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bridge.dev import files
from bridge.dev.synapse import check_installed
from tests.fakes.mas.records import SHARED
from tests.fakes.mas.service import FakeMas
from tests.ports import free_port
from tests.synapse.harness import TEST_INSTANCE, Answer, Json, Person, RealFirm, free_place

_devices = (f"TEST{number}" for number in itertools.count())
SMALL = """
staff:
  - {id: a, first_name: Ann, last_name: Moor, email: ann@firm.example, role: Owner}
  - {id: b, first_name: Ben, last_name: Moor, email: ben@firm.example, role: Partner}
  - {id: c, first_name: Cleo, last_name: Moor, email: cleo@firm.example, role: Partner}
matters:
  - {id: m, number: 2026-0042, title: Estate, responsible: a, assisting: [a, b]}
"""


@dataclass(frozen=True, slots=True)
class MasBot(Person):
    """The bot, as the application service acts as it, and in the admin API with the token that MAS gave."""

    admin_token: str = ""

    async def request(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        """Ask Synapse, as any person does."""
        if path.startswith("/_synapse/admin/"):
            admin = Person(self.http, self.url, self.user_id, self.admin_token)
            return await admin.request(method, path, body, **query)
        return await Person.request(self, method, path, body, **query)


class MasFirm(RealFirm):
    """A firm whose people sign in at MAS."""

    mas: FakeMas

    @property
    def bot(self) -> Person:
        """The bot, once the bridge has its token."""
        token = self.mas.records.open_sessions("bot")[0].token
        return MasBot(self.http, self.url, self.settings.bot_id, super().bot.token, True, token)

    async def make_account(self, localpart: str, name: str = "") -> Person:
        """Make an account beside the firm's, and log it in."""
        await self._make(localpart)
        return await self.login(localpart)

    async def make_server_admin(self, localpart: str) -> Person:
        """Make an account, and log it in with the right to everything."""
        await self._make(localpart)
        return await self.login(localpart, "urn:synapse:admin:*")

    async def login_by_password(self, localpart: str, password: str) -> Json:
        """Sign somebody in once more. Nobody has a password in Synapse."""
        return {"access_token": (await self.login(localpart)).token}

    async def _make(self, localpart: str) -> None:
        service = replace(self.acting_as(self.settings.bot_id), masquerade=False)
        body = {"type": "m.login.application_service", "username": localpart, "inhibit_login": True}
        (await service.request("POST", "register", body)).ok()
        self.mas.records.add_user(localpart)

    def room(self, key: str) -> str:
        """The room of a key."""
        with closing(sqlite3.connect(self.place.bridge_database)) as connection:
            (room_id,) = connection.execute("SELECT room_id FROM room WHERE key = ?", (key,)).fetchone()
        return str(room_id)

    async def login(self, localpart: str, scope: str = "") -> Person:
        """Sign somebody in, on a new device."""
        device = next(_devices)
        await self.mas.upsert_device(localpart, device)
        token = self.mas.records.sign_in(localpart, device=device, scope=scope)
        return Person(self.http, self.url, self.user_id(localpart), token)


def small(folder: Path) -> dict[str, Json]:
    """The settings of a firm of three, whose directory a test may change."""
    folder.mkdir(exist_ok=True)
    (folder / "directory.yaml").write_text(SMALL)
    return {"directory": {"path": str(folder / "directory.yaml"), "removal_limit": 100}}


@asynccontextmanager
async def mas_firm(var: Path, own: Mapping[str, Json]) -> AsyncIterator[MasFirm]:
    """The firm of these settings. Synapse and MAS run; nobody has an account, and the bridge is not started."""
    check_installed()
    place = free_place(var)
    async with FakeMas(port=free_port(), homeserver=place.synapse_url) as mas:
        delegated = {
            "matrix_authentication_service": {"enabled": True, "endpoint": mas.url, "secret": SHARED},
            "password_config": {"enabled": False},
        }
        with_mas = {**own, "mas": mas.settings(var.parent).model_dump()}
        firm = MasFirm(place, files.write_files(place, with_mas, {**TEST_INSTANCE, **delegated}))
        firm.mas = mas
        try:
            await firm.start_synapse()
            yield firm
        finally:
            await firm.close()
            assert mas.wrong == []
