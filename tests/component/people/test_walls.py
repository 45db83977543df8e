"""Ethical walls set by command: out at once and kept out, no trace, accounted for, and ended without a return (M3)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, patch

import pytest

from bridge.commands.asking.paging import PAGE
from bridge.firm.audit import Deed
from bridge.firm.conversation import first_matter_conversation_id
from bridge.firm.model import Matter, MatterRole
from bridge.firm.room_keys import matter_space_key
from bridge.guard.protocol import PATH
from bridge.handlers.router import Router
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.people.walls import Removed, drop_screened, end_expired
from bridge.store.record.audit import newest
from bridge.store.rooms.conversations import conversation_by_id
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE, ESTATE_TALK, MERGER, make_firm
from tests.component.firm_on_fake import FirmOnFake, firm_on_fake
from tests.component.small_firm import DIRECTORY, small_firm, write_directory
from tests.fakes.faults import Answer
from tests.fakes.guard import FakeGuard
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.room import Denied

ADD = "!wall add 2026-0042 @ben His cousin is the other side"
CLIENT = (MatterRole("Client", "Tidewell Brewing", is_client=True),)


@pytest.fixture
async def firm(fake: FakeHomeserver, store: Store, tmp_path: Path) -> AsyncIterator[FirmOnFake]:
    """With the guard."""
    fake.block_invites = False
    fake.guard = FakeGuard(tmp_path / "firm-policy", fake.bot_id)
    async with firm_on_fake(fake, store) as made:
        yield made


async def wall(firm: FirmOnFake, text: str = ADD) -> tuple[str, list[str]]:
    """Set a wall as Ann: what she is answered, and what others are told."""
    *told, answer = await firm.say(ANN, text)
    assert answer.room_id == await firm.chat(ANN)
    return answer.body, [one.body for one in told]


async def asked_twice(firm: FirmOnFake, person: object, hidden: str, missing: str) -> bool:
    """Whether two commands are answered alike, with the same requests, but for what was typed."""
    seen = []
    for text in (hidden, missing):
        firm.fake.requests.clear()
        said = await firm.ask(person, text)  # type: ignore[arg-type]
        asked = [(request.method, request.path) for request in firm.fake.requests]
        seen.append((said.replace(text.split()[2], "IT"), asked))
    return seen[0] == seen[1]


async def test_M3_who_is_walled_is_out_at_once_and_the_guard_knew_before(firm: FirmOnFake) -> None:
    await firm.say(ANN, '!matter start 2026-0042 "Disclosure" @ben @cleo')
    firm.fake.requests.clear()
    said, told = await wall(firm)
    assert "wall-1 keeps Ben Booth out of matter 2026-0042" in said
    assert "Ben Booth: taken out of 2 conversations" in said
    assert "Not done" not in said
    done = [request for request in firm.fake.requests if request.method != "GET"]
    tell = next(i for i, request in enumerate(done) if request.path == PATH)
    kicks = [i for i, request in enumerate(done) if request.path.endswith("/kick")]
    forgets = [i for i, request in enumerate(done) if request.path.endswith("/forget")]
    assert len(kicks) == len(forgets) == 3
    assert tell < min(kicks)
    space = (await firm.room(matter_space_key("m1"))).room_id
    assert any(space in done[kick].path for kick in kicks)
    rooms = [room for room in firm.fake.rooms.values() if "Estate" in str(room.state.get(("m.room.name", "")))]
    # Both conversations go on in rooms made anew, in which he never was; the space stays.
    assert len(rooms) == 5
    for room in rooms:
        assert firm.user(BEN) not in room.joined
        assert (firm.user(BEN) in room.forgotten) is (firm.user(BEN) in room.members)
        with pytest.raises(Denied):
            firm.fake.invite(room.room_id, firm.user(ANN), firm.user(BEN))
    (message,) = told
    assert "wall-1" in message
    assert not any(word in message for word in ("0042", "Estate", "cousin", "Quill"))
    await firm.hear()
    await firm.settled()


async def test_M3_no_trace_for_who_is_walled(firm: FirmOnFake) -> None:
    assert "Estate" in await firm.ask(BEN, "!matter list")
    await wall(firm)
    assert "2026-0042" not in await firm.ask(BEN, "!matter list")
    assert "no matter" in (await firm.ask(BEN, "!matter list estate")).casefold()
    for text in ("!matter show {}", "!matter join {}", '!matter start {} "Talk"'):
        assert await asked_twice(firm, BEN, text.format("2026-0042"), text.format("2026-9942")), text
    assert "Ben Booth: not added" in await firm.ask(ANN, "!add @ben", (await firm.room(ESTATE_TALK)).room_id)


async def test_M3_an_admin_behind_a_wall_is_answered_as_if_matter_and_wall_were_not(firm: FirmOnFake) -> None:
    await wall(firm, "!wall add 2026-0042 @dan Kin")
    for text in (
        "!wall add {} @ben Kin",
        "!wall only {} @ben Kin",
        "!wall report {}",
        "!wall lift {}",
        "!wall list {}",
    ):
        assert await asked_twice(firm, DAN, text.format("2026-0042"), text.format("2026-9942")), text
    for text in ("!wall lift {}", "!wall report {}"):
        assert await asked_twice(firm, DAN, text.format("wall-1"), text.format("wall-9")), text
    listed = await firm.ask(DAN, "!wall list")
    assert "wall-1" not in listed
    assert "w1" in listed
    # It still stands.
    assert "wall-1" in await firm.ask(ANN, "!wall list")


async def test_an_admin_may_wall_themselves_off(firm: FirmOnFake) -> None:
    said, _ = await wall(firm, "!wall add 2026-0042 @ann A friend of the family")
    assert "Ann Archer: taken out of 1 conversation" in said
    assert firm.user(ANN) not in await firm.people(ESTATE_TALK)
    assert "There is no wall or matter" in await firm.ask(ANN, "!wall lift wall-1")
    assert "Lifted" in (await firm.say(DAN, "!wall lift wall-1"))[-1].body


async def test_only_those_named_may_see(firm: FirmOnFake) -> None:
    await firm.say(ANN, '!matter start 2026-0042 "Disclosure" @ben @cleo')
    said, told = await wall(firm, "!wall only 2026-0042 @ann Sealed by the court")
    assert "lets only Ann Archer into matter 2026-0042" in said
    assert "Ben Booth: taken out of 2 conversations" in said
    assert "Cleo Crane: taken out of 1 conversation" in said
    assert told == []
    assert await firm.people(ESTATE_TALK) == firm.users(ANN)
    assert "There is no matter" in await firm.ask(CLEO, "!matter join 2026-0042")


async def test_a_lifted_wall_gives_back_access_and_no_membership(firm: FirmOnFake) -> None:
    await wall(firm)
    *told, answer = await firm.say(ANN, "!wall lift 2026-0042")
    assert "wall-1" in answer.body
    assert [one.body for one in told] == ["The ethical wall wall-1 does not screen you any more."]
    await firm.sync()
    assert firm.user(BEN) not in await firm.people(ESTATE_TALK)
    assert "2026-0042" in await firm.ask(BEN, "!matter list")
    firm.fake.invite((await firm.room(ESTATE_TALK)).room_id, firm.user(ANN), firm.user(BEN))
    await firm.hear()
    (added,) = await firm.said()
    assert added.body.startswith("Ann Archer added you to General")
    assert firm.user(BEN) in await firm.people(ESTATE_TALK)
    await firm.settled()
    assert "There is no wall or matter" in await firm.ask(ANN, "!wall lift wall-1")


async def test_walls_of_the_directory_are_lifted_there(firm: FirmOnFake) -> None:
    said = await firm.ask(ANN, "!wall lift w1")
    assert "w1 stands in the directory" in said
    assert "2026-0055" not in await firm.ask(BEN, "!matter list")


async def test_a_wall_around_a_client_holds_for_matters_opened_later(firm: FirmOnFake) -> None:
    before, firm.firm = firm.firm, make_firm(matters=(ESTATE, replace(MERGER, roles=CLIENT)), walls=())
    await firm.reconciler.passes.follow(firm.in_force.over(before))
    await firm.say(ANN, "!matter start 2026-0055 Terms @ben")
    said, _ = await wall(firm, "!wall add client:tidewell brewing @ben Acted for the other side")
    assert "out of all matters of Tidewell Brewing" in said
    assert "Ben Booth: taken out of 1 conversation" in said
    lease = Matter("m3", "2026-0077", "Lease", roles=CLIENT, responsible="a", assisting=("b",))
    before, firm.firm = firm.firm, make_firm(matters=(ESTATE, replace(MERGER, roles=CLIENT), lease), walls=())
    outcome = await firm.reconciler.passes.follow(firm.in_force.over(before))
    assert outcome.failed == ()
    first = first_matter_conversation_id("m3")
    assert await firm.people(first) == firm.users(ANN)
    assert "Lease" not in await firm.ask(BEN, "!matter list")
    assert "wall-1" in await firm.ask(ANN, "!wall list 2026-0077")
    # Ben has a part in the new matter, and comes in when he joins, not when the wall ends.
    await firm.say(ANN, "!wall lift client:Tidewell Brewing")
    await firm.sync()
    assert await firm.people(first) == firm.users(ANN)
    await firm.say(BEN, "!matter join 2026-0077")
    assert firm.user(BEN) in await firm.people(first)


async def test_M3_an_answer_counts_nothing_of_a_clients_matter_that_the_admin_must_not_see(firm: FirmOnFake) -> None:
    estate, merger = (replace(matter, roles=CLIENT) for matter in (ESTATE, MERGER))
    before, firm.firm = firm.firm, make_firm(matters=(estate, merger), walls=())
    await firm.reconciler.passes.follow(firm.in_force.over(before))
    await firm.say(ANN, "!matter start 2026-0055 Terms @ben")
    await wall(firm, "!wall add 2026-0042 @dan Kin")
    said = (await firm.say(DAN, '!wall add client:"Tidewell Brewing" @ben Kin'))[-1].body
    assert "Ben Booth: taken out of 1 conversation" in said
    assert firm.user(BEN) not in await firm.people(ESTATE_TALK)
    assert "Estate" not in await firm.ask(DAN, "!wall report wall-2")


async def test_a_wall_ends_after_its_last_day_in_the_firms_time_zone(firm: FirmOnFake) -> None:
    today = firm.desk.today()
    last = today + timedelta(days=2)
    said, _ = await wall(firm, f"{ADD} until:{last}")
    assert f"up to and including {last}" in said
    for day, seen in ((last, False), (last + timedelta(days=1), True)):
        with patch("bridge.clock.day_at", lambda *_, day=day: day):
            assert ("2026-0042" in await firm.ask(BEN, "!matter list")) is seen
            ended = await firm.store.run(end_expired, firm.in_force.now(firm.firm), day)
            assert [one.id for one in ended] == (["wall-1"] if seen else [])
            await firm.sync()
            assert firm.user(BEN) not in await firm.people(ESTATE_TALK)
    (entry,) = await firm.store.run(newest, 9, deed=Deed.WALL_EXPIRED)
    assert entry.entry.subject == "wall-1"
    assert "It was ended on" in await firm.ask(ANN, "!wall report wall-1")


@pytest.mark.parametrize(
    ("point", "times"),
    [("wall.set", 1), *((point, times) for point in ("member.removed", "room.finished") for times in (1, 2))],
)
async def test_M3_a_crash_between_any_two_steps_ends_where_none_would(firm: FirmOnFake, point: str, times: int) -> None:
    await firm.say(ANN, '!matter start 2026-0042 "Disclosure" @ben @cleo')
    passed = []

    def fault(name: str) -> None:
        if name == point:
            passed.append(name)
            if len(passed) == times:
                raise KilledError

    firm.fake.message(await firm.chat(ANN), firm.user(ANN), ADD)
    event = firm.events[-1]
    with patch("bridge.faults.point", fault), pytest.raises((KilledError, BaseExceptionGroup)):
        await firm.hear()
    # As after a restart: what is in force is read anew, and everything is looked through before anything else.
    firm.events.clear()
    await firm.in_force.load()
    assert (await firm.new_reconciler().passes.sync()).failed == ()
    for key in (ESTATE_TALK, matter_space_key("m1")):
        assert firm.user(BEN) not in await firm.people(key)
    # The command that was not finished is handled again, and answered as if nothing had been.
    await firm.handle(event)
    answer = (await firm.said())[-1].body
    assert "Ben Booth: taken out of 2 conversations" in answer
    listed = await firm.ask(ANN, "!wall list 2026-0042")
    assert "wall-1" in listed
    assert "wall-2" not in listed
    assert len(await firm.store.run(newest, 9, deed=Deed.WALL_SET)) == 1


class KilledError(BaseException):
    """In the place of kill -9."""


async def test_a_command_that_was_lifting_when_it_was_killed_is_answered_the_same(firm: FirmOnFake) -> None:
    await wall(firm)
    firm.fake.message(await firm.chat(ANN), firm.user(ANN), "!wall lift wall-1")
    event = firm.events[-1]

    def fault(name: str) -> None:
        if name == "wall.lifted":
            raise KilledError

    with patch("bridge.faults.point", fault), pytest.raises(KilledError):
        await firm.hear()
    await firm.said()
    await firm.handle(event)
    assert "Lifted" in (await firm.said())[-1].body
    assert len(await firm.store.run(newest, 9, deed=Deed.WALL_LIFTED)) == 1


async def test_what_could_not_be_done_is_said_and_put_right_by_the_next_pass(firm: FirmOnFake) -> None:
    room = (await firm.room(ESTATE_TALK)).room_id
    firm.fake.script("POST", f"{room}/kick", *[Answer(400, b'{"errcode": "M_UNKNOWN", "error": "No"}')] * 2)
    said, _ = await wall(firm)
    assert "Not done" in said
    assert firm.user(BEN) not in await firm.people(ESTATE_TALK)
    await firm.sync()
    assert firm.user(BEN) not in firm.fake.rooms[room].joined


@pytest.mark.parametrize(("tells", "words"), [("memo", ["cousin"]), ("matter", ["cousin", "2026-0042"])])
async def test_a_firm_may_tell_more(firm: FirmOnFake, tells: str, words: list[str]) -> None:
    settings = firm.settings
    own = settings.firm.model_copy(update={"walled_are_told": tells})
    desk = replace(firm.desk, settings=settings.model_copy(update={"firm": own}))
    firm.router = Router(desk, firm.places, firm.at_work)
    _, (told,) = await wall(firm)
    assert all(word in told for word in words)


async def test_acknowledging(firm: FirmOnFake) -> None:
    assert "You were told of no wall" in await firm.ask(BEN, "!wall acknowledge")
    await wall(firm)
    await wall(firm, "!wall add 2026-0042 @ben @cleo Again")
    for typed in ("@ben", "Ben Booth", "booth"):
        assert "not yet by Ben Booth" in await firm.ask(ANN, f"!wall list {typed}")
    assert await asked_twice(firm, CLEO, "!wall acknowledge wall-1", "!wall acknowledge wall-9")
    assert await firm.ask(BEN, "!wall acknowledge wall-1") == "It is noted that you have acknowledged wall-1."
    assert await firm.ask(BEN, "!wall acknowledge") == "It is noted that you have acknowledged wall-1, wall-2."
    listed = (await firm.ask(ANN, "!wall list @ben")).splitlines()
    assert [line for line in listed if "wall-1" in line and "not yet" not in line]
    assert [line for line in listed if "wall-2" in line and "not yet by Cleo Crane" in line]
    done = await firm.store.run(newest, 9, deed=Deed.WALL_ACKNOWLEDGED)
    assert {(one.entry.actor, one.entry.subject) for one in done} == {("b", "wall-1"), ("b", "wall-2")}


async def test_a_report_tells_times_and_numbers_and_no_word_of_what_was_said(firm: FirmOnFake) -> None:
    room = (await firm.room(ESTATE_TALK)).room_id
    firm.fake.messages_page = 3
    for text in ("One secret", "Two secret", "Three secret"):
        firm.fake.message(room, firm.user(ANN), text)
    await firm.say(ANN, '!matter start 2026-0042 "Disclosure" @cleo')
    disclosure = firm.live_rooms()[-1]
    firm.fake.message(disclosure, firm.user(ANN), "Four secret")
    await firm.say(BEN, "!matter join 2026-0042 Disclosure")
    firm.fake.message(disclosure, firm.user(ANN), "Five secret")
    await wall(firm)
    firm.fake.message((await firm.room(ESTATE_TALK)).room_id, firm.user(ANN), "Six secret")
    for about in ("wall-1", "2026-0042"):
        said = await firm.ask(ANN, f"!wall report {about}")
        (first,) = [line for line in said.splitlines() if "General: Ben Booth" in line]
        assert "3 messages were sent in that time, 3 could be read" in first
        (second,) = [line for line in said.splitlines() if "Disclosure: Ben Booth" in line]
        assert "1 messages were sent in that time, 2 could be read" in second
        assert "Set by Ann Archer" in said
        assert "His cousin is the other side" in said
        assert "Ben Booth acknowledged it: not yet" in said
        assert "secret" not in said


MANY = [
    Matter(f"t{number:02}", f"2026-1{number:03}", f"Lease {number}", responsible="a", assisting=("b",), roles=CLIENT)
    for number in range(40)
]


@pytest.fixture
async def many(fake: FakeHomeserver, store: Store) -> AsyncIterator[FirmOnFake]:
    """A client with forty matters, in whose conversations Ben is."""
    async with firm_on_fake(fake, store, make_firm(matters=MANY, walls=())) as made:
        yield made


async def test_M3_a_wall_around_many_matters_is_set_and_lifted_some_at_a_time(
    many: FirmOnFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No unit takes people out of more than so many; the answer and the end are as of one."""
    monkeypatch.setattr("bridge.operations.walls.setting.MATTERS_AT_ONCE", 3)
    most = 0

    def counted(unit: Unit, *arguments: Any) -> Removed:
        nonlocal most
        removed = drop_screened(unit, *arguments)
        most = max([most, *map(len, removed.values())])
        return removed

    monkeypatch.setattr("bridge.operations.walls.setting.drop_screened", counted)
    said, _ = await wall(many, "!wall add client:Tidewell Brewing @ben A cousin")
    assert "Ben Booth: taken out of 40 conversations" in said
    assert most == 3
    assert not [
        room for room in many.fake.rooms.values() if many.user(BEN) in room.joined and "Lease" in str(room.state)
    ]
    await many.say(ANN, "!wall lift wall-1")
    conversations = await many.store.run(
        lambda unit: [conversation_by_id(unit, first_matter_conversation_id(one.id)) for one in MANY]
    )
    assert not [one for one in conversations if one is None or "b" in one.participants]


async def test_a_report_is_made_a_page_at_a_time(many: FirmOnFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pages together say everything once, and a page asks for the histories of what is on it."""
    await wall(many, "!wall add client:Tidewell Brewing @ben A cousin")
    pages, asked = list[str](), list[int]()
    command = "!wall report wall-1"
    while not pages or "!more" in pages[-1]:
        many.fake.requests.clear()
        pages.append(await many.ask(ANN, command))
        asked.append(len({one.path for one in many.fake.asked("GET", "/messages$")}))
        command = "!more"
    lines = [line for page in pages for line in page.splitlines() if "Ben Booth was in it" in line]
    assert len(lines) == len(set(lines)) == 40
    assert len(pages) == 2
    assert all(count <= 2 * PAGE for count in asked), asked
    assert sum(page.count("What they saw may be on their devices") for page in pages) == 1
    # One that finds nothing in so many matters says so, and goes on.
    monkeypatch.setattr("bridge.commands.walls.report.MATTERS_AT_ONCE", 3)
    monkeypatch.setattr("bridge.commands.walls.report.disclosed", AsyncMock(return_value=[]))
    await many.ask(ANN, command := "!wall report wall-1")
    assert "Nothing more was found so far" in await many.ask(ANN, "!more")
    for _ in range(12):
        said = await many.ask(ANN, "!more")
    assert "Nobody it keeps out was ever in" in said


async def test_O1_who_walled_whom_and_why_is_in_the_audit_log(firm: FirmOnFake) -> None:
    await wall(firm)
    (set_,) = await firm.store.run(newest, 9, deed=Deed.WALL_SET)
    assert (set_.entry.actor, set_.entry.subject) == ("a", "wall-1")
    assert "His cousin" in set_.entry.reason
    (out,) = await firm.store.run(newest, 9, person="b", deed=Deed.PARTICIPANT_REMOVED)
    assert (out.entry.actor, out.entry.subject, out.entry.cause) == ("a", ESTATE_TALK, set_.entry.cause)


async def test_a_wall_command_replayed_after_its_wall_was_lifted_takes_nobody_out(firm: FirmOnFake) -> None:
    firm.fake.message(await firm.chat(ANN), firm.user(ANN), ADD)
    event = firm.events[-1]
    await firm.hear()
    await firm.say(ANN, "!wall lift wall-1")
    await firm.say(BEN, "!matter join 2026-0042")
    await firm.handle(event)
    assert firm.user(BEN) in await firm.people(ESTATE_TALK)
    assert "wall-1" not in await firm.ask(ANN, "!wall list")


async def test_the_pass_after_midnight_ends_walls_and_tells_who_came_under_one(
    tmp_path: Path, database_url: str
) -> None:
    staff = [{**person, "role": "IT" if person["id"] == "ruth" else "Associate"} for person in DIRECTORY["staff"]]
    sections = {"staff": staff, "walls": [], "groups": [{"id": "g", "name": "Property", "members": ["walt"]}]}
    async with small_firm(tmp_path, database_url, **sections) as firm:
        today = firm.service.today()
        await firm.ask("ruth", "!matter start 2026-0042 Disclosure @tom @walt")
        room = firm.room("Disclosure · 2026-0042 Estate")
        await firm.ask("ruth", f"!wall add 2026-0042 group:Property Bought for the client until:{today}")
        assert firm.members(room) == {"ruth", "tom"}
        sections["groups"] = [{"id": "g", "name": "Property", "members": ["walt", "tom"]}]
        write_directory(str(tmp_path / "directory.yaml"), **sections)
        await firm.service.directory.refresh()
        firm.said.clear()
        await firm.bridge.upkeep.reconcile()
        await firm.settle()
        assert firm.members(room) == {"ruth"}
        chat = await firm.chat("tom")
        (told,) = [body for room_id, _, body in firm.said if room_id == chat]
        assert "wall-1" in told
        with patch("bridge.clock.day_at", lambda *_: today + timedelta(days=1)):
            await firm.bridge.upkeep.reconcile()
            await firm.settle()
            # Also who came under it by joining the group is not brought back.
            assert firm.members(room) == {"ruth"}
            assert "2026-0042" in await firm.ask("tom", "!matter list")
            assert "There are no walls" in await firm.ask("ruth", "!wall list")
            assert (chat, "@bot:localhost", "The ethical wall wall-1 does not screen you any more.") in firm.said


async def test_walls_set_by_command_outlive_the_directory_and_a_restart(tmp_path: Path, database_url: str) -> None:
    staff = [{**person, "role": "IT" if person["id"] == "ruth" else "Associate"} for person in DIRECTORY["staff"]]
    async with small_firm(tmp_path, database_url, staff=staff, walls=[]) as firm:
        await firm.ask("ruth", "!matter start 2026-0042 Disclosure @tom @walt")
        room = firm.room("Disclosure · 2026-0042 Estate")
        await firm.ask("ruth", "!wall add 2026-0042 @walt A cousin")
        assert firm.members(room) == {"ruth", "tom"}
        write_directory(
            str(tmp_path / "directory.yaml"),
            staff=staff,
            walls=[],
            matters=[{**DIRECTORY["matters"][0], "title": "Estate of Quill"}],
        )
        before = firm.service.firm
        await firm.service.directory.refresh()
        assert firm.service.firm is not before
        assert firm.service.firm is firm.service.firm
        assert not (await firm.service.reconciler.passes.follow(before)).failed
        assert "2026-0042" not in await firm.ask("walt", "!matter list")
        await firm.service.in_force.load()
        assert set(firm.service.firm.walls) == {"wall-1"}
        assert await firm.nothing_to_do()
        # What waits in the directory is not shown of it either.
        assert "wall-1" not in str(await firm.service.directory.status("ruth"))


async def test_M3_who_has_left_can_be_walled_before_they_return(firm: FirmOnFake) -> None:
    await firm.say(ANN, "!staff leave @cleo")
    said, _ = await wall(firm, "!wall add 2026-0042 @cleo She now works for the other side")
    assert "keeps Cleo Crane out of matter 2026-0042" in said
    said, _ = await wall(firm, "!wall add 2026-0042 eve@firm.example Kin")
    assert "keeps Eve Elm out" in said
    assert "Cleo Crane is back" in "".join(one.body for one in await firm.say(ANN, "!staff return @cleo"))
    await firm.sync()
    assert "There is no matter" in await firm.ask(CLEO, "!matter show 2026-0042")
