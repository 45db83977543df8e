"""Thanks, greetings and sentences are answered as what they are, and slips of the finger still find their command."""

from __future__ import annotations

import pytest

from tests.cast import ANN, BEN, DAN, ESTATE_TALK
from tests.component.firm_on_fake import FirmOnFake


@pytest.mark.parametrize(
    "text", ["thanks", "Thank you!", "OK thanks", "many thanks.", "!thanks", "Thanks, that helped"]
)
async def test_thanks_is_no_unknown_command(on: FirmOnFake, text: str) -> None:
    assert await on.ask(ANN, text) == "You are welcome."


@pytest.mark.parametrize("text", ["ok", "Great!", "👍"])
async def test_nor_is_a_word_that_says_all_is_well(on: FirmOnFake, text: str) -> None:
    assert await on.ask(ANN, text) == "Good."


@pytest.mark.parametrize(
    "text", ["where do I find the lease", "please put cleo into Disclosure", "2026-0055 and its costs"]
)
async def test_a_sentence_gets_three_things_to_try(on: FirmOnFake, text: str) -> None:
    """M3: nothing of it is repeated, and no matter is named."""
    answer = await on.ask(ANN, text)
    assert answer.startswith("I only know commands, and found none in that.")
    assert len([line for line in answer.splitlines() if line.startswith("- ")]) == 3
    assert text not in answer


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("start a chat with cleo", "“!dm @cleo Hello” writes to Cleo Crane"),
        ("start a chat about Hollis", "“!dm @ben Hello” writes to Ben Booth"),
        ("please send Cleo a message", "“!dm @cleo Hello” writes to Cleo Crane"),
        ("where do I find the lease", "!files: "),
        ("how do I invite somebody", "!add @ben: "),
        ("show me what is pinned", "!pinned: "),
        ("no idea at all", "“!dm @ben Hello” writes to Ben Booth"),
    ],
)
async def test_what_a_sentence_asks_for_is_tried_first(on: FirmOnFake, text: str, first: str) -> None:
    answer = await on.ask(ANN, text)
    assert next(line for line in answer.splitlines() if line.startswith("- ")).startswith(f"- {first}")


async def test_an_example_names_nobody_twice(on: FirmOnFake) -> None:
    examples = [line for line in (await on.ask(ANN, "start a chat with ben")).splitlines() if "matter start" in line]
    assert [line.count("@ben") for line in examples] == [1]


async def test_only_what_somebody_may_use_is_tried(on: FirmOnFake) -> None:
    assert "wall add" in await on.ask(DAN, "put up a wall between us")
    assert "wall" not in await on.ask(BEN, "put up a wall between us")


async def test_M3_a_number_alone_is_told_of_to_whoever_may_see_the_matter(on: FirmOnFake) -> None:
    assert await on.ask(ANN, "2026-0055") == "“!matter show 2026-0055” shows that matter."
    hidden, missing = await on.ask(BEN, "2026-0055"), await on.ask(BEN, "2026-0099")
    assert hidden.replace("0055", "0099") == missing


async def test_what_is_tried_works(on: FirmOnFake) -> None:
    answer, *_ = await on.say(ANN, "hello")
    assert answer.body.startswith("Hello Ann. Some things to try:")
    assert "unknown" not in (await on.say(ANN, "!dm @ben Hello"))[-1].body
    assert "2026-0042" in await on.ask(ANN, "!matters")


@pytest.mark.parametrize("text", ["!chanel crate Tide Tables", "!mater 2026-0042", "!xyzzy"])
async def test_slips_of_the_finger_still_find_their_command(on: FirmOnFake, text: str) -> None:
    assert "Some things to try" not in await on.ask(ANN, text)


async def test_it_is_not_said_in_front_of_everybody(on: FirmOnFake) -> None:
    (answer,) = await on.say(ANN, "!please help us here", (await on.room(ESTATE_TALK)).room_id)
    assert answer.room_id == await on.chat(ANN)
