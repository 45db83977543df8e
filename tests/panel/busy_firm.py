"""A firm in which much is going on, its panel on a port of this machine: to look at, and for pictures.

Long names, some that are written from right to left, sixty matters, forty walls, three hundred files, and a change of
the directory that waits to be confirmed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestServer

from bridge.firm.conversation import first_matter_conversation_id
from bridge.settings import DirectorySettings, FirmSettings, PanelSettings
from tests.component.small_firm import small_firm, write_directory
from tests.panel.furnished import Furnished
from tests.ports import free_port
from tests.synapse.asked.test_panel_requests import picture

_NAMES = """Ruth Adeyemi, Tom Price, Inès Moreau, Grace Whitlock, Zoë Lindqvist, Tomás Ferreira, Eleanor
Ashcombe, Daniel Okafor, Priya Raman, Maximiliana von Hohenstein-Oberndorfer, Sean O'Brien, Hana
Sato, Bartholomew Featherstonehaugh, Nia Jones, Leon Fischer, Aoife Kelly, Marta Kowalska, Kwame
Boateng, Yusuf Demir, Beatrice Lowell, Pavel Novák, Siobhán Murphy, יעל כהן, ليلى حداد, Oliver Grant, Amara Nwosu"""
_ROLES = ("Owner", "Partner", "Associate", "Paralegal")
_ABOUT = (
    "Estate of Margaret Quill",
    "Purchase of 14 Orchard Lane",
    "Lease of the Old Mill",
    "Tidewell v Harbour Trust",
    "Reorganisation and refinancing of the Northern Counties Agricultural Machinery Cooperative",
    "Sale of shares",
    "Employment: J. Marsh",
    "Boundary with No. 9",
    "Trademark FERNWAY",
    "Probate",
)
_CLIENTS = ("Orla Quill", "Tidewell Ltd", "Northern Counties Agricultural Machinery Cooperative", "J. Marsh", "Fernway")
_CHANNELS = (
    "Court Filings",
    "Litigation",
    "Conveyancing",
    "Private Client",
    "Know-how",
    "Front Desk",
    "Billing",
    "Marketing and Business Development Committee",
    "Lunch",
    "Trainees",
    "IT Help",
)
_FILES = (
    "Lease draft.pdf",
    "Witness statement of M. Quill.docx",
    "Schedule of loss.xlsx",
    "Correspondence with the Land Registry concerning the easement over the eastern boundary, marked up, final.docx",
    "Front door.png",
    "Hearing bundle.pdf",
    "Re: Completion.msg",
    "Skeleton argument.docx",
)
_PINS = (
    "The hearing is on Monday at ten, Court 4. Bundles go to the court by Friday noon.",
    "Use the new template for witness statements; the old one has the wrong statement of truth.",
    "Counsel's clerk: 020 7946 0000",
)
_MATTERS = 60


def _staff() -> list[dict[str, Any]]:
    people = [one.strip() for one in _NAMES.replace("\n", " ").split(",")]
    found = []
    for number, name in enumerate(people):
        first, _, last = name.partition(" ")
        named = f"{first}.{last}".casefold().encode("ascii", "ignore").decode().replace(" ", "-").replace("'", "")
        localpart = (
            first.casefold() if number in {0, 1} else named if first.isascii() or last.isascii() else f"p{number}"
        )
        role = _ROLES[0] if number == 0 else _ROLES[1 + number % 3]
        found.append(
            {
                "id": localpart,
                "first_name": first,
                "last_name": last,
                "email": f"{localpart}@firm.example",
                "role": role,
            }
        )
    return found


STAFF = _staff()


def _matter(number: int) -> dict[str, Any]:
    about = _ABOUT[number % len(_ABOUT)]
    return {
        "id": f"m{number}",
        "number": f"2026-{number:04}",
        "title": about if number < len(_ABOUT) else f"{about}, part {number // len(_ABOUT)}",
        "client": _CLIENTS[number % len(_CLIENTS)],
        "status": "pending" if number % 9 == 8 else "open",
        "responsible": "ruth",
        "assisting": [STAFF[1 + number % 8]["id"], STAFF[1 + (number + 3) % 8]["id"]],
    }


MATTERS = [_matter(number) for number in range(1, _MATTERS + 1)]
WALLS = [
    {
        "id": "w1",
        "matter": "2026-0003",
        "people": [STAFF[9]["id"], STAFF[2]["id"]],
        "memo": "Her brother sits on the board of the landlord.",
        "set_by": "ruth",
    },
    {
        "id": "w2",
        "client": "Fernway",
        "people": [STAFF[4]["id"]],
        "memo": "Acted for the other side.",
        "set_by": "ruth",
    },
    *(
        {
            "id": f"w{number}",
            "matter": f"2026-{number + 17:04}",
            "people": [STAFF[5 + number % 17]["id"]],
            "memo": "Holds shares in the company that the client is in dispute with." if number % 4 else "",
            "set_by": "ruth",
        }
        for number in range(3, 41)
    ),
]


@asynccontextmanager
async def busy_firm(folder: Path, database_url: str, *, widget: tuple[str, ...] = ()) -> AsyncIterator[Furnished]:
    """The firm with its panel. `widget` are the clients beside whose messages it stands."""
    port = free_port()
    async with small_firm(folder, database_url, staff=STAFF, matters=MATTERS, walls=WALLS) as firm:
        directory = DirectorySettings(path=firm.service.settings.directory.path, removal_limit=3)
        await firm.restart(
            panel=PanelSettings(url=f"http://localhost:{port}", client="https://chat.example/#/room/", widget=widget),
            firm=FirmSettings(name="Adeyemi & Moreau"),
            directory=directory,
        )
        made = Furnished(firm, f"http://localhost:{port}")
        await _furnish(made)
        firm.all_done()
        async with TestServer(firm.bridge.panel_app(), host="127.0.0.1", port=port):
            yield made
            await firm.bridge.live.close()


async def _furnish(made: Furnished) -> None:
    firm = made.firm
    for number, name in enumerate(_CHANNELS):
        others = " ".join(f"@{one['id']}" for one in STAFF[1 + number % 3 : 12 + number])
        await firm.ask("ruth", f"!channel create {name} {others}")
    for one in (1, 4, 9, 12):
        await firm.ask("ruth", f"!dm @{STAFF[one]['id']}")
    await firm.ask("ruth", f"!dm @{STAFF[3]['id']} @{STAFF[9]['id']} @{STAFF[12]['id']}")
    for title in ("Searches", "Disclosure and inspection", "Completion"):
        await firm.ask("ruth", f'!matter start 2026-0002 "{title}" @{STAFF[3]["id"]}')
    litigation = firm.room("Litigation")
    await firm.ask("ruth", "!topic What is listed, where, and who goes", litigation)
    firm.fake.media["page"] = ("page", picture(120, 80))
    for number in range(300):
        name = _FILES[number % len(_FILES)]
        kind = "m.image" if name.endswith("png") else "m.file"
        sender = firm.user(STAFF[3 + number % 8]["id"])
        content: dict[str, Any] = {"filename": name} if number % 3 == 0 else {}
        firm.fake.message(
            litigation,
            sender,
            f"As counsel asked, with the tracked changes of {sender[1:4].title()}" if content else name,
            msgtype=kind,
            url="mxc://localhost/page",
            info={"size": 41_000 + number * 7919},
            **content,
        )
    said = [firm.fake.message(litigation, firm.user(STAFF[3]["id"]), text)["event_id"] for text in _PINS]
    firm.fake.put_state(litigation, firm.user("ruth"), "m.room.pinned_events", "", {"pinned": said})
    for number, name in enumerate(("Court Filings", "Conveyancing", "Know-how")):
        firm.fake.message(firm.room(name), firm.user(STAFF[3]["id"]), f"News {number}")
    await firm.settle()
    made.things |= {
        "channel": await made.id_in(litigation),
        "talk": await made.id_in(firm.room("Searches · 2026-0002 Lease of the Old Mill")),
        "matter": first_matter_conversation_id("m5"),
    }


async def let_a_change_wait(made: Furnished) -> None:
    """Have the directory lose many people at once, as a broken export does, which waits to be confirmed."""
    firm = made.firm
    staff = [{**one, "former": number > len(STAFF) - 6} for number, one in enumerate(STAFF)]
    write_directory(str(firm.service.settings.directory.path), staff=staff, matters=MATTERS, walls=WALLS)
    await firm.bridge.upkeep.follow_directory()
