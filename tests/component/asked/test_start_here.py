"""Starting a conversation as people type it: in a matter's conversation without its number, and names without an @."""

from __future__ import annotations

import re

import pytest

from bridge.firm.model import Staff
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE_TALK, MERGER_TALK
from tests.component.firm_on_fake import FirmOnFake, channel


async def _there(on: FirmOnFake) -> str:
    return (await on.room(ESTATE_TALK)).room_id


async def _started(on: FirmOnFake, person: Staff, text: str, room_id: str = "") -> str:
    """The answer without the address of the room."""
    return re.sub(r" \(https\S+\)", "", await on.ask(person, text, room_id))


@pytest.mark.parametrize(
    "text",
    [
        '!start "Disclosure" cleo and dan',
        "!start Disclosure @cleo @dan",
        "!start “Disclosure” Cleo Crane, Dan Dell",
        '!matter start 2026-0042 "Disclosure" @cleo and dan',
    ],
)
async def test_a_matters_conversation_knows_its_matter(on: FirmOnFake, text: str) -> None:
    """M1: what is started in a matter's conversation is about that matter."""
    answer = await _started(on, ANN, text, await _there(on))
    assert answer.startswith("Started Disclosure · 2026-0042 Estate of Orla Quill with Cleo Crane and Dan Dell.")


async def test_of_two_matters_the_one_that_is_named_counts(on: FirmOnFake) -> None:
    answer = await _started(on, ANN, "!start 2026-0055 Terms", await _there(on))
    assert answer.startswith("Started Terms · 2026-0055 Sale of Tidewell Brewing.")


@pytest.mark.parametrize("number", ["2026-0055", "1999-0001"])
async def test_a_number_that_is_none_of_theirs_is_no_title(on: FirmOnFake, number: str) -> None:
    """M3: a matter behind a wall is answered like one that is not there, and nothing is started."""
    answer = await on.ask(BEN, f"!start {number} Terms", await _there(on))
    assert answer.startswith(f"There is no matter {number} that you can see.")
    assert "Started" in await on.ask(BEN, '!start "3rd expert"', await _there(on))


async def test_whoever_is_not_in_the_conversation_is_not_told_its_matter(on: FirmOnFake) -> None:
    """M3: typing in a room that one is no participant of starts nothing there."""
    event = {
        "type": "m.room.message",
        "event_id": "$typed",
        "room_id": (await on.room(MERGER_TALK)).room_id,
        "sender": on.user(BEN),
        "origin_server_ts": 1,
        "content": {"msgtype": "m.text", "body": "!start Disclosure"},
    }
    await on.handle(event)
    (answer,) = await on.said()
    assert answer.room_id == await on.chat(BEN)
    assert answer.body == "There is no matter Disclosure that you can see. “!matter list” shows those you can."


@pytest.mark.parametrize(
    ("title", "names", "shown"),
    [
        ("Disclosure cleo and dan", '"Disclosure" cleo and dan', "cleo and dan"),
        ("Disclosure, Cleo Crane", '"Disclosure" Cleo Crane', "Cleo Crane"),
        ("Disclosure with cleo & nobody", '"Disclosure" cleo & nobody', "cleo & nobody"),
        ("Expert evidence: ben, and cleo", '"Expert evidence" ben, and cleo', "ben, and cleo"),
        ("Disclosure cleo @dan", '"Disclosure" cleo @dan', "cleo @dan"),
        ("Crane", '"Title" Crane', "Crane"),
    ],
)
async def test_names_behind_a_title_without_quotation_marks_are_asked_about(
    on: FirmOnFake, title: str, names: str, shown: str
) -> None:
    """M1: nobody who was named is lost in a title."""
    for room_id, number in ((await _there(on), ""), (await on.chat(ANN), "2026-0042 ")):
        answer = await on.ask(ANN, f"!matter start {number}{title}", room_id)
        assert answer.startswith(f"Do you mean people by “{shown}”, or is it part of the title?")
        assert f"!matter start {number}{names}" in answer
    assert "Started" in await on.ask(ANN, f'!matter start 2026-0042 "{title}"')


@pytest.mark.parametrize(
    "title", ["Ben period", "Disclosure", "Sand and gravel", "Benefits", "Statement of the Craneses"]
)
async def test_other_titles_need_no_quotation_marks(on: FirmOnFake, title: str) -> None:
    assert f"Started {title} ·" in await _started(on, ANN, f"!start {title}", await _there(on))


async def test_names_behind_a_channels_name_are_asked_about_too(on: FirmOnFake) -> None:
    """C1: the same for what else has a name and people behind it."""
    answer = await on.ask(ANN, "!channel create Tide Tables ben and cleo")
    assert "or is it part of the name?" in answer
    assert '!channel create "Tide Tables" ben and cleo' in answer
    there = (await on.room(channel("Litigation"))).room_id
    assert "Cleo Crane" in await on.ask_to_add(ANN, "!channel add cleo", there)
    assert on.user(CLEO) in await on.people(channel("Litigation"))


async def test_examples_name_colleagues_and_no_matter(on: FirmOnFake) -> None:
    """What an example says can be typed as it stands. Numbers stay made up, since others read along (M3)."""
    help_text = await on.ask(ANN, "!help dm")
    assert "!dm @ben @cleo Lunch at one?" in help_text
    assert "!dm Ben Booth and Cleo Crane: lunch at one?" in help_text
    assert "!dm @dan" in await on.ask(CLEO, "!dm")
    assert "Here is your direct conversation" in await on.ask(DAN, "!dm @ann @ben")
