"""A conversation goes on in a room made anew when somebody who was in it is kept out (M3)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from unittest.mock import patch

import pytest
import pytest_asyncio

from bridge.firm.audit import Deed
from bridge.firm.model import MatterStatus, Wall
from bridge.firm.room_keys import earlier_key, matter_space_key
from bridge.mapping.pins import PINNED
from bridge.operations.transcripts import read_transcript
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.models import Room as Row
from bridge.store.record.audit import newest
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE, ESTATE_TALK, EVE, MERGER, make_firm
from tests.component.firm_on_fake import FirmOnFake, firm_on_fake
from tests.fakes.faults import Broken, refusal
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.room import Denied, Room

EARLIER = earlier_key(ESTATE_TALK, 1)
TOMBSTONE = ("m.room.tombstone", "")
WALL = Wall("w9", matter_id="m1", people=("b",))


@pytest_asyncio.fixture(params=[True, False], ids=["guard", "bare"])
async def on(request: pytest.FixtureRequest, fake: FakeHomeserver, store: Store) -> AsyncIterator[FirmOnFake]:
    if request.param:
        request.getfixturevalue("guard")
    async with firm_on_fake(fake, store, make_firm()) as running:
        assert running.user(BEN) in await running.people(ESTATE_TALK)
        yield running


async def follow(on: FirmOnFake, **kinds: object) -> None:
    """Let the directory change."""
    before, on.firm = on.firm, make_firm(**kinds)  # type: ignore[arg-type]
    assert (await on.reconciler.passes.follow(before)).failed == ()
    await on.hear()


async def rooms(on: FirmOnFake) -> tuple[Room, Room]:
    """The room in which the conversation was held, and the one in which it goes on."""
    return await on.room(EARLIER), await on.room(ESTATE_TALK)


def refuses(on: FirmOnFake, room: Room) -> bool:
    """Whether nobody in the room can write, react or delete in it."""
    for event_type in ("m.room.message", "m.reaction", "m.room.redaction", PINNED):
        with pytest.raises(Denied):
            room.require_to_send(on.user(ANN), event_type, is_state=event_type == PINNED)
    return True


async def test_who_stays_goes_on_in_a_new_room_and_can_read_the_old_one(on: FirmOnFake) -> None:
    before = await on.room(ESTATE_TALK)
    await on.say(ANN, "!wall add 2026-0042 @ben A cousin.")
    old, new = await rooms(on)
    assert old is before is not new
    assert on.user(BEN) not in new.members
    assert set(old.joined) == set(new.joined) == {on.user(ANN), on.fake.bot_id}
    assert new.state["m.room.create", ""]["predecessor"] == {"room_id": old.room_id}
    assert old.state[TOMBSTONE]["replacement_room"] == new.room_id
    assert new.state["m.room.name", ""]["name"] == "2026-0042 Estate of Orla Quill"
    assert old.state["m.room.name", ""]["name"] == "2026-0042 Estate of Orla Quill (earlier)"
    space = await on.room(matter_space_key("m1"))
    listed = {key[1] for key, content in space.state.items() if key[0] == "m.space.child" and content}
    assert (new.room_id in listed, old.room_id in listed) == (True, False)
    assert refuses(on, old)
    await on.hear()
    await on.settled()


async def test_nothing_is_written_between_the_wall_and_the_new_room(on: FirmOnFake) -> None:
    """The old room is closed before the first one is put out of it, so that nothing comes after what they saw."""
    on.fake.requests.clear()
    await on.say(ANN, "!wall add 2026-0042 @ben A cousin.")
    old, _ = await rooms(on)
    done = [one.path for one in on.fake.requests if one.method != "GET" and old.room_id in one.path]
    levels = next(i for i, path in enumerate(done) if "m.room.power_levels" in path)
    assert levels < next(i for i, path in enumerate(done) if path.endswith("/kick"))


async def test_a_conversation_that_nobody_kept_out_was_in_stays_where_it_is(on: FirmOnFake) -> None:
    await on.say(ANN, '!matter start 2026-0042 "Disclosure"')
    room = on.live_rooms()[-1]
    await on.say(ANN, "!wall add 2026-0042 @ben @cleo Cousins.")
    assert TOMBSTONE not in on.fake.rooms[room].state
    made = await on.store.run(newest, 9, deed=Deed.ROOM_SET_ASIDE)
    assert [one.entry.subject for one in made] == [ESTATE_TALK]


async def test_a_second_wall_makes_it_anew_again_and_the_links_lead_on(on: FirmOnFake) -> None:
    await on.say(CLEO, "!matter join 2026-0042")
    await on.say(ANN, "!wall add 2026-0042 @ben A cousin.")
    first, second = await rooms(on)
    await on.say(ANN, "!wall add 2026-0042 @cleo Another.")
    third = await on.room(ESTATE_TALK)
    assert (await on.room(earlier_key(ESTATE_TALK, 2))) is second
    assert (first.state[TOMBSTONE]["replacement_room"], second.state[TOMBSTONE]["replacement_room"]) == (
        second.room_id,
        third.room_id,
    )
    assert set(first.joined) == set(second.joined) == set(third.joined) == {on.user(ANN), on.fake.bot_id}
    await on.hear()
    await on.settled()


async def test_who_may_come_back_comes_into_both_rooms(on: FirmOnFake) -> None:
    await on.say(ANN, "!wall add 2026-0042 @ben A cousin.")
    await on.say(ANN, "!wall lift wall-1")
    old, new = await rooms(on)
    assert on.user(BEN) not in {*old.joined, *new.joined}
    await on.say(BEN, "!matter join 2026-0042")
    assert on.user(BEN) in set(old.joined) & set(new.joined)
    assert (await on.room(ESTATE_TALK)) is new
    await on.settled()


async def test_who_leaves_the_old_room_by_themselves_stays_out_of_it(on: FirmOnFake) -> None:
    await on.say(CLEO, "!matter join 2026-0042")
    await on.say(ANN, "!wall add 2026-0042 @ben A cousin.")
    old, new = await rooms(on)
    on.fake.leave(old.room_id, on.user(CLEO))
    await on.hear()
    assert (on.user(CLEO) in old.joined, on.user(CLEO) in new.joined) == (False, True)
    await on.settled()


async def test_files_pins_and_transcript_go_through_both_rooms(on: FirmOnFake) -> None:
    old = await on.room(ESTATE_TALK)
    first = on.fake.message(old.room_id, on.user(ANN), "Before the wall")["event_id"]
    on.fake.message(old.room_id, on.user(ANN), "plan.pdf", msgtype="m.file", url="mxc://localhost/plan")
    await on.hear()
    await on.say(ANN, "!pin", old.room_id, **{"m.relates_to": {"m.in_reply_to": {"event_id": first}}})
    await on.say(ANN, "!wall add 2026-0042 @ben A cousin.")
    _, new = await rooms(on)
    on.fake.message(new.room_id, on.user(ANN), "Behind the wall")
    on.fake.message(new.room_id, on.user(ANN), "reply.pdf", msgtype="m.file", url="mxc://localhost/reply")
    await on.hear()
    listed = await on.ask(ANN, "!files", new.room_id)
    assert "plan.pdf" in listed
    assert "reply.pdf" in listed
    assert new.state[PINNED, ""] == {"pinned": [first]}
    pinned = await on.ask(ANN, "!pinned", new.room_id)
    assert "Before the wall" in pinned
    transcript = str(await read_transcript(on.desk, ESTATE_TALK, new.room_id))
    assert transcript.index("Before the wall") < transcript.index("Behind the wall")


async def test_a_restriction_and_one_who_was_in_it_long_ago(on: FirmOnFake) -> None:
    """Who left by themselves is in no list of the conversation, and Matrix still shows them what they saw."""
    room = await on.room(ESTATE_TALK)
    on.fake.leave(room.room_id, on.user(BEN))
    await on.hear()
    assert (await on.room(ESTATE_TALK)) is room
    await follow(on, matters=(replace(ESTATE, restricted=True, assisting=()), MERGER))
    old, new = await rooms(on)
    assert old is room
    assert on.user(BEN) not in new.members
    await on.settled()


async def test_who_left_the_firm_and_is_back_finds_it_made_anew(on: FirmOnFake) -> None:
    room = await on.room(ESTATE_TALK)
    gone = tuple(replace(one, former=one.id == "b") for one in (ANN, BEN, CLEO, DAN, EVE))
    await follow(on, staff=gone)
    assert (await on.room(ESTATE_TALK)) is room
    await follow(on, staff=gone, walls=(WALL,))
    assert (await on.room(ESTATE_TALK)) is room
    await follow(on, walls=(WALL,))
    old, new = await rooms(on)
    assert old is room
    assert on.user(BEN) not in new.members


async def test_an_old_room_that_an_admin_deleted_is_not_made_again(on: FirmOnFake) -> None:
    await on.say(ANN, "!wall add 2026-0042 @ben A cousin.")
    old, new = await rooms(on)
    del on.fake.rooms[old.room_id]
    await on.sync()
    await on.sync()
    assert (await on.room(ESTATE_TALK)) is new
    noted = [one.entry for one in await on.store.run(newest, 20, deed=Deed.PUT_BACK)]
    assert [(one.subject, one.cause) for one in noted] == [(ESTATE_TALK, old.room_id)]
    assert "Behind" in str(await _said(on, new, "Behind the wall"))


async def _said(on: FirmOnFake, room: Room, text: str) -> object:
    on.fake.message(room.room_id, on.user(ANN), text)
    return await read_transcript(on.desk, ESTATE_TALK, room.room_id)


@pytest.mark.parametrize(
    "point", ["room.closed", "member.removed", "room.set_aside", "room.intent", "room.created", "room.recorded"]
)
async def test_a_kill_at_any_point_is_made_good_by_the_next_pass(on: FirmOnFake, point: str) -> None:
    await on.say(CLEO, "!matter join 2026-0042")

    class KilledError(BaseException):
        """In the place of kill -9."""

    def fault(name: str) -> None:
        if name == point:
            raise KilledError

    before, on.firm = on.firm, make_firm(walls=(WALL,))
    with patch("bridge.faults.point", fault), pytest.raises((KilledError, BaseExceptionGroup)):
        await on.reconciler.passes.follow(before)
    on.reconciler = on.new_reconciler()
    await on.sync()
    old, new = await rooms(on)
    assert set(old.joined) == set(new.joined) == {on.user(ANN), on.user(CLEO), on.fake.bot_id}
    assert on.user(BEN) not in new.members
    assert old.state[TOMBSTONE]["replacement_room"] == new.room_id
    assert refuses(on, old)
    assert len(await on.store.run(newest, 9, deed=Deed.ROOM_SET_ASIDE)) == 1
    await on.hear()
    await on.settled()


@pytest.mark.parametrize(("fails", "status"), [("kick", 400), ("tombstone", 500)])
async def test_M3_what_fails_in_the_old_room_is_tried_again(
    on: FirmOnFake, monkeypatch: pytest.MonkeyPatch, fails: str, status: int
) -> None:
    """Once the new room is right, nothing else would lead to the old one, in which somebody may still be."""
    monkeypatch.setattr("bridge.reconcile.again.FIRST_SECONDS", 0.0)
    monkeypatch.setattr("bridge.reconcile.waits.PATIENCE", 0.1)
    room = await on.room(ESTATE_TALK)
    on.fake.broken = [Broken(f"{re.escape(room.room_id)}/.*{fails}", refusal(status, "M_UNKNOWN"))]
    before, on.firm = on.firm, make_firm(walls=(WALL,))
    assert (await on.reconciler.passes.follow(before)).failed
    on.fake.broken = []
    while len(on.reconciler.again):
        await on.reconciler.rooms.try_again()
    old, new = await rooms(on)
    assert old is room
    assert on.user(BEN) not in {*old.joined, *new.members}
    assert old.state[TOMBSTONE]["replacement_room"] == new.room_id
    await on.hear()
    await on.settled()


async def test_a_closed_matter_is_made_anew_when_it_is_opened_again(on: FirmOnFake) -> None:
    closed = replace(ESTATE, status=MatterStatus.CLOSED)
    await follow(on, matters=(closed, MERGER))
    room = await on.room(ESTATE_TALK)
    await follow(on, matters=(closed, MERGER), walls=(WALL,))
    assert (await on.room(ESTATE_TALK)) is room
    await follow(on, walls=(WALL,))
    assert (await rooms(on))[0] is room


async def test_R3_an_older_database_put_back_finds_the_new_room_again(on: FirmOnFake) -> None:
    """It knows the old room as the conversation's, and the wall may be over by then."""
    await on.say(ANN, "!wall add 2026-0042 @ben A cousin.")
    await on.say(ANN, "!wall lift wall-1")
    old, new = await rooms(on)

    def work(unit: Unit) -> None:
        alias = unit.get(Row, Row.key == EARLIER).alias_localpart
        unit.run(Row.delete().where(Row.key == ESTATE_TALK))
        unit.run(Row.update(key=ESTATE_TALK, earlier_of="", alias_localpart=alias).where(Row.key == EARLIER))

    await on.store.run(work)
    await on.sync()
    assert await rooms(on) == (old, new)
    assert refuses(on, old)
    await on.settled()
