"""A change of the directory: what follows from it, and that nothing else is touched."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest

from bridge.firm.conversation import bot_chat_id, first_matter_conversation_id
from bridge.firm.model import Firm, Matter, MatterStatus, Staff, Wall
from bridge.firm.room_keys import STAFF_SPACE, matter_space_key
from bridge.matrix.errors import UnreachableError
from bridge.reconcile.tally import Result
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE, ESTATE_TALK, EVE, MERGER, MERGER_TALK, WALL, make_firm
from tests.component.firm_on_fake import FirmOnFake, channel, direct
from tests.fakes.faults import refusal, too_many_in_header
from tests.fakes.homeserver import Recorded

BEN_LEFT = (ANN, replace(BEN, former=True), CLEO, DAN, EVE)


async def follow(on: FirmOnFake, firm: Firm) -> Result:
    before, on.firm = on.firm, firm
    on.fake.requests.clear()
    return await on.reconciler.passes.follow(before)


def rooms_in(requests: Iterable[Recorded]) -> set[str]:
    """The rooms that requests are about."""
    return {found for request in requests for found in re.findall(r"![^/]+", request.path)}


def people_in(requests: Iterable[Recorded]) -> set[str]:
    """The accounts that requests of the admin API are about."""
    return {found for request in requests for found in re.findall(r"/users/(@[^/]+)", request.path)}


async def test_only_the_rooms_that_a_change_is_about_are_touched(on: FirmOnFake) -> None:
    renamed = replace(ESTATE, title="Estate of the late Orla Quill")
    await follow(on, make_firm(matters=(renamed, MERGER)))
    room, space = await on.room(ESTATE_TALK), await on.room(matter_space_key("m1"))
    assert rooms_in(on.fake.requests) == {room.room_id, space.room_id}
    assert people_in(on.fake.requests) == set()
    assert room.state["m.room.name", ""] == {"name": "2026-0042 Estate of the late Orla Quill"}
    assert space.state["m.room.name", ""] == {"name": "2026-0042 Estate of the late Orla Quill"}
    await on.settled()


async def test_the_same_firm_again_touches_nothing(on: FirmOnFake) -> None:
    assert await follow(on, make_firm()) == Result()
    assert on.fake.requests == []


async def test_F3_a_new_name_changes_the_account_and_nothing_else(on: FirmOnFake) -> None:
    married = replace(CLEO, last_name="Crane-Dell")
    await follow(on, make_firm(staff=(ANN, BEN, married, DAN, EVE)))
    assert [(request.method, request.path) for request in on.fake.changes()] == [
        ("PUT", f"/_synapse/admin/v2/users/{on.user(CLEO)}")
    ]
    assert on.fake.accounts[on.user(CLEO)].profile["displayname"] == "Cleo Crane-Dell"
    await on.settled()


async def test_F2_who_leaves_is_cut_off_and_nothing_is_done_in_their_name(on: FirmOnFake) -> None:
    await on.say(ANN, "!dm @ben")
    ben = on.fake.accounts[on.user(BEN)]
    ben.devices |= {"PHONE", "LAPTOP"}
    outcome = await follow(on, make_firm(staff=BEN_LEFT))
    assert outcome.failed == ()
    assert ben.locked
    assert ben.devices == set()
    assert on.fake.joined_rooms(on.user(BEN)) == []
    acts = {request.path.rpartition("/")[2] for request in on.fake.changes() if request.user_id == on.user(BEN)}
    assert acts <= {"leave", "forget"}
    assert people_in(on.fake.requests) == {on.user(BEN)}
    first, second, *_ = on.fake.changes()
    # The account comes before the rooms; a crash between the two leaves nothing that the next pass would not see.
    assert first.path.endswith("/delete_devices")
    assert second.body == {"locked": True}
    await on.hear()
    await on.settled()


def reads_in(requests: Iterable[Recorded]) -> Counter[str]:
    """How often the whole state of each room was read."""
    paths = (re.fullmatch(r".*/rooms/(![^/]+)/state", one.path) for one in requests if one.method == "GET")
    return Counter(found[1] for found in paths if found)


async def test_F2_of_a_leaver_only_the_rooms_are_read_that_they_were_in_and_each_once(on: FirmOnFake) -> None:
    await on.say(ANN, "!dm @ben")
    theirs = set(on.fake.joined_rooms(on.user(BEN)))
    await follow(on, make_firm(staff=BEN_LEFT))
    reads = reads_in(on.fake.requests)
    assert reads.keys() <= theirs
    assert (await on.room(STAFF_SPACE)).room_id in reads
    assert set(reads.values()) == {1}


async def test_F2_out_of_what_a_leaver_cannot_leave_the_bot_takes_them(on: FirmOnFake) -> None:
    rooms = [await on.room(key) for key in (ESTATE_TALK, matter_space_key("m1"), STAFF_SPACE)]
    for room in rooms:
        on.fake.script("POST", f"/rooms/{re.escape(room.room_id)}/leave", refusal(403, "M_FORBIDDEN"))
    await follow(on, make_firm(staff=BEN_LEFT))
    assert on.fake.joined_rooms(on.user(BEN)) == []
    await on.sync()
    await on.settled()


async def test_a_newcomer_costs_no_look_at_the_channels_that_they_are_not_in(on: FirmOnFake) -> None:
    finn = Staff("f", "Finn", "Frost", "finn@firm.example", "Associate")
    await follow(on, make_firm(staff=(ANN, BEN, CLEO, DAN, EVE, finn)))
    known = {(await on.room(key)).room_id for key in (STAFF_SPACE, channel("Everyone"))}
    assert reads_in(on.fake.requests).keys() - {(await on.room(bot_chat_id("f"))).room_id} == known
    assert on.user(finn) in await on.people(STAFF_SPACE) & await on.people(channel("Everyone"))
    await on.settled()


async def test_F2_coming_back_restores_access_and_not_membership(on: FirmOnFake) -> None:
    await on.say(ANN, "!dm @ben")
    await follow(on, make_firm(staff=BEN_LEFT))
    await on.hear()
    await follow(on, make_firm())
    await on.hear()
    assert not on.fake.accounts[on.user(BEN)].locked
    assert on.user(BEN) not in await on.people(ESTATE_TALK) | await on.people(channel("Litigation"))
    assert (await on.room(direct("a", "b"))).joined == [on.user(ANN)]
    for key in (STAFF_SPACE, channel("Everyone"), bot_chat_id("b")):
        assert on.user(BEN) in await on.people(key)
    await on.settled()
    await on.say(BEN, "!dm @ann")
    assert set((await on.room(direct("a", "b"))).joined) == on.users(ANN, BEN)
    await on.settled()


async def test_who_starts_at_the_firm_is_in_what_the_directory_gave_them_before(on: FirmOnFake) -> None:
    finn = Staff("f", "Finn", "Frost", "finn@firm.example", "Associate", enabled=False)
    matter = Matter("m9", "2026-0099", "Harbour lease", responsible="a", assisting=("f",))
    await follow(on, make_firm(staff=(ANN, BEN, CLEO, DAN, EVE, finn), matters=(ESTATE, MERGER, matter)))
    assert await on.people(first_matter_conversation_id("m9")) == on.users(ANN)
    started = replace(finn, enabled=True)
    await follow(on, make_firm(staff=(ANN, BEN, CLEO, DAN, EVE, started), matters=(ESTATE, MERGER, matter)))
    assert people_in(on.fake.requests) == {on.user(finn)}
    for key in (first_matter_conversation_id("m9"), STAFF_SPACE, channel("Everyone"), bot_chat_id("f")):
        assert on.user(finn) in await on.people(key)
    await on.settled()


async def test_M3_a_new_wall_removes_from_the_conversation_and_its_space(on: FirmOnFake) -> None:
    await follow(on, make_firm(walls=(WALL, Wall("w2", matter_id="m1", people=("b",)))))
    assert await on.people(ESTATE_TALK) == await on.people(matter_space_key("m1")) == on.users(ANN)
    # The conversation goes on in a third one.
    assert len(rooms_in(on.fake.requests)) == 3
    await on.settled()


@pytest.mark.parametrize("status", [MatterStatus.CLOSED, MatterStatus.DELETED])
async def test_M4_a_closed_matter_is_read_only_and_a_deleted_one_is_empty(on: FirmOnFake, status: MatterStatus) -> None:
    await follow(on, make_firm(matters=(ESTATE, replace(MERGER, status=status))))
    room = await on.room(MERGER_TALK)
    assert room.levels["events_default"] == 100
    assert await on.people(MERGER_TALK) == (on.users(ANN) if status is MatterStatus.CLOSED else set())
    await on.settled()
    await follow(on, make_firm())
    assert room.levels["events_default"] == 0
    assert await on.people(MERGER_TALK) == on.users(ANN)
    await on.settled()


async def test_a_matter_gone_from_the_directory_is_nobodys(on: FirmOnFake) -> None:
    await follow(on, make_firm(matters=(ESTATE,), walls=()))
    assert await on.people(MERGER_TALK) == await on.people(matter_space_key("m2")) == set()
    assert "Tidewell" not in str((await on.room(MERGER_TALK)).state["m.room.name", ""])
    await on.settled()


async def test_a_change_that_met_no_homeserver_is_done_by_the_next_pass(on: FirmOnFake) -> None:
    for method, path in (("GET", "/users/@ben"), ("GET", "/whoami$")):
        on.fake.script(method, path, too_many_in_header(3600))
    with pytest.raises(UnreachableError):
        await follow(on, make_firm(staff=BEN_LEFT))
    await on.sync()
    assert on.fake.joined_rooms(on.user(BEN)) == []
    await on.settled()
