"""A firm whose matters come from Smokeball, whose people come from Entra by SCIM, and whose walls stand in a file.

Its panel is on a port of this machine, for pictures; and so is the fake Smokeball.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer
from scim2_models import Context, User

from bridge.directory.scim.running import Scim
from bridge.directory.smokeball.webhooks import key_of, signature, ticks
from bridge.settings import DirectorySettings, FirmSettings, PanelSettings
from bridge.web.sources import SOURCES_PATH
from tests.component.scim.harness import user
from tests.component.small_firm import small_firm, write_directory
from tests.component.sources.connected import settings_for
from tests.fakes.smokeball import FakeSmokeball, link
from tests.panel.busy_firm import MATTERS as BUSY
from tests.panel.busy_firm import STAFF
from tests.panel.furnished import Furnished
from tests.ports import free_port

MATTERS = BUSY[:8]
SOURCES = {"scim": ("staff",), "smokeball": ("matters", "groups"), "files": ("staff.role", "walls")}
_WALL = {"id": "w1", "matter": "2026-0003", "people": ["tom"], "memo": "His sister is on the board.", "set_by": "ruth"}


@dataclass
class Fed(Furnished):
    """The firm, where its panel is, and its Smokeball."""

    smokeball: FakeSmokeball = field(default_factory=FakeSmokeball)

    def named(self, text: str) -> list[str]:
        """The names of rooms that have this in them."""
        names = (room.state.get(("m.room.name", ""), {}).get("name", "") for room in self.firm.fake.rooms.values())
        return [name for name in names if text in name]

    async def webhook(self, event: str, record_id: str) -> None:
        """Tell the bridge of something, as Smokeball does."""
        settings, stamp = self.firm.service.settings, str(ticks(time.time()))
        signed = signature(key_of(settings), stamp, "request", settings.smokeball.client_id)
        headers = {"Timestamp": stamp, "RequestId": "request", "Signature": signed}
        body = {"type": event, "payload": {"id": record_id}}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}{SOURCES_PATH}/smokeball", json=body, headers=headers) as answer,
        ):
            assert answer.status < 300, answer.status


@asynccontextmanager
async def fed_firm(folder: Path, database_url: str, requests_per_second: float = 100) -> AsyncIterator[Fed]:
    """The firm as it is once all three have spoken, and every matter was looked at."""
    port, smokeball = free_port(), _smokeball()
    async with (
        TestServer(smokeball.app()) as server,
        small_firm(folder, database_url, staff=STAFF, matters=[], walls=[]) as firm,
    ):
        path = firm.service.settings.directory.path
        write_directory(path, staff=STAFF[:1], matters=[], walls=[_WALL])
        await firm.restart(
            panel=PanelSettings(url=f"http://localhost:{port}"),
            firm=FirmSettings(name="Adeyemi & Moreau"),
            directory=DirectorySettings(path=path, removal_limit=3, sources=dict(SOURCES)),
            smokeball=settings_for(
                str(server.make_url("")).rstrip("/"), folder, requests_per_second=requests_per_second
            ),
        )
        scim, (asked,) = firm.bridge.scim, firm.bridge.asked
        assert scim is not None
        await _push(scim)
        while await asked.reader.run():
            pass
        upkeep, service = firm.bridge.upkeep, firm.service
        await service.directory.refresh()
        assert not service.directory.problems
        assert not (await service.sync()).failed
        await firm.bridge.places.refresh()
        upkeep.following.begin(service.firm, service.today())
        firm.new.clear()
        firm.all_done()
        made = Fed(firm, f"http://localhost:{port}", smokeball=smokeball)
        async with TestServer(firm.bridge.panel_app(), host="127.0.0.1", port=port):
            yield made
            await firm.bridge.live.close()
        assert smokeball.wrong == []


async def let_entra_end_many(made: Fed) -> None:
    """Have Entra deactivate many people at once, as a wrong group in its scope does, which waits to be confirmed."""
    scim = made.firm.bridge.scim
    assert scim is not None
    with scim.provider:
        for one in [each.resource for each in await scim.resources.everything() or ()][-6:]:
            assert isinstance(one, User)
            one.active = False
            await scim.resources.update(_users(scim), one)
    await scim.run()
    await made.firm.bridge.upkeep.follow_directory()


def _smokeball() -> FakeSmokeball:
    fake = FakeSmokeball()
    ids = {}
    for number, one in enumerate(STAFF):
        names = {"lastName": one["last_name"], "email": one["email"], "role": one["role"]}
        ids[one["id"]] = fake.person(number, one["first_name"], **names)
    clients = {
        name: fake.contact(number, name) for number, name in enumerate(sorted({one["client"] for one in MATTERS}))
    }
    for number, one in enumerate(MATTERS):
        team = [link(ids[each]) for each in one["assisting"]]
        more: dict[str, Any] = {"number": one["number"], "title": one["title"], "status": one["status"].title()}
        matter = fake.matter(
            number,
            clients=[link(clients[one["client"]])],
            personResponsible=link(ids["ruth"]),
            personAssistingStaffs=team,
            **more,
        )
        fake.world.policies[matter] = [fake.user_of(ids[STAFF[9]["id"]])] if number % 10 == 4 else []
    fake.settle()
    return fake


async def _push(scim: Scim) -> None:
    """Entra's first cycle."""
    with scim.provider:
        for one in STAFF:
            name = {"givenName": one["first_name"], "familyName": one["last_name"]}
            mail = [{"value": one["email"], "type": "work", "primary": True}]
            body = user(one["id"], userName=one["email"], name=name, emails=mail)
            made: User = User.model_validate(body, scim_ctx=Context.RESOURCE_CREATION_REQUEST)  # type: ignore[type-arg]
            await scim.resources.create(_users(scim), made)
    await scim.run()


def _users(scim: Scim) -> Any:
    return next(one for one in scim.provider.resource_types if one.name == "User")
