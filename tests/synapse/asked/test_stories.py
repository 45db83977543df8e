"""The stories of the D and M rules, played in a client nobody here wrote (mautrix from PyPI)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mautrix.errors import MForbidden, MUnknown, MUnknownToken
from mautrix.types import (
    EventID,
    EventType,
    PaginationDirection,
    PowerLevelStateEventContent,
    RoomID,
    RoomNameStateEventContent,
)
from mautrix.types import (
    RoomPinnedEventsStateEventContent as Pins,
)

from tests.synapse.asked.test_foreign_client import BAKERY, BOT, Seat, at_their_clients
from tests.synapse.harness import Json
from tests.synapse.running.test_provisioning import own_firm, rewrite

CLAUSE = f"Break clause · {BAKERY}"


async def until(seat: Seat, room_id: RoomID, wanted: Callable[[Json], bool]) -> Json:
    """The next event of a room that is wanted, from where this client has synced to."""
    while True:
        found = (await seat.sync(wait_ms=10_000)).get("join", {}).get(room_id, {})
        events = [*found.get("state", {}).get("events", ()), *found.get("timeline", {}).get("events", ())]
        for event in events:
            if wanted(event):
                return dict(event)


def is_member(seat: Seat, membership: str) -> Callable[[Json], bool]:
    """Whether an event gives somebody that membership."""

    def wanted(event: Json) -> bool:
        return event.get("state_key") == seat.client.mxid and event["content"].get("membership") == membership

    return wanted


def says(text: str) -> Callable[[Json], bool]:
    """Whether an event is a message with that text in it."""
    return lambda event: event["type"] == "m.room.message" and text in event["content"].get("body", "")


def is_named(name: str) -> Callable[[Json], bool]:
    """Whether an event gives the room that name."""
    return lambda event: event["type"] == "m.room.name" and event["content"].get("name") == name


async def test_D1_D2_D3_M1_M2_M4_stories_in_a_foreign_client(tmp_path: Path, made_demo: Path) -> None:
    async with (
        own_firm(tmp_path, made_demo) as (firm, directory),
        at_their_clients(firm, tmp_path / "logins.json") as seats,
    ):
        zoe, tomas, eleanor = seats.values()
        await direct_stories(zoe, tomas, eleanor)
        await pin_stories(zoe, tomas)
        await matter_stories(zoe, tomas, eleanor, lambda change: rewrite(directory, change))


async def direct_stories(zoe: Seat, tomas: Seat, eleanor: Seat) -> None:
    before = set((await zoe.rooms()).values())
    await zoe.ask_bot("!dm @tomas.ferreira")
    (pair,) = set((await zoe.rooms()).values()) - before

    # D2: natively the room refuses before it happens; the command opens a larger one and says so in the old one.
    with pytest.raises(MUnknown):
        await zoe.client.invite_user(pair, eleanor.client.mxid)
    await tomas.sync()
    await zoe.client.send_text(pair, "!add @eleanor.ashcombe")
    notice = await until(tomas, pair, says("has opened a new conversation"))
    assert notice["sender"] == zoe.firm.settings.bot_id
    assert "Eleanor Ashcombe" in notice["content"]["body"]
    (three,) = set((await zoe.rooms()).values()) - before - {pair}
    assert await zoe.people(three) == {"zoe.lindqvist", "tomas.ferreira", "eleanor.ashcombe"}
    assert await eleanor.name(three) == "Tomás Ferreira, Zoë Lindqvist"
    assert three in await eleanor.direct()
    assert await zoe.people(pair) == {"zoe.lindqvist", "tomas.ferreira"}

    # D1: whoever asks, in whatever order.
    assert three in await eleanor.ask_bot("!dm @tomas.ferreira @zoe.lindqvist")

    # D4: the owner reads nothing of what the two said, and cannot come in.
    await zoe.client.send_text(pair, "Between us")
    with pytest.raises(MForbidden):
        await eleanor.client.get_messages(pair, direction=PaginationDirection.BACKWARD)
    with pytest.raises(MForbidden):
        await eleanor.client.join_room_by_id(pair)
    assert "Zoë" not in await eleanor.ask_bot("!participants")


async def pin_stories(zoe: Seat, tomas: Seat) -> None:
    """V2, in a direct conversation, where the bot is no member, and in a channel."""
    await zoe.ask_bot("!channel create Reading List @tomas.ferreira")
    rooms = await zoe.rooms()
    chat = (await tomas.rooms())[BOT]
    for room in (rooms["Reading List"], rooms["Tomás Ferreira"]):
        one, two, three = [await zoe.client.send_text(room, text) for text in ("Bleak House", "Pickwick", "Emma")]
        await zoe.client.send_state_event(room, EventType.ROOM_PINNED_EVENTS, Pins(pinned=[one]))
        # Both clients still show one pin when each sets another.
        await zoe.client.send_state_event(room, EventType.ROOM_PINNED_EVENTS, Pins(pinned=[one, two]))
        await tomas.client.send_state_event(room, EventType.ROOM_PINNED_EVENTS, Pins(pinned=[one, three]))
        await until_pinned(tomas, room, [one, two, three])
        await zoe.client.redact(room, two)
        await until_pinned(tomas, room, [one, three])
        await tomas.sync()
        await tomas.client.send_text(room, "!pinned emma")
        where = room if room == rooms["Reading List"] else chat
        said = await tomas.hear(where, tomas.firm.settings.bot_id)
        assert "Zoë Lindqvist: Emma" in said
        assert "pinned by Tomás Ferreira on " in said
    assert await zoe.people(rooms["Tomás Ferreira"]) == {"zoe.lindqvist", "tomas.ferreira"}


async def until_pinned(seat: Seat, room_id: RoomID, pinned: list[EventID]) -> None:
    """Wait until the room shows these pins."""
    while True:
        content = await seat.client.get_state_event(room_id, EventType.ROOM_PINNED_EVENTS)
        if isinstance(content, Pins) and content.pinned == pinned:
            return
        await seat.sync(wait_ms=1_000)


async def matter_stories(zoe: Seat, tomas: Seat, eleanor: Seat, change: Callable[[Any], None]) -> None:
    # M1, M2: one starts, a colleague with access finds it in the list and joins, another leaves in her client.
    await zoe.ask_bot('!matter start 2026-0031 "Break clause"')
    clause = (await zoe.rooms())[CLAUSE]
    assert await zoe.people(clause) == {"bot", "zoe.lindqvist"}
    assert "Break clause" in await eleanor.ask_bot("!matter show 2026-0031")
    with pytest.raises(MForbidden):
        await tomas.client.join_room_by_id(clause)
    await eleanor.client.join_room_by_id(clause)
    assert await zoe.people(clause) == {"bot", "zoe.lindqvist", "eleanor.ashcombe"}
    await zoe.sync()
    await eleanor.client.leave_room(clause)
    await until(zoe, clause, is_member(eleanor, "leave"))
    while "2 participants" in (said := await zoe.ask_bot("!matter show 2026-0031")):
        pass
    assert "Break clause" in said
    await zoe.client.send_text(clause, "!add @eleanor.ashcombe @tomas.ferreira")
    answer = await zoe.hear((await zoe.rooms())[BOT], zoe.firm.settings.bot_id)
    assert "Eleanor Ashcombe: added" in answer
    assert "Tomás Ferreira: not added, having no access to this matter" in answer
    assert await zoe.people(clause) == {"bot", "zoe.lindqvist", "eleanor.ashcombe"}

    # V1: what is not allowed is refused before it happens, and what slips through is put back.
    with pytest.raises(MUnknown):
        await zoe.client.invite_user(clause, tomas.client.mxid)
    for act in (eleanor.client.kick_user(clause, zoe.client.mxid), zoe.client.ban_user(clause, eleanor.client.mxid)):
        with pytest.raises(MForbidden):
            await act
    await zoe.sync()
    await zoe.client.send_state_event(clause, EventType.ROOM_NAME, RoomNameStateEventContent(name="2026-0031 Ours"))
    await until(zoe, clause, is_named(f"Break clause · {BAKERY}"))
    await zoe.client.send_text(clause, "!matter rename Break clauses")
    while f"Break clauses · {BAKERY}" not in await zoe.rooms():
        await zoe.sync(wait_ms=10_000)

    # M3: to somebody who is screened there is no trace, whatever he asks.
    for text in ("!matter show {}", "!matter join {} Break clauses", "!matter leave {} General", "!matter list {}"):
        walled, missing = [await tomas.ask_bot(text.format(number)) for number in ("2026-0031", "1999-0001")]
        assert walled.replace("2026-0031", "1999-0001") == missing

    # M4: closed with a notice and read-only, reopened, renamed.
    def status(value: str) -> Callable[[Any], None]:
        def set_status(data: Any) -> None:
            next(one for one in data["matters"] if one["number"] == "2026-0031")["status"] = value

        return set_status

    await eleanor.sync()
    change(status("closed"))
    await until(eleanor, clause, says("Matter 2026-0031 is closed."))
    await until_levels(eleanor, clause, 100)
    with pytest.raises(MForbidden):
        await eleanor.client.send_text(clause, "Too late")
    await eleanor.sync()
    change(status("open"))
    await until(eleanor, clause, says("Matter 2026-0031 is open again."))
    await until_levels(eleanor, clause, 0)
    await eleanor.client.send_text(clause, "In time")

    # M3: a wall removes at once, from the matter's space too, and keeps out whoever invites.
    wall = {"id": "W-99", "matter": "2026-0031", "people": ["eashcombe"], "memo": "A lender.", "set_by": "isolberg"}
    space = (await eleanor.spaces())[BAKERY]
    await zoe.sync()
    change(lambda data: data["walls"].append(wall))
    await until(zoe, clause, is_member(eleanor, "leave"))
    while space in await eleanor.client.get_joined_rooms():
        await zoe.sync(wait_ms=1_000)
    # What came since her client last synced was said in a room that she may read no more: it begins anew.
    with pytest.raises(MUnknownToken):
        await eleanor.sync()
    await eleanor.sign_in()
    assert not any("Copperkettle" in name for name in await eleanor.rooms())
    for room_id in (clause, space):
        with pytest.raises(MForbidden):
            await eleanor.client.get_messages(room_id, direction=PaginationDirection.BACKWARD)
    with pytest.raises(MUnknown):
        await zoe.client.invite_user(clause, eleanor.client.mxid)
    walled, missing = [await eleanor.ask_bot(f"!matter show {number}") for number in ("2026-0031", "1999-0001")]
    assert walled.replace("2026-0031", "1999-0001") == missing


async def until_levels(seat: Seat, room_id: RoomID, level: int) -> None:
    """Wait until that level is needed to write."""
    while True:
        for event in await seat.client.get_state(room_id):
            levels = event.content
            if isinstance(levels, PowerLevelStateEventContent) and levels.events_default == level:
                return
        await seat.sync(wait_ms=1_000)
