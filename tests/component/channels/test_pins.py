"""Pinned messages, by command and from any client, kept true by the bridge (V2)."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.settings import FirmSettings, PinSettings
from bridge.store.rooms.pins import pins_of
from tests.component.small_firm import DIRECTORY, Json, SmallFirm, channel, direct, small_firm, write_directory
from tests.fakes.faults import refusal
from tests.fakes.room import Denied

PINNED = "m.room.pinned_events"


@pytest.fixture
async def firm(tmp_path: Path, database_url: str) -> AsyncIterator[SmallFirm]:
    async with small_firm(tmp_path, database_url) as made:
        clock = itertools.count(1_800_000_000_000)
        made.fake.listeners.insert(0, lambda event: event.update(origin_server_ts=next(clock)))
        yield made


def set_pins(firm: SmallFirm, who: str, room: str, *pins: str) -> None:
    """What a client does."""
    firm.fake.put_state(room, firm.user(who), PINNED, "", {"pinned": list(pins)})


def pins(firm: SmallFirm, room: str) -> list[str]:
    """What clients show."""
    shown: list[str] = firm.fake.rooms[room].state[PINNED, ""]["pinned"]
    return shown


def say(firm: SmallFirm, who: str, room: str, text: str, **content: Json) -> str:
    return str(firm.fake.message(room, firm.user(who), text, **content)["event_id"])


def reply_to(event_id: str) -> Json:
    return {"m.relates_to": {"m.in_reply_to": {"event_id": event_id}}}


async def in_room(firm: SmallFirm, who: str, text: str, room: str, replied_to: str = "") -> str:
    """Type a command there; what the bot answers, wherever it does."""
    before = len(firm.said)
    firm.fake.message(room, firm.user(who), text, **(reply_to(replied_to) if replied_to else {}))
    await firm.settle()
    return "\n".join(body for _, sender, body in firm.said[before:] if "bot" in sender)


@pytest.mark.parametrize("kind", [channel, direct])
async def test_V2_pinned_and_unpinned_by_command_as_a_reply_by_link_and_by_number(firm: SmallFirm, kind) -> None:  # type: ignore[no-untyped-def]
    room = await kind(firm)
    first, second = say(firm, "tom", room, "Hearing on Monday"), say(firm, "ruth", room, "Bundle is ready")
    assert "Pinned" in await in_room(firm, "ruth", "!pin", room, first)
    assert "pinned already" in await in_room(firm, "tom", "!pin", room, first)
    link = f"https://matrix.to/#/{room}/{second}?via=localhost"
    assert "Pinned" in await in_room(firm, "tom", f"!pin {link}", room)
    assert pins(firm, room) == [first, second]
    # As the person, so that other clients show who it was; the bot comes into no direct conversation for it.
    assert firm.fake.rooms[room].state_events[PINNED, ""]["sender"] == firm.user("tom")
    shown = await in_room(firm, "ruth", "!pinned", room)
    assert "2 pinned messages in " in shown
    newest, oldest = [line for line in shown.splitlines() if line[1:2] == "."]
    assert newest.startswith("1. Ruth Adeyemi: Bundle is ready") and "pinned by Tom Price on " in newest
    assert oldest.startswith("2. Tom Price: Hearing on Monday") and "pinned by Ruth Adeyemi on " in oldest
    assert "Hearing" not in await in_room(firm, "ruth", "!pinned bundle", room)
    assert "No pinned message fits" in await in_room(firm, "ruth", "!pinned tide", room)
    assert "Unpinned" in await in_room(firm, "ines" if kind is channel else "ruth", "!unpin 2", room)
    assert pins(firm, room) == [second]
    assert "no pinned message with that number" in await in_room(firm, "ruth", "!unpin 7", room)
    assert "not pinned" in await in_room(firm, "ruth", "!unpin", room, first)


async def test_V2_the_list_shows_and_searches_what_a_message_says_now(firm: SmallFirm) -> None:
    room = await channel(firm)
    first = say(firm, "tom", room, "Hearing on Monday")
    edit = {"msgtype": "m.text", "body": "Hearing on Tuesday, " + "and more " * 20 + "in Café Łódź"}
    replaces = {"m.relates_to": {"rel_type": "m.replace", "event_id": first}, "m.new_content": edit}
    changed = say(firm, "tom", room, f"* {edit['body']}", **replaces)
    # What somebody else sends as an edit changes nothing.
    say(firm, "ruth", room, "* Cancelled", **{**replaces, "m.new_content": {"msgtype": "m.text", "body": "Cancelled"}})
    asked = {"question": {"m.text": [{"body": "Which judge?"}]}, "answers": [{"m.id": "a", "m.text": [{"body": "A"}]}]}
    poll = str(firm.fake.send(room, firm.user("ruth"), "m.poll.start", {"m.poll": asked, "m.text": [{"body": "x"}]}))
    answer = say(firm, "ruth", room, "> <@tom:localhost> Hearing on Monday\n\nNoted", **reply_to(first))
    set_pins(firm, "tom", room, first, poll, answer)
    await firm.settle()
    shown = await in_room(firm, "tom", "!pinned", room)
    assert "Hearing on Tuesday" in shown and "Which judge?" in shown and ": Noted" in shown
    assert not any(wrong in shown for wrong in ("Monday", "Cancelled", "(no text)"))
    assert "Hearing on Tuesday" in await in_room(firm, "tom", "!pinned cafe", room), "behind what the list shows"
    assert "Which judge?" in await in_room(firm, "tom", "!pinned JUDGE", room)
    assert "Hearing on Tuesday" in await in_room(firm, "tom", "!pinned lodz tuesday", room), "by every spelling"
    assert "No pinned message fits" in await in_room(firm, "tom", "!pinned monday", room)
    firm.fake.redact(room, firm.user("tom"), changed)
    await firm.settle()
    assert "Hearing on Monday" in await in_room(firm, "tom", "!pinned", room)


async def test_V2_a_message_of_another_room_or_none_is_not_pinned(firm: SmallFirm) -> None:
    room, other = await channel(firm), await direct(firm)
    secret = say(firm, "ruth", other, "Between us")
    assert "cannot find that message" in await in_room(firm, "ines", "!pin", room, secret)
    assert "cannot find that message" in await in_room(firm, "ines", "!pin $nothing", room)
    # Natively: put right, and told why.
    before = len(firm.said)
    set_pins(firm, "ines", room, secret, "$nothing")
    await firm.settle()
    assert pins(firm, room) == []
    assert any("I put the pinned messages right" in body for _, _, body in firm.said[before:])


@pytest.mark.parametrize("kind", [channel, direct])
async def test_V2_two_people_pin_at_once_and_both_pins_stay(firm: SmallFirm, kind) -> None:  # type: ignore[no-untyped-def]
    room = await kind(firm)
    a, b, c = (say(firm, "ruth", room, text) for text in ("A", "B", "C"))
    set_pins(firm, "ruth", room, a)
    await firm.settle()
    # Both clients show only A.
    set_pins(firm, "ruth", room, a, b)
    set_pins(firm, "tom", room, a, c)
    await firm.settle()
    assert pins(firm, room) == [a, b, c]
    place = await firm.bridge.places.place(room)
    assert place is not None
    stored = await firm.service.store.run(pins_of, place.key)
    assert [(pin.event_id, pin.staff_id) for pin in stored] == [(a, "ruth"), (b, "ruth"), (c, "tom")]
    assert firm.members(room) >= {"ruth", "tom"}
    if kind is direct:
        assert set(firm.fake.rooms[room].joined) == {firm.user("ruth"), firm.user("tom")}


@pytest.mark.parametrize("content", [{"pinned": "x"}, {"pinned": [1]}, {}, {"pinned": {"a": 1}}])
async def test_V2_what_is_no_list_is_put_back_to_the_last_good_one(firm: SmallFirm, content: Json) -> None:
    room = await channel(firm)
    first = say(firm, "ruth", room, "A")
    set_pins(firm, "ruth", room, first)
    await firm.settle()
    firm.fake.put_state(room, firm.user("tom"), PINNED, "", content)
    await firm.settle()
    assert pins(firm, room) == [first]


async def test_V2_at_most_so_many_are_pinned(firm: SmallFirm, monkeypatch: pytest.MonkeyPatch) -> None:
    for where in ("handlers.pins", "operations.conversations.pins"):
        monkeypatch.setattr(f"bridge.{where}.MOST_PINNED", 2)
    room = await channel(firm)
    a, b, c = (say(firm, "ruth", room, text) for text in "ABC")
    set_pins(firm, "ruth", room, a, b, b)
    await firm.settle()
    assert pins(firm, room) == [a, b]
    assert "that is the most" in await in_room(firm, "tom", "!pin", room, c)
    before = len(firm.said)
    set_pins(firm, "tom", room, a, b, c)
    await firm.settle()
    assert pins(firm, room) == [a, b]
    assert any("At most 2 messages" in body for _, _, body in firm.said[before:])


@pytest.mark.parametrize("kind", [channel, direct])
async def test_V2_a_deleted_message_is_unpinned(firm: SmallFirm, kind) -> None:  # type: ignore[no-untyped-def]
    room = await kind(firm)
    a, b = say(firm, "ruth", room, "A"), say(firm, "ruth", room, "B")
    set_pins(firm, "tom", room, a, b)
    await firm.settle()
    firm.fake.redact(room, firm.user("ruth"), a)
    await firm.settle()
    assert pins(firm, room) == [b]
    assert "1 pinned message" in await in_room(firm, "tom", "!pinned", room)
    # A client that still shows it pins another one: the deleted one does not come back.
    c = say(firm, "ruth", room, "C")
    set_pins(firm, "tom", room, a, b, c)
    await firm.settle()
    assert pins(firm, room) == [b, c]


async def test_V2_handled_again_after_a_crash_it_is_the_same(firm: SmallFirm) -> None:
    room = await channel(firm)
    a, b = say(firm, "ruth", room, "A"), say(firm, "ruth", room, "B")
    set_pins(firm, "ruth", room, a)
    set_pins(firm, "tom", room, b)
    first, second = [event for event in firm.new if event["type"] == PINNED]
    await firm.handle(first)
    # The room is right, and the bridge ends before it has noted that.
    assert await firm.bridge.router.handle(second) is not None
    assert pins(firm, room) == [a, b]
    await firm.handle(second)
    assert pins(firm, room) == [a, b]
    # Long after, a firm admin lets the first one be handled once more.
    await firm.handle(first)
    assert pins(firm, room) == [a, b]
    await firm.settle()
    assert pins(firm, room) == [a, b]


async def test_V2_only_firm_admins_pin_where_the_firm_wants_that(firm: SmallFirm) -> None:
    await firm.restart(pins=PinSettings(who="firm_admins"))
    await firm.let_all_be_admins()
    room = await channel(firm)
    first = say(firm, "tom", room, "Hearing on Monday")
    await firm.restart(firm=FirmSettings(name="Firm", admin_roles=("Owner",)))
    await firm.service.sync()
    assert "the firm admins pin" in await in_room(firm, "tom", "!pin", room, first)
    with pytest.raises(Denied):
        set_pins(firm, "tom", room, first)
    # In a direct conversation everybody does.
    talk = await direct(firm)
    assert "Pinned" in await in_room(firm, "tom", "!pin", talk, say(firm, "tom", talk, "Tea?"))
    await firm.let_all_be_admins()
    await firm.service.sync()
    assert "Pinned" in await in_room(firm, "tom", "!pin", room, first)
    set_pins(firm, "tom", room)
    await firm.settle()
    assert pins(firm, room) == []
    assert await firm.nothing_to_do()


async def test_M3_what_somebody_pins_who_lost_access_a_moment_before_is_put_back(firm: SmallFirm) -> None:
    room = firm.room("2026-0042 Estate")
    await firm.ask("ruth", "!add @ines", room)
    first = say(firm, "ruth", room, "A")
    set_pins(firm, "ines", room, first)
    (pinning,) = [event for event in firm.new if event["type"] == PINNED]
    firm.new.clear()
    wall = {"id": "w2", "matter": "2026-0042", "people": ["ines"], "memo": "An aunt.", "set_by": "ruth"}
    write_directory(str(firm.service.settings.directory.path), walls=[*DIRECTORY["walls"], wall])
    await firm.service.directory.refresh()
    await firm.service.directory.confirm("ruth")
    await firm.service.directory.refresh()
    before = len(firm.said)
    await firm.handle(pinning)
    await firm.settle()
    assert pins(firm, room) == []
    assert firm.said[before:] == []


async def test_V2_said_in_the_conversation_where_the_firm_wants_that(firm: SmallFirm) -> None:
    await firm.restart(pins=PinSettings(announce=True))
    room = await channel(firm)
    first = say(firm, "tom", room, "Hearing on Monday")
    before = len(firm.said)
    set_pins(firm, "ruth", room, first)
    await firm.settle()
    assert any(where == room and "Ruth Adeyemi pinned a message" in body for where, _, body in firm.said[before:])


async def test_V2_a_room_that_does_not_let_them_is_an_answer_and_no_failure(firm: SmallFirm) -> None:
    room = await channel(firm)
    first = say(firm, "tom", room, "A")
    firm.fake.script("PUT", "m.room.pinned_events", refusal(403, "M_FORBIDDEN"))
    assert "did not let you change" in await in_room(firm, "tom", "!pin", room, first)
    assert "Pinned" in await in_room(firm, "tom", "!pin", room, first)
