"""The order of spaces at the edge of a client: the firm's first, then matters by number, until a person moves one."""

from __future__ import annotations

from bridge.firm.model import Staff
from bridge.firm.room_keys import STAFF_SPACE, matter_space_key
from bridge.reconcile.rooms.space_order import SPACE_ORDER
from tests.cast import ANN, BEN, ESTATE_TALK
from tests.component.firm_on_fake import FirmOnFake

ESTATE, MERGER = matter_space_key("m1"), matter_space_key("m2")


async def orders(firm: FirmOnFake, who: Staff, *keys: str) -> list[str]:
    """What somebody's client sorts these spaces by."""
    room_ids = [(await firm.room(key)).room_id for key in keys]
    return [firm.fake.account_data[firm.user(who), room_id, SPACE_ORDER]["order"] for room_id in room_ids]


async def test_M1_F4_spaces_stand_by_number_behind_the_firms(on: FirmOnFake) -> None:
    found = await orders(on, ANN, STAFF_SPACE, ESTATE, MERGER)
    assert found == sorted(found)
    assert all(len(order) <= 50 and order.isascii() and order.isprintable() for order in found)


async def test_where_a_person_moved_a_space_it_stays(on: FirmOnFake) -> None:
    """Also when they leave the matter and come back."""
    space = await on.room(ESTATE)
    await on.ask(BEN, "!leave", (await on.room(ESTATE_TALK)).room_id)
    on.fake.account_data[on.user(BEN), space.room_id, SPACE_ORDER] = {"order": "mine"}
    await on.ask(BEN, "!matter join 2026-0042")
    assert on.user(BEN) in space.joined
    assert await orders(on, BEN, ESTATE) == ["mine"]
