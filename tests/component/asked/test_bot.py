"""The bot: whom it answers, where, and what comes of commands that come at once, twice, or from the wrong person."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from structlog.testing import capture_logs

from bridge.commands.all import COMMANDS
from bridge.commands.asking.table import Who
from bridge.firm.audit import Deed, Outcome
from bridge.firm.conversation import ADMINS_ID, bot_chat_id
from bridge.firm.model import MatterStatus
from bridge.mapping.event import event_of
from bridge.mapping.near import closest
from bridge.mapping.text import typed_text
from bridge.matrix.errors import UnreachableError
from bridge.store.queues.outbox import pending
from bridge.store.record.audit import newest
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE, ESTATE_TALK, EVE, MERGER, ROOMS, make_firm
from tests.component.firm_on_fake import FirmOnFake, channel, direct
from tests.fakes.faults import too_many_in_header


async def test_staff_are_answered_in_their_chat_in_reply_to_what_they_wrote(on: FirmOnFake) -> None:
    chat = await on.chat(CLEO)
    (answer,) = await on.say(CLEO, "!ping good morning")
    assert (answer.room_id, answer.sender, answer.body) == (chat, on.fake.bot_id, "pong good morning")
    assert answer.content["msgtype"] == "m.text"
    asked = on.fake.events(chat, "m.room.message")[-1]
    assert answer.content["m.relates_to"] == {"m.in_reply_to": {"event_id": asked["event_id"]}}


@pytest.mark.parametrize("text", ["ping", "! ping", " !PING", "!!ping"])
async def test_in_the_chat_the_exclamation_mark_is_no_matter(on: FirmOnFake, text: str) -> None:
    assert await on.ask(CLEO, text) == "pong"


async def test_a_leaver_a_stranger_and_the_bot_itself_are_not_answered(on: FirmOnFake) -> None:
    litigation = (await on.room(channel("Litigation"))).room_id
    stranger = on.fake.add_user("stranger")
    on.fake.invite(litigation, on.fake.bot_id, stranger)
    on.fake.join(litigation, stranger)
    on.events.clear()
    on.firm = make_firm(staff=(ANN, replace(BEN, former=True), CLEO, DAN))
    for sender in (on.user(BEN), stranger, on.fake.bot_id):
        on.fake.message(litigation, sender, "!ping")
    with capture_logs() as logs:
        await on.hear()
    assert await on.said() == []
    assert [(line["event"], line["sender"]) for line in logs] == [
        ("command_ignored", on.user(BEN)),
        ("command_ignored", stranger),
    ]


@pytest.mark.parametrize(
    "content",
    [
        {"msgtype": "m.notice"},
        {"msgtype": "m.emote"},
        {"m.relates_to": {"rel_type": "m.replace", "event_id": "$x"}, "m.new_content": {"body": "!ping"}},
    ],
)
async def test_notices_and_edits_are_not_answered(on: FirmOnFake, content: dict[str, Any]) -> None:
    assert await on.say(ANN, "!ping", **content) == []


async def test_rooms_that_are_not_the_firms_are_not_answered_in(on: FirmOnFake) -> None:
    theirs = on.fake.create_room(on.user(ANN), {"invite": [on.fake.bot_id]})
    assert await on.say(ANN, "!ping", theirs) == []


async def test_what_others_may_see_is_answered_where_it_was_typed_and_the_rest_in_the_chat(on: FirmOnFake) -> None:
    litigation, chat = (await on.room(channel("Litigation"))).room_id, await on.chat(ANN)
    for text, where in (
        ("!ping", litigation),
        ("!help", litigation),
        ("!xyzzy", chat),
        ("!wichtig: the hearing is moved", chat),
        ("!matter list", chat),
        ('!matter start 2026-0042 "Talk"', chat),
        ("!matter start 1999-0001 Talk", chat),
        ("!channel list", chat),
        ("!directory status", chat),
    ):
        answers = await on.say(ANN, text, litigation)
        assert [answer.room_id for answer in answers] == [where], text


async def test_a_command_in_a_direct_conversation_is_answered_in_the_chat_because_the_bot_is_not_there(
    on: FirmOnFake,
) -> None:
    await on.say(ANN, "!dm @ben")
    (answer,) = await on.say(BEN, "!ping", (await on.room(direct("a", "b"))).room_id)
    assert answer.room_id == await on.chat(BEN)


@pytest.mark.parametrize("text", ["!participants", "!ping", "!add @dan", "!remove @ann", "!matter show"])
async def test_D4_M3_who_is_in_a_room_by_a_trick_is_answered_as_in_their_chat(on: FirmOnFake, text: str) -> None:
    await on.say(ANN, "!dm @ben")
    asked_in_chat = await on.ask(DAN, text)
    for key in (direct("a", "b"), ESTATE_TALK, bot_chat_id("a")):
        room = await on.room(key)
        room.members[on.user(DAN)] = "join"
        (answer,) = await on.say(DAN, text, room.room_id)
        assert (answer.room_id, answer.body) == (await on.chat(DAN), asked_in_chat)


async def test_only_commands_from_memory_are_answered_at_once(on: FirmOnFake) -> None:
    chat = await on.chat(ANN)
    await on.say(ANN, "!ping")
    for command in COMMANDS:
        on.fake.message(chat, on.user(ANN), f"!{command.name}")
        found = on.router.at_once(on.events.pop())
        assert (found is not None) is (command.from_memory is not None), command.name
        assert found is None or found.message() is not None


@pytest.mark.parametrize("text", ["!ping", "!ping [x](y)", "!xyzzy", "!help"])
async def test_what_is_answered_at_once_is_what_would_be_answered_in_its_turn(on: FirmOnFake, text: str) -> None:
    chat = await on.chat(ANN)
    (answer,) = await on.say(ANN, text, chat)
    on.fake.message(chat, on.user(ANN), text)
    found = on.router.at_once(on.events.pop())
    assert found is not None
    said = found.message()
    assert said is not None
    assert (said.room_id, said.sender) == (answer.room_id, answer.sender)
    assert without_relation(said.content) == without_relation(answer.content)


def without_relation(content: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key != "m.relates_to"}


@pytest.mark.parametrize("key", [channel("Litigation"), ESTATE_TALK, direct("a", "b"), ADMINS_ID])
async def test_D4_M3_answered_at_once_is_only_where_being_there_decides_who_sees_it(on: FirmOnFake, key: str) -> None:
    await on.say(ANN, "!dm @ben")
    room_id = (await on.room(key)).room_id
    await on.say(ANN, "!ping", room_id)
    for user_id, expected in ((on.user(ANN), key == channel("Litigation")), ("@nobody:localhost", False)):
        on.fake.rooms[room_id].members.setdefault(user_id, "join")
        on.fake.message(room_id, user_id, "!ping")
        assert (on.router.at_once(on.events.pop()) is not None) is expected


async def test_F2_a_leaver_is_not_answered_at_once(on: FirmOnFake) -> None:
    litigation = (await on.room(channel("Litigation"))).room_id
    await on.say(ANN, "!ping", litigation)
    on.fake.message(litigation, on.user(BEN), "!ping")
    asked = on.events.pop()
    assert on.router.at_once(asked) is not None
    on.firm = make_firm(staff=tuple(replace(one, former=one.id == "b") for one in on.firm.staff.values()))
    assert on.router.at_once(asked) is None


@pytest.mark.parametrize("text", ["!matter start 2026-0055 Talk", "!matters 2026-0055", "!2026-0055", "!mat 2026-0055"])
async def test_M3_a_matters_number_is_never_said_in_a_room_with_others(on: FirmOnFake, text: str) -> None:
    litigation = (await on.room(channel("Litigation"))).room_id
    for person in (ANN, BEN):
        for answer in await on.say(person, text, litigation):
            assert answer.room_id == await on.chat(person) or "2026-0055" not in str(answer.content)


@pytest.mark.parametrize("text", ['!matter start 2026-0055 "Price"', "!matter start “2026-0055” Price @ann"])
async def test_M3_a_walled_matter_is_answered_like_one_that_is_not_there(on: FirmOnFake, text: str) -> None:
    (walled,) = await on.say(BEN, text)
    (missing,) = await on.say(BEN, text.replace("2026-0055", "1999-0001"))
    del walled.content["m.relates_to"], missing.content["m.relates_to"]
    assert str(walled).replace("2026-0055", "1999-0001") == str(missing)
    assert "Tidewell" not in await on.ask(BEN, "!matter list")
    assert "no matter" in (await on.ask(BEN, "!matter list tidewell")).lower()
    assert len(on.live_rooms()) == ROOMS


async def test_a_closed_matter_gets_no_new_conversation(on: FirmOnFake) -> None:
    on.firm = make_firm(matters=(replace(ESTATE, status=MatterStatus.CLOSED), MERGER))
    assert "is closed" in await on.ask(ANN, '!matter start 2026-0042 "Talk"')
    assert len(on.live_rooms()) == ROOMS


async def test_V5_the_first_message_is_the_senders_and_sent_once_even_when_handled_twice(on: FirmOnFake) -> None:
    event = on.fake.message(await on.chat(ANN), on.user(ANN), "!dm @ben  Lunch  at one?")
    await on.hear()
    rows = await on.store.run(lambda unit: [message.txn_id for message in pending(unit, 0, 100)])
    # As after a crash between handling an event and noting that it was.
    await on.handle(event)
    assert await on.store.run(lambda unit: [message.txn_id for message in pending(unit, 0, 100)]) == rows
    first, answer = await on.said()
    assert (first.sender, first.body) == (on.user(ANN), "Lunch  at one?")
    assert first.content == {"msgtype": "m.text", "body": "Lunch  at one?", "m.mentions": {}}
    assert first.room_id == (await on.room(direct("a", "b"))).room_id
    assert answer.body.startswith("Here is your direct conversation with Ben Booth")


@pytest.mark.parametrize("text", ["!dm @ben", "!channel create Tides @ben", '!matter start 2026-0042 "Tides" @ben'])
async def test_a_command_handled_again_gives_the_same_room_and_the_same_answer(on: FirmOnFake, text: str) -> None:
    event = on.fake.message(await on.chat(ANN), on.user(ANN), text)
    for method, path in (("POST", "/join/"), ("GET", "/whoami$")):
        on.fake.script(method, path, too_many_in_header(3600))
    with pytest.raises(UnreachableError):
        await on.hear()
    assert await on.said() == []
    await on.handle(event)
    (answer,) = await on.said()
    assert answer.body.startswith(("Here is", "Made", "Started"))
    await on.handle(event)
    assert await on.said() == []
    assert len(on.live_rooms()) == ROOMS + 1
    await on.settled()


async def test_D1_a_hundred_ask_for_the_same_conversation_at_once(on: FirmOnFake) -> None:
    people = ((ANN, "!dm @ben @cleo"), (BEN, "!dm @cleo and @ann"), (CLEO, "!dm Ann Archer, Ben Booth"))
    for number in range(100):
        person, text = people[number % 3]
        on.fake.message(await on.chat(person), on.user(person), text)
    events = [on.events.popleft() for _ in range(100)]
    await asyncio.gather(*map(on.handle, events))
    answers = await on.said()
    room = await on.room(direct("a", "b", "c"))
    assert len(answers) == 100
    assert all(answer.body.startswith("Here is") and room.room_id in answer.body for answer in answers)
    assert room.joined == sorted(on.users(ANN, BEN, CLEO))
    assert len(on.live_rooms()) == ROOMS + 1
    await on.settled()


async def test_C1_a_hundred_make_a_channel_of_one_name_at_once(on: FirmOnFake) -> None:
    names = ("Tide Tables", "tide tables", "Tide-Tables", "  TIDE   tables ")
    for number in range(100):
        person = (ANN, BEN, CLEO, DAN)[number % 4]
        on.fake.message(await on.chat(person), on.user(person), f"!channel create {names[number % 4]}")
    events = [on.events.popleft() for _ in range(100)]
    await asyncio.gather(*map(on.handle, events))
    answers = [answer.body for answer in await on.said()]
    made = [answer for answer in answers if answer.startswith("Made the channel")]
    taken = [answer for answer in answers if answer.startswith("There is a channel called")]
    assert (len(made), len(taken)) == (1, 99)
    assert len(await on.people(channel("Tide Tables"))) == 1
    assert len(on.live_rooms()) == ROOMS + 1
    await on.settled()


ROLES = ["Owner", "owner", "Practice Manager", "IT", "Partner", "Associate", "Paralegal", "Owners", "", "Firm Admin"]
ADMIN_ROLES = {"Owner", "owner", "Practice Manager", "IT"}


@pytest.mark.parametrize("role", ROLES)
async def test_admin_commands_are_for_firm_admins_and_no_others(on: FirmOnFake, role: str) -> None:
    on.firm = make_firm(staff=(ANN, BEN, replace(CLEO, role=role), DAN, EVE))
    for command in COMMANDS:
        with capture_logs() as logs:
            answer = await on.ask(CLEO, f"!{command.name}")
        refused = "is for firm admins" in answer
        assert refused is (command.who is Who.FIRM_ADMIN and role not in ADMIN_ROLES), command.name
        assert ("command_refused" in [line["event"] for line in logs]) is refused
        assert ("There is no command" in await on.ask(CLEO, f"!help {command.name}")) is refused


async def test_O1_every_use_of_an_admin_command_is_in_the_audit_log_refused_ones_too(on: FirmOnFake) -> None:
    for person in (DAN, CLEO):
        await on.say(person, "!directory status")
    await on.say(CLEO, "!ping")
    noted = await on.store.run(newest, 10, deed=Deed.COMMAND)
    assert [(one.entry.actor, one.entry.subject, one.entry.outcome) for one in noted] == [
        ("c", "directory status", Outcome.REFUSED),
        ("d", "directory status", Outcome.DONE),
    ]
    assert noted[0].entry.reason == "F1"


async def test_admin_commands_reach_the_directory(on: FirmOnFake) -> None:
    assert (await on.ask(DAN, "!directory status")).startswith("The directory has ")
    assert "The change by-d of the directory is being applied" in await on.ask(DAN, "!directory confirm abc")


async def test_what_could_not_be_done_is_said_and_keeps_its_name(on: FirmOnFake) -> None:
    on.fake.create_room(on.fake.add_user("mallory"), {"room_alias_name": "tides"})
    assert "did not work out completely" in await on.ask(ANN, "!channel create Tides")
    del on.fake.aliases["#tides:localhost"]
    assert "already" in await on.ask(BEN, "!channel create Tides")
    await on.sync()
    assert await on.people(channel("Tides")) == on.users(ANN)


async def test_an_answer_stays_in_the_thread_of_what_it_answers(on: FirmOnFake) -> None:
    litigation = (await on.room(channel("Litigation"))).room_id
    thread = {"rel_type": "m.thread", "event_id": "$root", "is_falling_back": True, "m.in_reply_to": {"event_id": "$y"}}
    (answer,) = await on.say(ANN, "!ping", litigation, **{"m.relates_to": thread})
    asked = on.fake.events(litigation, "m.room.message")[-1]["event_id"]
    assert answer.content["m.relates_to"] == {
        "rel_type": "m.thread",
        "event_id": "$root",
        "is_falling_back": False,
        "m.in_reply_to": {"event_id": asked},
    }
    # What is answered in the chat has no thread there.
    (answer,) = await on.say(ANN, "!channel list", litigation, **{"m.relates_to": thread})
    assert (answer.room_id, answer.content.get("m.relates_to")) == (await on.chat(ANN), None)


async def test_the_bot_called_by_its_name_answers_as_to_a_command(on: FirmOnFake) -> None:
    litigation = (await on.room(channel("Litigation"))).room_id
    pill = f'<a href="https://matrix.to/#/{on.fake.bot_id}">Firm Bot</a>'
    html = {"format": "org.matrix.custom.html", "formatted_body": f"{pill}: ping"}
    assert await on.ask(ANN, "Firm Bot: ping", litigation, **html) == "pong"
    assert await on.ask(ANN, "@bot ping", litigation) == "pong"
    assert await on.say(ANN, "I like Firm Bot", litigation, **{"m.mentions": {"user_ids": [on.fake.bot_id]}}) == []


async def test_a_command_that_is_edited_does_not_run_again(on: FirmOnFake) -> None:
    litigation = (await on.room(channel("Litigation"))).room_id
    for room_id in (litigation, await on.chat(ANN)):
        await on.say(ANN, "!chanel create Tides", room_id)
        edit = {
            "m.relates_to": {"rel_type": "m.replace", "event_id": on.fake.events(room_id)[-1]["event_id"]},
            "m.new_content": {"msgtype": "m.text", "body": "!channel create Tides"},
        }
        assert await on.say(ANN, "* !channel create Tides", room_id, **edit) == []
    assert len(on.live_rooms()) == ROOMS


async def test_what_is_not_for_the_bot_is_never_kept(on: FirmOnFake) -> None:
    litigation = (await on.room(channel("Litigation"))).room_id
    for body in ("! important", "!!", "> !ping\n\nthanks", "Firm Bot is down"):
        event = on.fake.message(litigation, on.user(ANN), body)
        assert on.router.kept(event_of(event), event) is None, body


async def test_an_event_whose_look_fails_is_handled_where_failures_count(on: FirmOnFake) -> None:
    chat = await on.chat(ANN)
    event = on.fake.message(chat, on.user(ANN), "!ping")
    with patch("bridge.handlers.commands.heard", side_effect=RecursionError), capture_logs() as logs:
        assert on.router.kept(event_of(event), event) == event
    assert [line["event"] for line in logs] == ["not_looked_at"]
    assert "!ping" not in str(logs)


async def test_a_message_is_read_once_from_its_coming_to_its_answer(on: FirmOnFake) -> None:
    chat = await on.chat(ANN)
    await on.say(ANN, "!ping")
    for text in ("!ping", "!channel list"):
        event = on.fake.message(chat, on.user(ANN), text)
        on.events.clear()
        with patch("bridge.mapping.addressing.typed_text", wraps=typed_text) as looked:
            assert on.router.kept(event_of(event), event) == event
            on.router.at_once(event)
            await on.router.handle(event)
        assert looked.call_count == 1
        # After a restart it is read again.
        assert await on.router.handle(event) is not None


async def test_what_is_no_help_is_not_said_in_front_of_everybody(on: FirmOnFake) -> None:
    litigation = (await on.room(channel("Litigation"))).room_id
    for text in ("!xyzzy", "!Achtung: moved", "!chanel list", "!ping " + "x" * 5000):
        (answer,) = await on.say(ANN, text, litigation)
        assert answer.room_id == await on.chat(ANN), text


async def test_C1_six_hundred_names_get_one_answer_that_fits(on: FirmOnFake) -> None:
    litigation = (await on.room(channel("Litigation"))).room_id
    names = ",".join(f"n{one}" for one in range(600))
    (answer,) = await on.say(ANN, f"!add {names}", litigation)
    assert len(orjson.dumps(answer.content)) < 50_000
    assert "n599" in answer.body or "more lines" in answer.body
    assert "I know nobody called n0" in answer.body


@pytest.mark.parametrize("name", ["x", "xy", "é", "@x", "x@y.z"])
async def test_the_same_name_again_and_again_is_looked_for_once(on: FirmOnFake, name: str) -> None:
    litigation = (await on.room(channel("Litigation"))).room_id
    with patch("bridge.commands.asking.people.closest", wraps=closest) as looked:
        answer = await on.ask(ANN, "!add " + f"{name}," * (3800 // (len(name) + 1)), litigation)
    assert looked.call_count <= 1
    assert answer.count("I know nobody") == 1


async def test_of_many_unknown_names_few_are_compared_with_everybodys(on: FirmOnFake) -> None:
    litigation = (await on.room(channel("Litigation"))).room_id
    with patch(
        "bridge.commands.asking.people.closest", wraps=lambda word, known, near=0.6: closest(word, known, near)
    ) as looked:
        await on.say(ANN, "!add " + ",".join(f"q{one}" for one in range(500)), litigation)
    assert sum(bool(call.args[1]) for call in looked.call_args_list) <= 3
