"""Names, pictures and reasons, as the bridge sets them on the homeserver and keeps them right."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bridge.firm.conversation import first_matter_conversation_id
from bridge.firm.model import Wall
from bridge.firm.room_keys import STAFF_SPACE, matter_space_key
from bridge.mapping.rooms.state import AVATAR, PICTURE, SERVICE_MEMBERS
from bridge.reconcile.tally import Result
from bridge.settings import AccountSettings
from bridge.store.engine.store import Store
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE, ESTATE_TALK, MERGER, STAFF, make_firm
from tests.component.firm_on_fake import FirmOnFake, channel, direct, firm_on_fake
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.room import Room

NAME = ("m.room.name", "")


@pytest.fixture
async def on(fake: FakeHomeserver, store: Store) -> AsyncIterator[FirmOnFake]:
    async with firm_on_fake(fake, store) as found:
        yield found


async def pictured(on: FirmOnFake) -> Result:
    """Have rooms and the bot get pictures from now on."""
    on.settings = on.settings.model_copy(update={"accounts": AccountSettings(avatars=True)})
    on.reconciler = on.new_reconciler()
    return await on.sync()


def name(room: Room) -> str:
    return str(room.state.get(NAME, {}).get("name", ""))


def picture(room: Room) -> str:
    return str(room.state.get((AVATAR, ""), {}).get("url", ""))


async def test_D3_a_direct_conversation_has_a_name_only_while_it_needs_one(on: FirmOnFake) -> None:
    await on.say(ANN, "!dm @ben @cleo hello")
    room = await on.room(direct("a", "b", "c"))
    assert NAME not in room.state

    on.fake.leave(room.room_id, on.user(CLEO))
    await on.hear()
    assert name(room) == "Ann Archer, Ben Booth, Cleo Crane"
    on.fake.leave(room.room_id, on.user(BEN))
    await on.hear()
    assert name(room) == "Ben Booth, Cleo Crane"
    assert set(room.joined) == on.users(ANN)
    assert ("m.room.topic", "") not in room.state

    on.fake.message(room.room_id, on.user(ANN), "come back, both")
    await on.hear()
    assert set(room.joined) == on.users(ANN, BEN, CLEO)
    assert name(room) == ""
    await on.settled()


async def test_D3_of_who_is_in_the_directory_no_more_the_last_name_stays(on: FirmOnFake) -> None:
    await on.say(ANN, "!dm @ben hello")
    room = await on.room(direct("a", "b"))
    before = on.firm
    on.firm = make_firm(staff=[person for person in STAFF if person is not BEN])
    await on.reconciler.passes.follow(before)
    assert name(room) == "Ben Booth"
    assert set(room.joined) == on.users(ANN)
    await on.settled()


async def test_O3_a_name_that_a_server_admin_gives_a_direct_conversation_is_taken_away(on: FirmOnFake) -> None:
    await on.say(ANN, "!dm @ben hello")
    room = await on.room(direct("a", "b"))
    room.state_events[NAME] = {
        "type": "m.room.name",
        "state_key": "",
        "sender": "@mallory:localhost",
        "content": {"name": "Mallory"},
        "event_id": "$mallory",
        "origin_server_ts": 1,
    }
    await on.sync()
    assert name(room) == ""
    await on.settled()


async def test_a_matter_without_a_title_leaves_no_blank_in_names_and_answers(on: FirmOnFake) -> None:
    before = on.firm
    on.firm = make_firm(matters=[replace(ESTATE, title=""), MERGER])
    await on.reconciler.passes.follow(before)
    shown = [one.body for one in await on.say(ANN, '!matter start 2026-0042 "Disclosure" @ben')]
    names = [name(room) for room in on.fake.rooms.values()]
    assert {"2026-0042", "Disclosure · 2026-0042"} < set(names)
    for text in (
        "!matters",
        "!matter show 2026-0042",
        "!matter people 2026-0042",
        "!access @ben",
        "!why @ben 2026-0042",
    ):
        shown.append(await on.ask(ANN, text))
    lines = [line for text in [*names, *shown] for line in text.splitlines()]
    assert [line for line in lines if line != line.rstrip() or re.search(r"\S  |0042 [.,:;]", line)] == []
    (room,) = [one for one in on.fake.rooms.values() if name(one) == "Disclosure · 2026-0042"]
    on.fake.put_state(room.room_id, on.user(ANN), "m.room.name", "", {"name": "Costs"})
    await on.hear()
    assert name(room) == "Costs · 2026-0042"
    await on.settled()


async def test_every_room_of_several_people_and_the_bot_get_a_picture_once(on: FirmOnFake) -> None:
    await on.say(ANN, '!matter start 2026-0042 "Disclosure" @ben')
    await pictured(on)
    keys = [ESTATE_TALK, matter_space_key("m1"), STAFF_SPACE, channel("Litigation"), channel("Everyone")]
    shown = {key: picture(await on.room(key)) for key in keys}
    assert all(one.startswith("mxc://") for one in shown.values())
    assert len(set(shown.values())) == len(keys)
    (disclosure,) = [room for room in on.fake.rooms.values() if name(room).startswith("Disclosure")]
    assert picture(disclosure) == shown[ESTATE_TALK]
    assert str(on.fake.accounts[on.fake.bot_id].profile["avatar_url"]).startswith("mxc://")
    assert picture(await on.room(first_matter_conversation_id("m2"))) != shown[ESTATE_TALK]
    await on.settled()


async def test_a_picture_follows_the_matters_number_and_what_the_firm_gave_the_bot_stays(on: FirmOnFake) -> None:
    own = "mxc://localhost/own"
    on.fake.accounts[on.fake.bot_id].profile["avatar_url"] = own
    await pictured(on)
    room = await on.room(ESTATE_TALK)
    before, digest = picture(room), room.state[AVATAR, ""][PICTURE]
    firm = on.firm
    on.firm = make_firm(matters=[replace(ESTATE, number="2026-0100"), MERGER])
    await on.reconciler.passes.follow(firm)
    assert picture(room) != before
    assert room.state[AVATAR, ""][PICTURE] != digest
    assert on.fake.accounts[on.fake.bot_id].profile["avatar_url"] == own
    await on.settled()


async def test_M3_a_room_made_anew_has_name_and_picture_too(on: FirmOnFake) -> None:
    await pictured(on)
    old, firm = await on.room(ESTATE_TALK), on.firm
    shown = picture(old)
    on.firm = make_firm(walls=[Wall("w2", matter_id="m1", people=("b",))])
    await on.reconciler.passes.follow(firm)
    new = await on.room(ESTATE_TALK)
    assert new.room_id != old.room_id
    assert (name(new), picture(new)) == ("2026-0042 Estate of Orla Quill", shown)
    assert (name(old), picture(old)) == ("2026-0042 Estate of Orla Quill (earlier)", shown)
    await on.settled()


async def test_the_bot_is_no_person_in_any_room_but_its_chats(on: FirmOnFake) -> None:
    await on.say(ANN, "!dm @ben hello")
    told = {"service_members": [on.fake.bot_id]}
    for key in (ESTATE_TALK, channel("Everyone"), direct("a", "b"), STAFF_SPACE):
        assert (await on.room(key)).state[SERVICE_MEMBERS, ""] == told
    assert (SERVICE_MEMBERS, "") not in on.fake.rooms[await on.chat(ANN)].state

    # Nobody sees the bot come into a direct conversation of before for this alone.
    room = await on.room(direct("a", "b"))
    del room.state_events[SERVICE_MEMBERS, ""]
    await on.settled()


async def test_V1_a_removal_says_who_asked_and_a_wall_says_nothing(on: FirmOnFake) -> None:
    await on.say(ANN, "!add @dan @cleo", (await on.room(ESTATE_TALK)).room_id)
    room = await on.room(ESTATE_TALK)
    await on.say(ANN, "!remove @dan", room.room_id)
    assert room.state_events["m.room.member", on.user(DAN)]["content"]["reason"] == "At Ann Archer's request"
    firm = on.firm
    on.firm = make_firm(walls=[Wall("w2", matter_id="m1", people=("c",))])
    await on.reconciler.passes.follow(firm)
    assert room.state_events["m.room.member", on.user(CLEO)]["content"]["reason"] == "No longer a participant"


async def test_C1_channels_are_listed_by_name_and_archived_ones_last(on: FirmOnFake) -> None:
    await on.say(ANN, "!channel create Zoning")
    await on.say(ANN, "!channel create Appeals")
    await on.say(ANN, "!channel archive", (await on.room(channel("Appeals"))).room_id)
    space = await on.room(STAFF_SPACE)
    listed = {
        key[1]: event["content"]["order"] for key, event in space.state_events.items() if key[0] == "m.space.child"
    }
    names = [name(on.fake.rooms[room_id]) for room_id in sorted(listed, key=lambda one: listed[one])]
    assert names == ["Everyone", "Litigation", "Zoning", "Appeals"]

    await on.say(ANN, "!rename Building", (await on.room(channel("Zoning"))).room_id)
    assert space.state["m.space.child", (await on.room(channel("Zoning"))).room_id]["order"] == "building"
    await on.settled()
