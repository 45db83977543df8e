"""That answers are seen: a reaction where a command was typed, and a message that counts where it is answered."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bridge.firm.conversation import ADMINS_ID, bot_chat_id
from bridge.handlers.router import Router
from tests.cast import ANN, BEN, CLEO, ESTATE_TALK
from tests.component.firm_on_fake import FirmOnFake, channel, direct


async def _typed_in(on: FirmOnFake, key: str) -> str:
    return (await on.room(key)).room_id


@pytest.mark.parametrize("key", [channel("Litigation"), ESTATE_TALK, ADMINS_ID])
async def test_what_is_answered_in_the_chat_gets_a_reaction_where_it_was_typed(on: FirmOnFake, key: str) -> None:
    room_id = await _typed_in(on, key)
    (answer,) = await on.say(ANN, "!matters", room_id)
    asked = on.fake.events(room_id, "m.room.message")[-1]["event_id"]
    assert answer.room_id == await on.chat(ANN)
    assert on.reactions == [(room_id, on.fake.bot_id, asked)]


async def test_what_is_answered_where_it_was_typed_gets_none(on: FirmOnFake) -> None:
    room_id = await _typed_in(on, channel("Litigation"))
    (answer,) = await on.say(ANN, "!help", room_id)
    assert (answer.room_id, answer.content["msgtype"]) == (room_id, "m.notice")
    await on.say(ANN, "!matters")
    assert on.reactions == []


@pytest.mark.parametrize("text", ["!matter show 2026-0055", "!matter show 1999-0001", "!audit", "!xyzzy", "!dm"])
async def test_M3_the_reaction_does_not_tell_what_the_answer_is(on: FirmOnFake, text: str) -> None:
    """Whoever may not hear of a matter may be in the same channel."""
    room_id = await _typed_in(on, channel("Litigation"))
    for person in (ANN, BEN):
        await on.say(person, text, room_id)
    asked = [event["event_id"] for event in on.fake.events(room_id, "m.room.message")]
    assert on.reactions == [(room_id, on.fake.bot_id, event_id) for event_id in asked]


async def test_D3_no_reaction_where_the_bot_is_not_and_the_answer_counts(on: FirmOnFake) -> None:
    await on.say(ANN, "!dm @ben")
    (answer,) = await on.say(ANN, "!participants", await _typed_in(on, direct("a", "b")))
    assert (answer.room_id, answer.content["msgtype"]) == (await on.chat(ANN), "m.text")
    assert on.reactions == []


@pytest.mark.parametrize("key", [direct("a", "b"), ESTATE_TALK, bot_chat_id("a"), ADMINS_ID])
async def test_D4_M3_no_reaction_for_whom_is_in_a_room_by_a_trick(on: FirmOnFake, key: str) -> None:
    await on.say(ANN, "!dm @ben")
    room = await on.room(key)
    room.members[on.user(CLEO)] = "join"
    await on.say(CLEO, "!matters", room.room_id)
    assert on.reactions == []


async def test_M3_nothing_is_shown_in_a_room_that_its_conversation_left(on: FirmOnFake) -> None:
    """What was typed there a moment before is answered in the chat: who was put out of it may get no more to see."""
    room_id = await _typed_in(on, ESTATE_TALK)
    typed = [on.fake.message(room_id, on.user(ANN), text) for text in ("!help", "!matters")]
    on.events.clear()
    await on.say(ANN, "!wall add 2026-0042 @ben A cousin.")
    assert await _typed_in(on, ESTATE_TALK) != room_id
    for event in typed:
        await on.handle(event)
    assert {answer.room_id for answer in await on.said()} == {await on.chat(ANN)}
    assert on.reactions == []


@pytest.mark.parametrize("text", ["!matters", "!dm @ben Lunch?", "!matter show 1999-0001", "!ping", "!audit"])
async def test_answers_to_a_person_count_as_unread(on: FirmOnFake, text: str) -> None:
    answers = await on.say(CLEO, text)
    assert {one.content["msgtype"] for one in answers} == {"m.text"}


@pytest.mark.parametrize("text", ["thanks", "hello", "I am out of the office until Monday.", "xyzzy"])
async def test_what_finds_no_command_counts_for_nobody_so_that_no_program_answers_it(on: FirmOnFake, text: str) -> None:
    """A program that answers messages in somebody's name, and the bot, must not go on for ever."""
    (answer,) = await on.say(CLEO, text)
    assert answer.content["msgtype"] == "m.notice"


async def test_a_command_handled_again_gets_one_reaction(on: FirmOnFake) -> None:
    room_id = await _typed_in(on, channel("Litigation"))
    on.fake.message(room_id, on.user(ANN), "!matters")
    event = on.events[-1]
    await on.handle(event)
    await on.handle(event)
    assert len(await on.said()) == 1
    assert len(on.reactions) == 1


async def test_dates_are_written_as_the_firm_writes_them(on: FirmOnFake) -> None:
    """In every answer, and what is shown can be typed."""
    firm = on.settings.firm.model_copy(update={"date_format": "31.12.2026", "timezone": "UTC"})
    on.desk = replace(on.desk, settings=on.settings.model_copy(update={"firm": firm}))
    on.router = Router(on.desk, on.places, on.at_work)
    room_id = await _typed_in(on, channel("Litigation"))
    await on.say(ANN, "!wall add 2026-0042 @dan until:2031-04-09 A cousin.")
    shown = [
        await on.ask(ANN, text, room_id)
        for text in ("!participants", "!audit", "!wall list", "!wall report 2026-0042", "!why @dan 2026-0042")
    ]
    assert "09.04.2031" in shown[2]
    today = re.findall(r"\d\d\.\d\d\.\d{4}", shown[1])[0]
    assert today in shown[0]
    # The log keeps a wall's terms as they were set.
    del shown[1]
    assert [text for text in shown if re.search(r"(?<!\d)\d{4}-\d\d-\d\d", text)] == []
    assert "!wall add" in await on.ask(ANN, f"!audit since:{today} deed:command")
