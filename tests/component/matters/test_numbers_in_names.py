"""No conversation begins as another matter's, whoever names it and by what way (F3, M3)."""

from __future__ import annotations

import pytest

from tests.cast import ANN, BEN, ESTATE_TALK, MERGER
from tests.component.firm_on_fake import FirmOnFake, channel

NUMBERS = (MERGER.number, "1999-0001")
"""One of a matter that Ann sees and Ben must not hear of, and one of none."""


@pytest.mark.parametrize(
    "typed", ['!matter start 2026-0042 "{} Sale" @ben', '!rename "{} Sale"', "!channel create {} Sale"]
)
async def test_F3_M3_a_name_with_another_matters_number_is_refused_alike_whether_there_is_one(
    on: FirmOnFake, typed: str
) -> None:
    room_id, before = (await on.room(ESTATE_TALK)).room_id, len(on.fake.rooms)
    said = [await on.ask(who, typed.format(number), room_id) for number in NUMBERS for who in (ANN, BEN)]
    assert set(said) == {
        "That begins as the number of a matter does, and would be taken for that matter's. Begin with what it is about,"
        " for example: Disclosure."
    }
    assert len(on.fake.rooms) == before


@pytest.mark.parametrize("key", [ESTATE_TALK, channel("Litigation")])
async def test_F3_V1_one_set_in_a_client_is_put_back_with_the_same_sentence(on: FirmOnFake, key: str) -> None:
    room = await on.room(key)
    called, told = room.state["m.room.name", ""]["name"], []
    for number in NUMBERS:
        on.fake.put_state(room.room_id, on.user(BEN), "m.room.name", "", {"name": f"{number} Sale"})
        await on.hear()
        assert room.state["m.room.name", ""]["name"] == called
        told += [one.body.replace(number, "N") for one in await on.said()]
    assert len(told) == len(NUMBERS)
    assert len(set(told)) == 1
    assert "begins as the number of a matter does" in told[0]


async def test_the_matters_own_number_and_one_further_back_are_free(on: FirmOnFake) -> None:
    for title in ("2026-0042 papers", "Costs as in 2026-0055"):
        assert "Started" in (await on.say(ANN, f'!matter start 2026-0042 "{title}"'))[-1].body
