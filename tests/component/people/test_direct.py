"""Adding somebody in a direct conversation opens another one (D2)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from bridge import faults
from bridge.matrix.errors import HomeserverError
from bridge.store.engine.store import Store
from bridge.store.rooms.visits import visits_under_way
from tests.cast import ANN, BEN, CLEO, DAN
from tests.component.firm_on_fake import FirmOnFake, direct, firm_on_fake
from tests.fakes.faults import DROP_AFTER, refusal
from tests.fakes.homeserver import FakeHomeserver


@pytest.fixture
async def on(fake: FakeHomeserver, store: Store) -> AsyncIterator[FirmOnFake]:
    async with firm_on_fake(fake, store) as firm:
        await firm.say(ANN, "!dm @ben")
        yield firm


async def notices(on: FirmOnFake, key: str) -> list[str]:
    """What the bot said in a room itself, not through the outbox."""
    room = await on.room(key)
    said = on.fake.events(room.room_id, "m.room.message")
    return [event["content"]["body"] for event in said if event["sender"] == on.fake.bot_id]


async def test_D2_adding_somebody_opens_a_larger_conversation_and_says_so_in_the_old_one(on: FirmOnFake) -> None:
    old = await on.room(direct("a", "b"))
    answer = await on.ask(ANN, "!add @cleo", old.room_id)
    new = await on.room(direct("a", "b", "c"))
    assert "This one stays as it is" in answer
    assert new.room_id in answer
    assert new.joined == sorted(on.users(ANN, BEN, CLEO))
    (said,) = await notices(on, direct("a", "b"))
    assert "Ann Archer has opened a new conversation" in said
    assert "Cleo Crane" in said
    assert new.room_id in said
    # D3: the bot came for that moment only.
    assert old.joined == sorted(on.users(ANN, BEN))
    await on.settled()


async def test_D2_the_same_event_again_says_it_once(on: FirmOnFake) -> None:
    old = await on.room(direct("a", "b"))
    event = on.fake.message(old.room_id, on.user(ANN), "!add @cleo")
    await on.handle(event)
    await on.handle(event)
    assert len(await notices(on, direct("a", "b"))) == 1
    assert len(await on.said()) == 1


async def test_D1_D2_the_larger_conversation_that_is_there_is_found_without_a_word_in_the_old_one(
    on: FirmOnFake,
) -> None:
    await on.say(CLEO, "!dm @ann @ben")
    new = await on.room(direct("a", "b", "c"))
    old = await on.room(direct("a", "b"))
    members = on.fake.events(old.room_id, "m.room.member")
    assert new.room_id in await on.ask(BEN, "!add @cleo", old.room_id)
    assert await notices(on, direct("a", "b")) == []
    assert on.fake.events(old.room_id, "m.room.member") == members


async def test_D2_who_is_in_already_or_cannot_be_found_is_said_and_nothing_is_opened(on: FirmOnFake) -> None:
    old = await on.room(direct("a", "b"))
    rooms = len(on.fake.rooms)
    answer = await on.ask(ANN, "!add @ben @eve @nobody", old.room_id)
    assert "Ben Booth: is in it already" in answer
    assert "nobody" in answer
    assert len(on.fake.rooms) == rooms
    answer = await on.ask(ANN, "!add @ben @dan", old.room_id)
    assert "Ben Booth: is in it already" in answer
    assert (await on.room(direct("a", "b", "d"))).joined == sorted(on.users(ANN, BEN, DAN))


async def test_D2_where_the_bot_cannot_come_back_the_new_conversation_is_opened_all_the_same(on: FirmOnFake) -> None:
    old = await on.room(direct("a", "b"))
    old.state["m.room.join_rules", ""] = {"join_rule": "invite"}
    assert "Here is the conversation" in await on.ask(ANN, "!add @cleo", old.room_id)
    assert (await on.room(direct("a", "b", "c"))).joined == sorted(on.users(ANN, BEN, CLEO))
    assert old.joined == sorted(on.users(ANN, BEN))


async def test_D2_who_left_the_conversation_is_not_brought_into_the_larger_one(on: FirmOnFake) -> None:
    await on.say(ANN, "!dm @ben @dan")
    old = await on.room(direct("a", "b", "d"))
    on.fake.leave(old.room_id, on.user(DAN))
    await on.hear()
    await on.ask(ANN, "!add @cleo", old.room_id)
    assert (await on.room(direct("a", "b", "c"))).joined == sorted(on.users(ANN, BEN, CLEO))


# The bot's visits


async def _in_it(on: FirmOnFake) -> bool:
    return on.fake.bot_id in (await on.room(direct("a", "b"))).joined


async def test_D4_whatever_fails_in_a_visit_the_bot_leaves(on: FirmOnFake) -> None:
    old = await on.room(direct("a", "b"))
    on.fake.script("PUT", f"{re.escape(old.room_id)}/send/", refusal(400, "M_UNKNOWN"))
    with pytest.raises(HomeserverError):
        await on.say(ANN, "!add @cleo", old.room_id)
    assert old.joined == sorted(on.users(ANN, BEN))
    assert await on.store.run(visits_under_way) == []


async def test_D4_a_visit_of_which_nobody_knows_how_it_began_ends_too(on: FirmOnFake) -> None:
    old = await on.room(direct("a", "b"))
    on.fake.script("POST", f"/join/{re.escape(old.room_id)}$", DROP_AFTER, refusal(400, "M_UNKNOWN"))
    with pytest.raises(HomeserverError):
        await on.say(ANN, "!add @cleo", old.room_id)
    assert old.joined == sorted(on.users(ANN, BEN))


async def test_D4_where_the_homeserver_lets_the_bot_not_leave_it_leaves_later(on: FirmOnFake) -> None:
    old = await on.room(direct("a", "b"))
    on.fake.script("POST", f"{re.escape(old.room_id)}/leave$", *[refusal(400, "M_UNKNOWN")] * 2)
    assert "This one stays as it is" in await on.ask(ANN, "!add @cleo", old.room_id)
    assert await _in_it(on)
    assert await on.reconciler.visits.end_all() == 1
    assert await _in_it(on)
    assert await on.new_reconciler().visits.end_all() == 0
    assert not await _in_it(on)
    assert await on.store.run(visits_under_way) == []
    assert len(await notices(on, direct("a", "b"))) == 1


async def test_D4_one_conversation_that_cannot_be_left_holds_up_no_other(on: FirmOnFake) -> None:
    await on.say(ANN, "!dm @cleo")
    first, second = await on.room(direct("a", "b")), await on.room(direct("a", "c"))
    for room in (first, second):
        on.fake.script("POST", f"{re.escape(room.room_id)}/leave$", refusal(400, "M_UNKNOWN"))
    await on.ask(ANN, "!add @cleo", first.room_id)
    await on.ask(ANN, "!add @ben @dan", second.room_id)
    on.fake.script("POST", f"{re.escape(first.room_id)}/leave$", refusal(400, "M_UNKNOWN"))
    assert await on.reconciler.visits.end_all() == 1
    assert on.fake.bot_id not in second.joined
    assert await on.reconciler.visits.end_all() == 0
    assert on.fake.bot_id not in first.joined


@pytest.mark.parametrize("fault", ["direct.visiting", "direct.joined", "direct.said", "direct.left"])
async def test_D4_killed_at_any_step_of_a_visit_the_bot_leaves_after_the_start(
    on: FirmOnFake, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await on.room(direct("a", "b"))

    class Killed(BaseException):
        pass

    def point(name: str) -> None:
        if name == fault:
            # As after kill -9 nothing is tidied up.
            monkeypatch.setattr(on.client, "leave", nothing)
            raise Killed

    async def nothing(*asked: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(faults, "point", point)
        with pytest.raises(Killed):
            await on.say(ANN, "!add @cleo", old.room_id)
    monkeypatch.undo()
    assert await on.new_reconciler().visits.end_all() == 0
    assert old.joined == sorted(on.users(ANN, BEN))
    assert await on.store.run(visits_under_way) == []


async def test_D3_a_conversation_of_earlier_versions_is_listed_under_its_people_and_not_under_the_bot(
    on: FirmOnFake,
) -> None:
    """Its invitations said that it is direct with the bot; by that Element lists it anew whenever somebody opens it."""
    room, chat = await on.room(direct("a", "b")), await on.chat(ANN)
    for person in (ANN, BEN):
        before = room.state_events["m.room.member", on.user(person)]["unsigned"]
        before["prev_content"]["is_direct"] = True
        assert before["prev_sender"] == on.fake.bot_id
    on.fake.account_data[on.user(ANN), "m.direct"] = {on.fake.bot_id: [chat, room.room_id]}
    await on.sync()
    assert on.fake.account_data[on.user(ANN), "m.direct"] == {on.fake.bot_id: [chat], on.user(BEN): [room.room_id]}
    for person in (ANN, BEN):
        assert "is_direct" not in room.state_events["m.room.member", on.user(person)]["unsigned"]["prev_content"]
    assert set(room.joined) == on.users(ANN, BEN)
    await on.hear()
    await on.settled()
    # The chat with the bot is direct with it, and stays so.
    joined = on.fake.rooms[chat].state_events["m.room.member", on.user(ANN)]
    assert joined["unsigned"]["prev_content"]["is_direct"]
