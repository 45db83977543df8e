"""The small firm with something of everything in it, its panel on a port of this machine, for browsers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestServer

from bridge.firm.conversation import first_matter_conversation_id
from bridge.operations.panel import new_link
from bridge.settings import FirmSettings, PanelSettings, SignOnSettings
from bridge.store.rooms.made import key_of_room
from tests.cast import SMALL_FIRM, entry
from tests.component.small_firm import SmallFirm, channel, direct, small_firm, write_directory
from tests.ports import free_port
from tests.synapse.asked.test_panel_requests import picture

_ROLES = {"ruth": "Owner", "tom": "Associate", "ines": "Paralegal", "walt": "Associate"}
STAFF: list[dict[str, Any]] = [
    *({**entry(person), "role": _ROLES[person.id]} for person in SMALL_FIRM),
    {"id": "fay", "first_name": "Fay", "last_name": "Former", "email": "fay@firm.example", "former": True},
]
MATTERS: list[dict[str, Any]] = [
    {
        "id": "m1",
        "number": "2026-0042",
        "title": "Estate",
        "client": "Orla Quill",
        "status": "open",
        "responsible": "ruth",
        "assisting": ["tom"],
        "held": True,
    },
    {"id": "m2", "number": "2024-0007", "title": "Sale", "client": "Tidewell", "status": "open", "responsible": "ruth"},
    {
        "id": "m3",
        "number": "2026-0055",
        "title": "Merger",
        "status": "pending",
        "restricted": True,
        "allowed": ["ruth", "ines"],
    },
]
WALLS: list[dict[str, Any]] = [
    {"id": "w1", "matter": "2026-0042", "people": ["walt"], "memo": "A cousin.", "set_by": "ruth"},
    {"id": "w2", "matter": "2024-0007", "people": ["walt"], "memo": "The buyer.", "set_by": "ruth"},
]


@dataclass
class Furnished:
    """The firm, where its panel is, and the ids of what is in it by name."""

    firm: SmallFirm
    url: str
    things: dict[str, str] = field(default_factory=dict)

    async def link(self, staff_id: str) -> str:
        """A link that signs this person in."""
        return await new_link(self.firm.desk, staff_id)

    async def id_in(self, room_id: str) -> str:
        """The id of the conversation in a room."""
        found = await self.firm.service.store.read(key_of_room, room_id)
        assert found is not None
        return found


@asynccontextmanager
async def furnished(
    folder: Path, database_url: str, *, widget: tuple[str, ...] = (), sign_on: SignOnSettings | None = None
) -> AsyncIterator[Furnished]:
    """The firm with its panel, and files, pins, a direct, an archived and a closed conversation in it.

    `widget` are the clients beside whose messages it stands.
    """
    port = free_port()
    async with small_firm(folder, database_url, staff=STAFF, matters=MATTERS, walls=WALLS) as firm:
        await firm.restart(
            panel=PanelSettings(url=f"http://localhost:{port}", client="https://chat.example/#/room/", widget=widget),
            sign_on=sign_on or SignOnSettings(),
            firm=FirmSettings(name="Adeyemi & Moreau"),
        )
        made = Furnished(firm, f"http://localhost:{port}")
        await _furnish(made)
        firm.all_done()
        async with TestServer(firm.bridge.panel_app(), host="127.0.0.1", port=port):
            yield made
            await firm.bridge.live.close()


async def _furnish(made: Furnished) -> None:
    firm, things = made.firm, made.things
    filings, talk = await channel(firm), await direct(firm)
    await firm.ask("ruth", "!topic What the court has, and when", filings)
    await firm.ask("ines", "!channel create Summer Party @tom")
    await firm.ask("ines", "!channel archive Summer Party")
    await firm.ask("tom", '!matter start 2026-0042 "Disclosure" @ruth')
    said = firm.fake.message(filings, firm.user("tom"), "The hearing is on Monday at ten")
    things["said"] = said["event_id"]
    await firm.ask("ruth", f"!pin {said['event_id']}", filings)
    firm.fake.put_state(filings, firm.user("ruth"), "m.room.pinned_events", "", {"pinned": [said["event_id"]]})
    await firm.settle()
    for name, data, kind in (
        ("Lease draft.pdf", b"%PDF-1", "m.file"),
        ("Lease draft.pdf", b"%PDF-2", "m.file"),
        ("Front door.png", picture(90, 60), "m.image"),
    ):
        media = f"m{len(firm.fake.media)}"
        firm.fake.media[media] = (name, data)
        url, size = f"mxc://localhost/{media}", {"size": len(data)}
        sent = firm.fake.message(
            filings, firm.user("tom"), f"About {name}", filename=name, msgtype=kind, url=url, info=size
        )
        things["file"] = sent["event_id"]
    await firm.settle()
    closed = [{**one, "status": "closed"} if one["id"] == "m2" else one for one in MATTERS]
    write_directory(str(firm.service.settings.directory.path), staff=STAFF, matters=closed, walls=WALLS)
    await firm.bridge.upkeep.follow_directory()
    await firm.settle()
    disclosure = firm.room("Disclosure · 2026-0042 Estate")
    firm.fake.message(disclosure, firm.user("tom"), "The list of documents is ready")
    await firm.settle()
    things |= {
        "channel": await made.id_in(filings),
        "archived": await made.id_in(firm.room("Summer Party")),
        "direct": await made.id_in(talk),
        "talk": await made.id_in(disclosure),
        "closed": first_matter_conversation_id("m2"),
        "everyone": await made.id_in(firm.room("Everyone")),
        "hidden": first_matter_conversation_id("m3"),
    }
    assert all(re.fullmatch(r"[\w-]+|\$.+", one) for one in things.values())
