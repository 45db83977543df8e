"""A direct conversation that somebody left is closed for them, and comes back with what was written meanwhile (V1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import replace

import orjson
import pytest

from bridge.firm.model import Staff
from bridge.handlers.reopening import WRITTEN
from bridge.mapping.event import event_of
from bridge.mapping.extensible import POLLS
from bridge.store.engine.store import Store
from tests.cast import ANN, BEN, CLEO, make_firm
from tests.component.firm_on_fake import FirmOnFake, direct, firm_on_fake
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.room import Denied, Room

VISIBILITY = ("m.room.history_visibility", "")


@pytest.fixture(params=["guarded", "without the guard"])
async def on(request: pytest.FixtureRequest, fake: FakeHomeserver, store: Store) -> AsyncIterator[FirmOnFake]:
    if request.param == "guarded":
        request.getfixturevalue("guard")
    async with firm_on_fake(fake, store) as firm:
        await firm.say(ANN, "!dm @ben")
        yield firm


async def left_by_ben(on: FirmOnFake) -> Room:
    room = await on.room(direct("a", "b"))
    on.fake.leave(room.room_id, on.user(BEN))
    await on.hear()
    assert room.joined == [on.user(ANN)]
    return room


async def test_V1_a_new_message_brings_back_who_left(on: FirmOnFake) -> None:
    room = await left_by_ben(on)
    await on.settled()
    on.fake.message(room.room_id, on.user(ANN), "Are you there?")
    await on.hear()
    assert room.joined == sorted(on.users(ANN, BEN))
    assert on.fake.account_data[on.user(BEN), "m.direct"][on.user(ANN)] == [room.room_id]
    await on.settled()


async def test_V1_what_is_written_meanwhile_can_be_read_by_those_who_come_back(on: FirmOnFake) -> None:
    room = await left_by_ben(on)
    assert room.state[VISIBILITY] == {"history_visibility": "shared"}


async def test_of_a_message_that_brings_somebody_back_nothing_is_kept_that_it_says(on: FirmOnFake) -> None:
    room = await left_by_ben(on)
    said = on.fake.message(room.room_id, on.user(ANN), "The offer is 40k")
    kept = on.router.kept(event_of(said), said)
    assert kept is not None
    assert kept["type"] == WRITTEN
    assert b"40k" not in orjson.dumps(kept)


async def test_a_client_cannot_send_what_the_bridge_keeps_of_a_message(on: FirmOnFake) -> None:
    room = await left_by_ben(on)
    event = {**on.fake.message(room.room_id, on.user(ANN), "x"), "type": WRITTEN}
    assert on.router.kept(event_of(event), event) is None


async def test_V1_a_message_that_came_before_the_leave_was_heard_of_brings_back_too(on: FirmOnFake) -> None:
    room = await on.room(direct("a", "b"))
    on.fake.leave(room.room_id, on.user(BEN))
    on.fake.message(room.room_id, on.user(ANN), "Wait")
    await on.hear()
    assert room.joined == sorted(on.users(ANN, BEN))
    await on.settled()


async def test_V1_a_message_from_before_the_leave_brings_nobody_back(on: FirmOnFake) -> None:
    room = await on.room(direct("a", "b"))
    before = on.fake.message(room.room_id, on.user(ANN), "Bye")
    on.events.clear()
    await left_by_ben(on)
    await on.handle(before)
    assert room.joined == [on.user(ANN)]


@pytest.mark.parametrize("content", [{"m.relates_to": {"rel_type": "m.replace", "event_id": "$old"}}])
async def test_what_is_no_new_message_brings_nobody_back(on: FirmOnFake, content: dict[str, object]) -> None:
    room = await left_by_ben(on)
    on.fake.send(room.room_id, on.user(ANN), "m.room.message", {"msgtype": "m.text", "body": "x", **content})
    on.fake.send(room.room_id, on.user(ANN), "m.reaction", {"m.relates_to": {}})
    await on.hear()
    assert room.joined == [on.user(ANN)]


async def test_V1_a_file_brings_back_who_left(on: FirmOnFake) -> None:
    room = await left_by_ben(on)
    content = {"msgtype": "m.file", "body": "offer.pdf", "url": "mxc://localhost/abc"}
    on.fake.send(room.room_id, on.user(ANN), "m.room.message", content)
    await on.hear()
    assert room.joined == sorted(on.users(ANN, BEN))


@pytest.mark.parametrize("event_type", sorted(POLLS))
@pytest.mark.parametrize("heard_of", [True, False], ids=["later", "before the leave was heard of"])
async def test_V1_a_poll_brings_back_who_left(on: FirmOnFake, event_type: str, heard_of: bool) -> None:
    room = await on.room(direct("a", "b"))
    on.fake.leave(room.room_id, on.user(BEN))
    if heard_of:
        await on.hear()
    asked = {"question": {"body": "Lunch?"}, "answers": [{"id": "1", "body": "Yes"}]}
    on.fake.send(room.room_id, on.user(ANN), event_type, {"org.matrix.msc3381.poll.start": asked})
    await on.hear()
    assert room.joined == sorted(on.users(ANN, BEN))


async def test_a_command_to_the_bot_brings_nobody_back(on: FirmOnFake) -> None:
    room = await left_by_ben(on)
    assert await on.ask(ANN, "!participants", room.room_id)
    assert room.joined == [on.user(ANN)]


async def test_V1_a_native_invitation_brings_back_who_left(on: FirmOnFake) -> None:
    room = await left_by_ben(on)
    if on.fake.guard is None:
        pytest.skip("the homeserver lets nobody invite")
    on.fake.invite(room.room_id, on.user(ANN), on.user(BEN))
    await on.hear()
    assert room.joined == sorted(on.users(ANN, BEN))
    assert await on.said() == []
    await on.settled()


async def test_V1_an_invitation_that_comes_before_the_leave_was_heard_of_stands(on: FirmOnFake) -> None:
    room = await on.room(direct("a", "b"))
    on.fake.leave(room.room_id, on.user(BEN))
    on.fake.block_invites = False
    on.fake.invite(room.room_id, on.user(ANN), on.user(BEN))
    await on.hear()
    assert room.joined == sorted(on.users(ANN, BEN))
    await on.settled()


async def test_V1_dm_brings_back_both_where_both_left(on: FirmOnFake) -> None:
    room = await left_by_ben(on)
    on.fake.leave(room.room_id, on.user(ANN))
    await on.hear()
    await on.say(BEN, "!dm @ann")
    # A room that nobody is in any more cannot be entered again, so it is made anew.
    assert (await on.room(direct("a", "b"))).joined == sorted(on.users(ANN, BEN))


async def test_D2_nobody_else_is_let_in_by_that(on: FirmOnFake) -> None:
    room = await left_by_ben(on)
    on.fake.message(room.room_id, on.user(ANN), "Are you there?")
    await on.hear()
    assert on.user(CLEO) not in room.members
    # The guard refuses it; without it the bridge takes out again whom a server admin put in.
    with pytest.raises(Denied) if on.fake.guard is not None else nullcontext():
        on.fake.force(room.room_id, on.user(ANN), "m.room.member", on.user(CLEO), {"membership": "join"})
    await on.hear()
    assert room.joined == sorted(on.users(ANN, BEN))


async def test_F2_who_left_the_firm_is_not_brought_back_and_reads_nothing_from_then(on: FirmOnFake) -> None:
    gone: Staff = replace(BEN, former=True)
    on.firm = make_firm([gone if person is BEN else person for person in on.firm.staff.values()])
    await on.sync()
    await on.places.refresh()
    room = await on.room(direct("a", "b"))
    assert room.state[VISIBILITY] == {"history_visibility": "joined"}
    event = on.fake.message(room.room_id, on.user(ANN), "He is gone")
    assert on.router.kept(event_of(event), event) is None
    await on.hear()
    assert room.joined == [on.user(ANN)]
    await on.settled()


async def test_F2_who_is_on_the_staff_again_is_brought_back_by_the_next_message_alone(on: FirmOnFake) -> None:
    people = list(on.firm.staff.values())
    on.firm = make_firm([replace(BEN, former=True) if person is BEN else person for person in people])
    await on.sync()
    on.firm = make_firm(people)
    await on.sync()
    await on.places.refresh()
    room = await on.room(direct("a", "b"))
    assert room.joined == [on.user(ANN)]
    on.fake.message(room.room_id, on.user(ANN), "Welcome back")
    await on.hear()
    assert room.joined == sorted(on.users(ANN, BEN))


async def test_V1_with_the_guard_history_is_for_all_of_the_set_from_the_start(on: FirmOnFake) -> None:
    room = await on.room(direct("a", "b"))
    expected = "shared" if on.settings.guarded else "joined"
    assert room.state[VISIBILITY] == {"history_visibility": expected}
