"""Looped in: a new conversation shows as unread, and its first line says who started it, about what and with whom."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import pytest

from bridge.firm.conversation import Conversation, ConversationKind, channel_key
from bridge.firm.model import Staff
from bridge.guard.creation import CreationRequest, Opening
from bridge.handlers.creation import room_asked_for
from bridge.operations.first_line import first_line, say_first_lines
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE_TALK, make_firm
from tests.component.firm_on_fake import FirmOnFake, channel
from tests.fakes.faults import refusal
from tests.fakes.room import Room

LONG_AFTER = 10**15


async def _first_lines(on: FirmOnFake) -> list[tuple[str, str, list[str]]]:
    """Room, words and whom they mention, of what the bot says in rooms; sent as well, so that it counts there."""
    await on.said()
    found = [(one.room_id, one.body, one.content["m.mentions"]["user_ids"]) for one in on.first_lines]
    for one in on.first_lines:
        on.fake.send(one.room_id, one.sender, "m.room.message", one.content)
    on.first_lines.clear()
    on.events.clear()
    return found


def _room(on: FirmOnFake, title: str) -> Room:
    (found,) = [
        room for room in on.fake.rooms.values() if title in room.state.get(("m.room.name", ""), {}).get("name", "")
    ]
    return found


async def _type(on: FirmOnFake, person: Staff, text: str) -> None:
    on.fake.message(await on.chat(person), on.user(person), text)
    await on.hear()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            '!matter start 2026-0042 "Disclosure" @ben @cleo',
            "Ann Archer started the conversation Disclosure about 2026-0042 Estate of Orla Quill, with Ben Booth and"
            " Cleo Crane.",
        ),
        (
            "!channel create Disclosure @ben @cleo",
            "Ann Archer started the channel Disclosure, with Ben Booth and Cleo Crane.",
        ),
    ],
)
async def test_who_is_looped_in_sees_it_as_unread_and_reads_who_did(on: FirmOnFake, text: str, line: str) -> None:
    await _type(on, ANN, text)
    room = _room(on, "Disclosure")
    assert await _first_lines(on) == [(room.room_id, line, [on.user(BEN), on.user(CLEO)])]
    assert [one["content"]["body"] for one in on.fake.events(room.room_id, "m.room.message")] == [line]
    for person in (BEN, CLEO):
        assert on.fake.unread_count(room.room_id, on.user(person)) == 1


async def test_started_alone_it_says_so(on: FirmOnFake) -> None:
    await _type(on, ANN, '!matter start 2026-0042 "Disclosure"')
    ((_, line, mentioned),) = await _first_lines(on)
    assert line == "Ann Archer started the conversation Disclosure about 2026-0042 Estate of Orla Quill."
    assert mentioned == []


async def test_what_a_clients_own_button_starts_has_its_first_line(on: FirmOnFake) -> None:
    room_id = await room_asked_for(
        CreationRequest(ConversationKind.CHANNEL, "a", ("b",), "Lunch", opening=Opening.ALL), on.desk
    )
    ((room, line, _),) = await _first_lines(on)
    assert (room, line) == (room_id, "Ann Archer started the channel Lunch, with Ben Booth.")


async def test_M3_whom_the_matter_is_closed_to_is_not_named(on: FirmOnFake) -> None:
    await _type(on, ANN, '!matter start 2026-0055 "Terms" @ben @cleo')
    ((_, line, mentioned),) = await _first_lines(on)
    assert "Ben" not in line
    assert on.user(BEN) not in mentioned


async def test_what_the_directory_or_the_bridge_starts_says_nothing(on: FirmOnFake) -> None:
    assert on.fake.events((await on.room(ESTATE_TALK)).room_id, "m.room.message") == []
    await _type(on, ANN, "!dm @ben")
    assert await _first_lines(on) == []


async def test_it_is_said_once_whatever_comes_after(on: FirmOnFake) -> None:
    await _type(on, ANN, "!channel create Lunch @ben")
    assert len(await _first_lines(on)) == 1
    for text in ("!channel join Lunch", "!channel rename Lunch to Dinner", "!channel archive Dinner"):
        await _type(on, ANN, text)
    with patch("bridge.operations.first_line.now_ms", lambda: LONG_AFTER):
        await say_first_lines(on.desk)
    assert await _first_lines(on) == []


async def test_where_it_was_cut_short_it_is_said_later(on: FirmOnFake) -> None:
    """Once everybody had a minute to come in, since it counts only for those who are there."""
    on.fake.script("POST", "createRoom$", refusal(400, "M_UNKNOWN"))
    await _type(on, ANN, "!channel create Lunch @ben")
    await say_first_lines(on.desk)
    assert await _first_lines(on) == []
    await on.sync()
    await say_first_lines(on.desk)
    assert await _first_lines(on) == []
    with patch("bridge.operations.first_line.now_ms", lambda: LONG_AFTER):
        await say_first_lines(on.desk)
    ((room_id, line, _),) = await _first_lines(on)
    assert room_id == (await on.room(channel("Lunch"))).room_id
    assert line == "Ann Archer started the channel Lunch, with Ben Booth."


async def test_of_many_some_are_named_and_names_are_shown_as_they_are() -> None:
    many = [replace(DAN, id=f"x{n}", first_name=f"Person{n:02}") for n in range(30)]
    odd = replace(ANN, first_name="*Ann*")
    firm = make_firm(staff=[odd, *many])
    talk = Conversation(channel_key("Lunch"), ConversationKind.CHANNEL, "Lunch")
    line = first_line(firm, talk, "a", [one.id for one in many])
    assert line.startswith(r"\*Ann\* Archer started the channel **Lunch**, with Person00 Dell, ")
    assert line.endswith("Person09 Dell and 20 others.")


@pytest.mark.parametrize(("key", "name"), [(ESTATE_TALK, "General · 2026-0042"), (channel("Litigation"), "Litigation")])
@pytest.mark.parametrize("native", [False, True])
async def test_who_is_added_later_is_told_in_their_chat(on: FirmOnFake, key: str, name: str, native: bool) -> None:
    """V1: by command and in a client it is the same."""
    room = await on.room(key)
    if native:
        on.fake.block_invites = False
        room.state["m.room.power_levels", ""]["invite"] = 0
        on.fake.invite(room.room_id, on.user(ANN), on.user(DAN))
        await on.hear()
        told = await on.said()
    else:
        told = [one for one in await on.say(ANN, "!add @dan", room.room_id) if one.room_id != await on.chat(ANN)]
    link = f"https://matrix.to/#/{room.room_id}?via=localhost"
    assert [(one.room_id, one.content["msgtype"], one.body) for one in told] == [
        (await on.chat(DAN), "m.text", f"Ann Archer added you to {name} ({link}).")
    ]
    assert on.user(DAN) in room.joined


async def test_who_is_there_already_joins_or_may_not_come_is_told_nothing(on: FirmOnFake) -> None:
    assert len(await on.say(ANN, "!add @ben", (await on.room(ESTATE_TALK)).room_id)) == 1
    assert len(await on.say(CLEO, "!channel join Litigation")) == 1
    await on.say(ANN, "!wall add 2026-0042 @dan A cousin.")
    assert len(await on.say(ANN, "!add @dan", (await on.room(ESTATE_TALK)).room_id)) == 1
