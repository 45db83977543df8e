"""What staff see in a client nobody here wrote (mautrix from PyPI), on the real Synapse, in the demo firm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mautrix.client import Client
from mautrix.types import (
    DeviceID,
    EventType,
    RoomCreateStateEventContent,
    RoomID,
    RoomNameStateEventContent,
    RoomType,
    SyncToken,
    UserID,
)

from bridge.dev.demo import give_logins
from tests.synapse.harness import RealFirm, is_welcome

FIRM = "Ashcombe & Vale"
BAKERY = "2026-0031 Lease renewal for the Copperkettle Bakery"
FLOUR = "2026-0038 Copperkettle Bakery and the spoiled flour"
HOLLIS = "2026-0042 Hollis v. Brightwater Marina"
HEDGE = "2026-0049 The boundary hedge at Larkspur Cottage"
LINDGREN = "2025-0113 Estate of Arthur Lindgren"
TIDEWELL = "2026-0055 Sale of Tidewell Brewing"
BOT = "Firm Bot"

MATTERS = {BAKERY, HEDGE, LINDGREN, TIDEWELL}
SEEN = {
    # On the team of the bakery's lease; in no channel but those everybody or her team is in.
    "zoe.lindqvist": {BOT, "Everyone", "Property", "Kitchen Table", BAKERY},
    # Screened from the bakery's matters; responsible for the hedge and assisting in a restricted sale.
    "tomas.ferreira": {
        BOT,
        "Everyone",
        "Litigation",
        "Court Filings",
        "Kitchen Table",
        HEDGE,
        TIDEWELL,
    },
    # The owner: responsible for both restricted matters, originating the lease.
    "eleanor.ashcombe": {
        BOT,
        "Admins",
        "Everyone",
        "Kitchen Table",
        BAKERY,
        LINDGREN,
        TIDEWELL,
    },
}
"""Every conversation that each of the three is in, by the name it has in a client."""


@dataclass
class Seat:
    """One person at her client."""

    client: Client
    firm: RealFirm
    password: str
    since: SyncToken | None = None
    """How far this client has synced."""
    invitations: set[str] = field(default_factory=set)
    """Rooms that this client shows as an invitation to accept."""

    async def sign_in(self) -> None:
        """Sign in, or in again, on a new device that has nothing synced yet: Synapse keeps a device's first sync."""
        self.client.device_id = DeviceID("")
        await self.client.login(identifier=self.client.mxid, password=self.password)
        self.since = None

    async def sync(self, wait_ms: int = 0) -> dict[str, Any]:
        """What is new, by room and kind."""
        answer: dict[str, Any] = await self.client.sync(since=self.since, timeout=wait_ms)
        self.since = answer["next_batch"]
        found: dict[str, Any] = answer.get("rooms", {})
        self.invitations |= found.get("invite", {}).keys()
        self.invitations -= found.get("join", {}).keys()
        return found

    async def rooms(self) -> dict[str, RoomID]:
        """The rooms joined, by the name a client shows: the room's own, else that of the other people in it."""
        return await self._joined(spaces=False)

    async def spaces(self) -> dict[str, RoomID]:
        """The spaces joined, by name."""
        return await self._joined(spaces=True)

    async def _joined(self, *, spaces: bool) -> dict[str, RoomID]:
        found = {}
        for room_id in await self.client.get_joined_rooms():
            state = await self.client.get_state(room_id)
            (created,) = [event.content for event in state if isinstance(event.content, RoomCreateStateEventContent)]
            if (created.type is RoomType.SPACE) is spaces:
                found[await self.name(room_id)] = room_id
        return found

    async def name(self, room_id: RoomID) -> str:
        for event in await self.client.get_state(room_id):
            if isinstance(event.content, RoomNameStateEventContent):
                return event.content.name or ""
        members = await self.client.get_joined_members(room_id)
        return ", ".join(sorted(str(m.displayname) for user_id, m in members.items() if user_id != self.client.mxid))

    async def people(self, room_id: RoomID) -> set[str]:
        """The localparts of those who are in the room."""
        return {user_id[1:].partition(":")[0] for user_id in await self.client.get_joined_members(room_id)}

    async def direct(self) -> set[RoomID]:
        """Rooms that m.direct shows as direct messages."""
        found: dict[str, list[RoomID]] = await self.client.get_account_data("m.direct")
        return {room_id for rooms in found.values() for room_id in rooms}

    async def ask_bot(self, text: str) -> str:
        """Write to the bot, and wait for what it answers."""
        chat = (await self.rooms())[BOT]
        await self.sync()
        asked = await self.client.send_text(chat, text)
        # Not what it says by itself meanwhile.
        return await self.hear(chat, self.firm.settings.bot_id, asked)

    async def hear(self, room_id: RoomID, sender: str, reply_to: str = "") -> str:
        """The next message of the sender in the room but the welcome, or the one that replies to a message. By then
        nobody has an invitation to accept."""
        while True:
            news = await self.sync(wait_ms=10_000)
            for event in news.get("join", {}).get(room_id, {}).get("timeline", {}).get("events", ()):
                if event["type"] != "m.room.message" or event["sender"] != sender or is_welcome(event):
                    continue
                relation = event["content"].get("m.relates_to", {})
                if reply_to in {"", relation.get("m.in_reply_to", {}).get("event_id")}:
                    assert not self.invitations
                    return str(event["content"]["body"])


@asynccontextmanager
async def at_their_clients(firm: RealFirm, file: Path) -> AsyncIterator[dict[str, Seat]]:
    """The demo firm with the three logged in by password."""
    firm.start_bridge()
    await firm.bridge_ready()
    logins = await give_logins(firm.settings, file, firm.url)
    passwords = {login["user_id"]: login["password"] for login in logins["people"]}
    async with AsyncExitStack() as stack:
        seats = {}
        for localpart in SEEN:
            user_id = firm.user_id(localpart)
            client = Client(mxid=UserID(user_id), base_url=firm.url)
            stack.push_async_callback(client.api.session.close)
            seats[localpart] = Seat(client, firm, passwords[user_id])
            await seats[localpart].sign_in()
        yield seats


@pytest.fixture
async def seats(firm: RealFirm, tmp_path: Path) -> AsyncIterator[dict[str, Seat]]:
    async with at_their_clients(firm, tmp_path / "logins.json") as found:
        yield found


async def test_the_demo_firm_in_a_foreign_client(seats: dict[str, Seat]) -> None:
    zoe, tomas, eleanor = seats.values()
    for localpart, seat in seats.items():
        rooms = await seat.rooms()
        assert rooms.keys() == SEEN[localpart]
        assert (await seat.spaces()).keys() == {FIRM, *(SEEN[localpart] & MATTERS)}
        assert await seat.direct() == {rooms[BOT]}
        assert "invite" not in await seat.sync()
        assert await seat.people(rooms[BOT]) == {localpart, "bot"}

    # M1, F4: a matter's conversation is found under the matter, a channel in the staff space.
    for seat, space, child in ((zoe, BAKERY, BAKERY), (tomas, FIRM, "Litigation")):
        rooms, spaces = await seat.rooms(), await seat.spaces()
        children = {e.state_key for e in await seat.client.get_state(spaces[space]) if e.type == EventType.SPACE_CHILD}
        assert rooms[child] in children

    # They talk.
    table = (await zoe.rooms())["Kitchen Table"]
    await tomas.sync()
    await zoe.client.send_text(table, "There is lemon cake.")
    assert await tomas.hear(table, zoe.client.mxid) == "There is lemon cake."

    # D1, D3: a direct conversation of exactly those two, shown as one to both, without the bot.
    before = set((await zoe.rooms()).values())
    assert "Tomás Ferreira" in await zoe.ask_bot("!dm @tomas.ferreira")
    (direct,) = set((await zoe.rooms()).values()) - before
    assert await zoe.people(direct) == {"zoe.lindqvist", "tomas.ferreira"}
    assert await zoe.name(direct) == "Tomás Ferreira"
    assert await tomas.name(direct) == "Zoë Lindqvist"
    assert direct in await zoe.direct()
    assert direct in await tomas.direct()
    assert "invite" not in await tomas.sync()
    assert (await tomas.ask_bot("!dm zoe.lindqvist@ashcombevale.example")) != ""
    assert len(await tomas.rooms()) == len(SEEN["tomas.ferreira"]) + 1

    # M1: a conversation of a matter, with those who have access and not with those who are screened.
    answer = await zoe.ask_bot('!matter start 2026-0031 "Break clause" @eleanor.ashcombe @tomas.ferreira')
    assert "Not added, having no access to this matter: Tomás Ferreira" in answer
    clause = (await zoe.rooms())[f"Break clause · {BAKERY}"]
    assert await zoe.people(clause) == {"bot", "zoe.lindqvist", "eleanor.ashcombe"}
    assert f"Break clause · {BAKERY}" in await eleanor.rooms()
    assert "invite" not in await eleanor.sync()
    assert not any("Copperkettle" in name for name in await tomas.rooms())

    # M3: to a screened person the matter is like one that does not exist.
    walled = await tomas.ask_bot('!matter start 2026-0031 "Rent"')
    assert walled.replace("2026-0031", "1999-0001") == await tomas.ask_bot('!matter start 1999-0001 "Rent"')

    # C1: a channel with exactly those named, found in the staff space and joined by somebody else.
    await zoe.ask_bot("!channel create Book Club @eleanor.ashcombe")
    club = (await zoe.rooms())["Book Club"]
    assert await zoe.people(club) == {"bot", "zoe.lindqvist", "eleanor.ashcombe"}
    await tomas.ask_bot("!channel join book club")
    assert await zoe.people(club) == {"bot", "zoe.lindqvist", "eleanor.ashcombe", "tomas.ferreira"}
    await asyncio.gather(*(seat.client.send_text(club, "Hello") for seat in seats.values()))
