"""A matter's conversations are found in its space by all who are there, who join by themselves (M2, M3)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bridge.firm.model import Matter, Staff
from bridge.firm.room_keys import matter_space_key
from bridge.mapping.rooms.shapes import earlier_shape
from bridge.store.engine.store import Store
from bridge.store.rooms.conversations import titles_in_matter
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE, ESTATE_TALK, MERGER, MERGER_TALK, make_firm
from tests.component.firm_on_fake import FirmOnFake, firm_on_fake
from tests.fakes.faults import too_many_in_body
from tests.fakes.guard import FakeGuard
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.room import Denied

LEASE = Matter("m3", "2026-0060", "Lease of Quay House")
"""A matter with nobody on it, and so without a room."""


@pytest.fixture
async def firm(fake: FakeHomeserver, store: Store, guard: FakeGuard) -> AsyncIterator[FirmOnFake]:
    async with firm_on_fake(fake, store) as made:
        yield made


async def rule(firm: FirmOnFake, key: str) -> object:
    return (await firm.room(key)).state["m.room.join_rules", ""]


async def open_to(firm: FirmOnFake, matter: Matter) -> object:
    space = (await firm.room(matter_space_key(matter.id))).room_id
    return {"join_rule": "restricted", "allow": [{"type": "m.room_membership", "room_id": space}]}


async def test_M2_a_conversation_is_open_to_its_own_matters_space_from_its_making_on(firm: FirmOnFake) -> None:
    for matter, talk in ((ESTATE, ESTATE_TALK), (MERGER, MERGER_TALK)):
        assert await rule(firm, talk) == await open_to(firm, matter)
    # The space was there before: no rule had to be changed.
    rules = [one for one in firm.fake.asked("PUT", "/state/m.room.join_rules/") if one.status == 200]
    assert rules == []
    await firm.settled()


async def test_M2_the_first_conversation_of_a_matter_without_rooms_finds_its_space(firm: FirmOnFake) -> None:
    firm.firm = make_firm(matters=(ESTATE, MERGER, LEASE))
    await firm.ask(CLEO, '!matter start 2026-0060 "Rent"')
    (talk,) = await firm.store.run(titles_in_matter, "m3")
    assert await rule(firm, talk) == await open_to(firm, LEASE)
    await firm.settled()


async def test_M2_who_left_comes_back_from_the_matters_space_by_themselves(firm: FirmOnFake) -> None:
    room, user = await firm.room(ESTATE_TALK), firm.user(BEN)
    await firm.ask(ANN, '!matter start 2026-0042 "Costs" @ben')
    firm.fake.leave(room.room_id, user)
    await firm.hear()
    space = await firm.room(matter_space_key("m1"))
    assert user in space.joined
    assert space.state["m.space.child", room.room_id]["via"]
    firm.fake.join(room.room_id, user)
    await firm.hear()
    assert user in await firm.people(ESTATE_TALK)
    await firm.settled()


@pytest.mark.parametrize("person", [BEN, DAN])
async def test_M3_who_is_not_in_the_space_does_not_come_in(firm: FirmOnFake, person: Staff) -> None:
    """Ben is behind a wall; Dan has access, but is in no conversation of the matter, and asks the bot."""
    room = await firm.room(MERGER_TALK)
    with pytest.raises(Denied):
        firm.fake.join(room.room_id, firm.user(person))


async def test_M3_a_room_that_was_left_for_another_is_open_to_nobody(firm: FirmOnFake) -> None:
    shape = await firm.reconciler.planner.shape(ESTATE_TALK)
    assert shape is not None
    assert shape.open_to == matter_space_key("m1")
    assert earlier_shape(shape, f"{ESTATE_TALK}~1", ESTATE_TALK).open_to == ""


async def test_M3_without_the_guard_matters_are_by_invitation(fake: FakeHomeserver, store: Store) -> None:
    async with firm_on_fake(fake, store) as firm:
        assert await rule(firm, ESTATE_TALK) == {"join_rule": "invite"}


async def test_M3_behind_a_wall_one_is_out_of_the_matters_space_before_its_conversations(firm: FirmOnFake) -> None:
    """A guard that was not told yet would let them in again from there."""
    places = [(await firm.room(key)).room_id for key in (matter_space_key("m1"), ESTATE_TALK)]
    firm.fake.script("POST", f"{places[0]}/kick", *[too_many_in_body(1)] * 3)
    await firm.say(ANN, "!wall add 2026-0042 @ben Kin")
    kicked = [one.path.split("/")[-2] for one in firm.fake.asked("POST", "/kick$") if one.status == 200]
    assert kicked[:2] == places
    await firm.settled()
