"""Joins and leaves that people make in their own clients: recorded, put back, or old news (V1)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.firm.conversation import bot_chat_id
from bridge.firm.model import Wall
from bridge.firm.room_keys import STAFF_SPACE, matter_space_key
from bridge.mapping.event import event_of
from bridge.reconcile.convergence import Convergence
from bridge.reconcile.rooms.unread import SAID
from bridge.store.engine.store import Store
from bridge.store.rooms.conversations import conversation_by_id
from bridge.store.rooms.participants import add_participants, remove_participant
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE_TALK, EVE, make_firm
from tests.component.firm_on_fake import FirmOnFake, channel, direct, firm_on_fake
from tests.fakes.guard import FakeGuard
from tests.fakes.homeserver import FakeHomeserver

LITIGATION = channel("Litigation")
EVERYONE = channel("Everyone")


async def participants(on: FirmOnFake, key: str) -> set[str]:
    conversation = await on.store.run(conversation_by_id, key)
    assert conversation is not None
    return set(conversation.participants)


def room_named(on: FirmOnFake, name: str) -> str:
    """The id of the one room with this name."""
    (found,) = [one.room_id for one in on.fake.rooms.values() if one.state.get(("m.room.name", "")) == {"name": name}]
    return found


async def force_in(on: FirmOnFake, key: str, user_id: str) -> None:
    """Let somebody in as a server admin can."""
    room_id = (await on.room(key)).room_id
    on.fake.invite(room_id, on.fake.bot_id, user_id)
    on.fake.join(room_id, user_id)


async def test_C1_a_channel_joined_in_a_client_is_joined(on: FirmOnFake) -> None:
    on.fake.join((await on.room(LITIGATION)).room_id, on.user(CLEO))
    await on.hear()
    assert await participants(on, LITIGATION) == {"a", "b", "c"}
    # C2: that new messages count for her is all there was to do.
    assert ["/pushrules/" in request.path for request in on.fake.changes()] == [True] * len(SAID)
    await on.settled()


async def test_a_leave_is_recorded_and_not_undone(on: FirmOnFake) -> None:
    on.fake.leave((await on.room(LITIGATION)).room_id, on.user(BEN))
    on.fake.leave((await on.room(ESTATE_TALK)).room_id, on.user(BEN))
    await on.hear()
    assert await participants(on, LITIGATION) == await participants(on, ESTATE_TALK) == {"a"}
    # M1: nor is the matter found in its space by who talks in none of its conversations.
    assert await on.people(matter_space_key("m1")) == on.users(ANN)
    await on.settled()


@pytest.mark.parametrize("guarded", [False, True])
async def test_M2_who_leaves_a_matters_conversation_is_told_the_way_back(
    guarded: bool, fake: FakeHomeserver, store: Store, tmp_path: Path
) -> None:
    """Where no client shows it: with the guard the matter's space does, as long as they are in another one."""
    if guarded:
        fake.guard = FakeGuard(tmp_path / "firm-policy", fake.bot_id)
    async with firm_on_fake(fake, store) as on:
        await on.ask_to_add(ANN, '!matter start 2026-0042 "Costs" @ben')
        costs = room_named(on, "Costs · 2026-0042 Estate of Orla Quill")
        heard = []
        for room_id in (costs, (await on.room(ESTATE_TALK)).room_id):
            on.fake.leave(room_id, on.user(BEN))
            await on.hear()
            heard += [one.body for one in await on.said() if one.room_id == await on.chat(BEN)]
        told = [
            f"You have left {one} of matter 2026-0042. “!matter join 2026-0042 {one}” brings you back."
            for one in ("Costs", "General")
        ]
        assert heard == (told[1:] if guarded else told)
        await on.ask(BEN, "!matter join 2026-0042 General")
        # Whoever may not come back is told nothing of it.
        on.firm = make_firm(walls=(Wall("w", matter_id="m1", people=("b",)),))
        on.fake.leave((await on.room(ESTATE_TALK)).room_id, on.user(BEN))
        await on.hear()
        assert await on.said() == []


async def test_joined_and_left_before_the_bridge_heard_of_either_is_left(on: FirmOnFake) -> None:
    room_id = (await on.room(LITIGATION)).room_id
    on.fake.join(room_id, on.user(CLEO))
    on.fake.leave(room_id, on.user(CLEO))
    on.fake.leave(room_id, on.user(BEN))
    on.fake.join(room_id, on.user(BEN))
    await on.hear()
    assert await on.people(LITIGATION) == on.users(ANN, BEN)
    assert await participants(on, LITIGATION) == {"a", "b"}
    await on.settled()


@pytest.mark.parametrize("key", [EVERYONE, bot_chat_id("b"), STAFF_SPACE, matter_space_key("m1")])
async def test_C4_what_nobody_leaves_is_put_back(on: FirmOnFake, key: str) -> None:
    before = await on.people(key)
    on.fake.leave((await on.room(key)).room_id, on.user(BEN))
    await on.hear()
    assert await on.people(key) == before
    await on.settled()


async def test_a_leave_of_before_somebody_was_added_again_is_old_news(on: FirmOnFake) -> None:
    await on.say(ANN, "!dm @ben")
    key = direct("a", "b")
    on.fake.leave((await on.room(key)).room_id, on.user(BEN))
    # The command overtakes the event, which waits in another room's lane.
    left = on.events.pop()
    await on.say(ANN, "!dm @ben")
    assert set((await on.room(key)).joined) == on.users(ANN, BEN)
    await on.handle(left)
    assert await participants(on, key) == {"a", "b"}
    assert set((await on.room(key)).joined) == on.users(ANN, BEN)
    await on.settled()


async def test_a_join_of_before_somebody_was_taken_out_is_old_news(on: FirmOnFake) -> None:
    on.fake.join((await on.room(LITIGATION)).room_id, on.user(CLEO))
    joined = on.events.pop()
    await on.store.run(add_participants, LITIGATION, ["c"], "a")
    await on.store.run(remove_participant, LITIGATION, "c", joined["origin_server_ts"] + 1, by="c")
    await on.handle(joined)
    assert await on.people(LITIGATION) == on.users(ANN, BEN)
    await on.settled()


@pytest.mark.parametrize("key", [ESTATE_TALK, LITIGATION, EVERYONE, STAFF_SPACE, matter_space_key("m1")])
async def test_F1_a_stranger_and_a_leaver_are_taken_out(on: FirmOnFake, key: str) -> None:
    inside = await on.people(key)
    on.firm = make_firm(staff=(ANN, BEN, CLEO, replace(DAN, enabled=False), EVE))
    await on.sync()
    stranger = on.fake.add_user("stranger")
    for user_id in (stranger, on.user(DAN)):
        await force_in(on, key, user_id)
    await on.hear()
    assert await on.people(key) == inside - {on.user(DAN)}
    await on.settled()


async def test_M3_a_walled_person_is_taken_out_even_when_picked_before_the_wall(on: FirmOnFake) -> None:
    on.firm = make_firm(walls=(Wall("w", matter_id="m1", people=("b",)),))
    await on.sync()
    await on.hear()
    for key in (ESTATE_TALK, matter_space_key("m1")):
        await force_in(on, key, on.user(BEN))
    with capture_logs() as logs:
        await on.hear()
    assert await on.people(ESTATE_TALK) == await on.people(matter_space_key("m1")) == on.users(ANN)
    refused = {line["rule"] for line in logs if line["event"] == "participant_refused"}
    assert refused == {"M3"}
    await on.settled()


async def test_M2_somebody_with_access_who_is_let_in_is_a_participant_and_finds_the_matter(on: FirmOnFake) -> None:
    await force_in(on, ESTATE_TALK, on.user(CLEO))
    await on.hear()
    assert await participants(on, ESTATE_TALK) == {"a", "b", "c"}
    assert await on.people(matter_space_key("m1")) == on.users(ANN, BEN, CLEO)
    await on.settled()


async def test_D2_nobody_is_let_into_a_direct_conversation(on: FirmOnFake) -> None:
    await on.say(ANN, "!dm @ben")
    key = direct("a", "b")
    on.fake.block_invites = False
    on.fake.invite((await on.room(key)).room_id, on.user(ANN), on.user(CLEO))
    await on.hear()
    assert (await on.room(key)).members[on.user(CLEO)] == "leave"
    on.fake.invite((await on.room(key)).room_id, on.user(ANN), on.user(CLEO))
    on.fake.join((await on.room(key)).room_id, on.user(CLEO))
    await on.hear()
    assert set((await on.room(key)).joined) == on.users(ANN, BEN)
    await on.settled()


async def test_what_the_bridge_does_itself_causes_nothing_more(on: FirmOnFake) -> None:
    await on.say(ANN, "!channel create Tides @ben @cleo")
    await on.say(ANN, '!matter start 2026-0042 "Tides" @ben @cleo')
    made = len(on.fake.changes())
    replayed = [event for room in on.fake.rooms.values() for event in room.timeline]
    on.events.extend(replayed)
    await on.hear()
    assert len(on.fake.changes()) == made


async def test_a_new_name_or_picture_is_no_news(on: FirmOnFake) -> None:
    on.fake.change_account(on.user(BEN), {"displayname": "Benjamin"})
    assert len(on.events) > 4
    assert [event for event in on.events if on.router.kept(event_of(event), event) is not None] == []


async def test_what_is_no_membership_is_no_news(on: FirmOnFake) -> None:
    room_id = (await on.room(channel("Litigation"))).room_id
    event = on.fake.message(room_id, on.user(BEN), "x") | {"type": "m.room.member", "content": {"membership": "join"}}
    assert on.router.kept(event_of(event), event) is None


async def test_a_chat_made_anew_is_known_at_once(on: FirmOnFake) -> None:
    old = await on.chat(BEN)
    assert await on.ask(BEN, "ping") == "pong"
    on.fake.leave(old, on.fake.bot_id)
    await on.sync()
    await on.hear()
    assert await on.chat(BEN) != old
    # Without an exclamation mark, since it is known to be a chat with the bot.
    assert await on.ask(BEN, "ping") == "pong"


async def test_a_space_is_read_for_every_move_but_touched_only_when_it_is_wrong(
    on: FirmOnFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched: list[str] = []
    converge = Convergence.converge

    async def noted(self: Convergence, *keys: str) -> object:
        touched.extend(keys)
        return await converge(self, *keys)

    monkeypatch.setattr(Convergence, "converge", noted)
    space = await on.room(STAFF_SPACE)
    on.events.extend(event for event in space.timeline if event["type"] == "m.room.member")
    await on.hear()
    assert touched == []
    on.fake.leave(space.room_id, on.user(CLEO))
    await on.hear()
    assert touched == [STAFF_SPACE]
