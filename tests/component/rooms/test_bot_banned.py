"""A room from which somebody banned the bot is made anew, and the spaces list the new one (F4, O3)."""

from __future__ import annotations

import pytest

from bridge.firm.model import Staff
from bridge.firm.room_keys import STAFF_SPACE, matter_space_key
from bridge.matrix.errors import NotAllowedError
from bridge.reconcile.rooms.space_order import SPACE_ORDER, join_in_order
from tests.cast import ANN, BEN, STAFF, make_firm
from tests.component.firm_on_fake import FirmOnFake, channel
from tests.fakes.room import Room


def listed_in(space: Room) -> set[str]:
    """The ids of the rooms that a space lists."""
    return {key[1] for key, content in space.state.items() if key[0] == "m.space.child" and content}


async def test_F4_a_channel_made_anew_by_a_pass_is_listed(on: FirmOnFake) -> None:
    before = await on.room(channel("Litigation"))
    on.fake.force(before.room_id, on.user(ANN), "m.room.member", on.fake.bot_id, {"membership": "ban"})
    assert not (await on.reconciler.passes.sync()).failed
    made = await on.room(channel("Litigation"))
    listed = listed_in(await on.room(STAFF_SPACE))
    assert made.room_id in listed
    assert before.room_id not in listed


async def test_F4_a_staff_space_made_anew_while_somebody_joins_the_firm_lists_its_channels(on: FirmOnFake) -> None:
    space = await on.room(STAFF_SPACE)
    on.fake.force(space.room_id, on.user(ANN), "m.room.member", on.fake.bot_id, {"membership": "ban"})
    before = on.firm
    on.firm = make_firm(staff=(*STAFF, Staff("f", "Fay", "Fox", "fay@firm.example", "Clerk")))
    assert not (await on.reconciler.passes.follow(before)).failed
    made = await on.room(STAFF_SPACE)
    assert made.room_id != space.room_id
    assert listed_in(made) == listed_in(space) != set()


async def test_M3_nothing_is_written_about_a_matter_for_somebody_behind_its_wall(on: FirmOnFake) -> None:
    room = await on.room(matter_space_key("m2"))
    with pytest.raises(NotAllowedError):
        await join_in_order(on.client, room.room_id, on.user(BEN), "00002026-00000055 sale of tidewell brewing")
    assert not any(
        key[0] == on.user(BEN) and SPACE_ORDER in key and room.room_id in key for key in on.fake.account_data
    )
