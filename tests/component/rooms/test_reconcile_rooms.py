"""Making rooms once, whatever happens in between: lost answers, half-made rooms, taken addresses, many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.model import Wall
from bridge.firm.room_keys import MARKER
from bridge.mapping.ids import hidden_alias
from bridge.matrix.errors import TokenRejectedError, UnreachableError
from bridge.reconcile.passes import Passes
from bridge.store.engine.store import Store
from bridge.store.rooms.conversations import NewConversation, add_conversations
from bridge.store.rooms.participants import add_participants
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE_TALK, ROOMS, make_firm
from tests.component.firm_on_fake import FirmOnFake, channel, direct, firm_on_fake
from tests.fakes.faults import (
    DROP_AFTER,
    DROP_BEFORE,
    DUPLICATE,
    Behaviour,
    Slow,
    refusal,
    too_many_in_header,
)
from tests.fakes.homeserver import FakeHomeserver

AWAY = too_many_in_header(3600)
"""The homeserver will not answer before the deadline."""


@pytest.fixture(autouse=True)
def settle_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.reconcile.rooms.apply.SETTLING", (0.0, 0.0))


@pytest.fixture
async def new(store: Store) -> AsyncIterator[FirmOnFake]:
    """The firm before anything was made."""
    async with FakeHomeserver() as fake, firm_on_fake(fake, store, synced=False) as made:
        yield made


@pytest.fixture
async def on(new: FirmOnFake) -> FirmOnFake:
    """The firm when everything was made."""
    await new.sync()
    await new.hear()
    # The welcomes.
    await new.said()
    new.fake.requests.clear()
    return new


@pytest.mark.parametrize("fault", [DROP_AFTER, DROP_BEFORE, DUPLICATE], ids=["dropped after", "dropped", "doubled"])
async def test_a_room_whose_creation_was_not_answered_is_made_once(new: FirmOnFake, fault: Behaviour) -> None:
    new.fake.script("POST", "/createRoom$", fault)
    await new.sync()
    assert len(new.fake.rooms) == ROOMS
    new.fake.script("POST", "/createRoom$", fault)
    await new.say(ANN, "!dm @ben")
    assert len(new.fake.rooms) == ROOMS + 1
    assert (await new.room(direct("a", "b"))).joined == sorted(new.users(ANN, BEN))
    await new.settled()


async def test_a_room_half_made_is_left_and_made_anew(new: FirmOnFake) -> None:
    alias = hidden_alias(ESTATE_TALK, new.settings.security.alias_key.get_secret_value())
    half = new.fake.create_room(new.fake.bot_id, {"room_alias_name": alias})
    await new.sync()
    room = await new.room(ESTATE_TALK)
    assert room.room_id != half
    assert new.fake.rooms[half].joined == []
    assert new.fake.aliases[f"#{alias}:localhost"] == room.room_id
    assert len(new.live_rooms()) == ROOMS
    await new.settled()


def breaks_off_again(new: FirmOnFake, monkeypatch: pytest.MonkeyPatch, times: int) -> list[str]:
    """Half-made rooms at the address of a room: one now, and one more, so many times, whenever it was just free."""
    alias = hidden_alias(ESTATE_TALK, new.settings.security.alias_key.get_secret_value())
    half_made = [new.fake.create_room(new.fake.bot_id, {"room_alias_name": alias})]
    delete = new.client.delete_alias

    async def taken_at_once(freed: str) -> None:
        await delete(freed)
        if len(half_made) <= times:
            half_made.append(new.fake.create_room(new.fake.bot_id, {"room_alias_name": alias}))

    monkeypatch.setattr(new.client, "delete_alias", taken_at_once)
    return half_made


async def test_a_homeserver_that_breaks_off_again_leaves_no_half_made_room(
    new: FirmOnFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    half_made = breaks_off_again(new, monkeypatch, times=2)
    await new.sync()
    assert [new.fake.rooms[room_id].joined for room_id in half_made] == [[], [], []]
    assert len(new.live_rooms()) == ROOMS
    await new.settled()


async def test_an_address_that_is_taken_again_and_again_is_told(
    new: FirmOnFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks_off_again(new, monkeypatch, times=5)
    outcome = await new.reconciler.passes.sync()
    assert [failure for failure in outcome.failed if "taken again and again" in failure]
    await new.sync()
    await new.settled()


async def test_a_half_made_room_is_found_again_when_the_bridge_goes_before_its_address_is_free(new: FirmOnFake) -> None:
    alias = hidden_alias(ESTATE_TALK, new.settings.security.alias_key.get_secret_value())
    half = new.fake.create_room(new.fake.bot_id, {"room_alias_name": alias})
    new.fake.script("POST", "/leave$", AWAY)
    new.fake.script("GET", "/whoami$", AWAY)
    with pytest.raises(UnreachableError):
        await new.reconciler.passes.sync()
    await new.sync()
    assert new.fake.rooms[half].joined == []
    assert len(new.live_rooms()) == ROOMS
    await new.settled()


def whole(key: str) -> dict[str, Any]:
    """A createRoom body of a room that has the bridge's mark for this key, at Litigation's address."""
    marker = {"type": MARKER, "state_key": "", "content": {"kind": "channel", "key": key}}
    return {"room_alias_name": "litigation", "initial_state": [marker]}


@pytest.mark.parametrize(
    ("owner", "body"),
    [
        ("mallory", {"room_alias_name": "litigation"}),
        ("mallory", whole(channel("Litigation"))),
    ],
    ids=["a room of somebody else", "one that looks like ours"],
)
async def test_an_address_of_another_room_fails_that_channel_and_nothing_else(
    new: FirmOnFake, owner: str, body: dict[str, Any]
) -> None:
    user_id = new.fake.add_user(owner)
    theirs = new.fake.create_room(user_id, body)
    outcome = await new.reconciler.passes.sync()
    assert outcome.failed[0] == (
        "Channel Litigation: The address #litigation:localhost belongs to a room that the bridge did not make."
        " Remove that address, or give the channel another name."
    )
    assert new.fake.rooms[theirs].joined == [user_id]
    assert len(new.live_rooms()) == ROOMS  # one of them the other's
    assert await new.people(channel("Everyone")) == new.users(ANN, BEN, CLEO, DAN)
    del new.fake.aliases["#litigation:localhost"]
    await new.sync()
    assert await new.people(channel("Litigation")) == new.users(ANN, BEN)
    await new.settled()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/users/@ben"),
        ("POST", "/createRoom$"),
        ("POST", "/join/"),
        ("PUT", "m.direct$"),
        ("POST", "/leave$"),
        ("PUT", "m.space.child"),
        ("GET", "/directory/room/"),
    ],
)
@pytest.mark.parametrize("away", [True, False], ids=["away as a whole", "only this"])
async def test_a_pass_broken_off_is_completed_by_the_next(new: FirmOnFake, method: str, path: str, away: bool) -> None:
    talk = Conversation(direct("a", "b"), ConversationKind.DIRECT, participants=frozenset({"a", "b"}))
    await new.store.run(add_conversations, [NewConversation(talk)])
    new.fake.script("POST", "/createRoom$", DUPLICATE)
    new.fake.script(method, path, AWAY)
    if away:
        new.fake.script("GET", "/whoami$", AWAY)
        with pytest.raises(UnreachableError):
            await new.reconciler.passes.sync()
        new.reconciler = new.new_reconciler()
        await new.sync()
    else:
        assert (await new.reconciler.passes.sync()).failed
        assert new.reconciler.again
        new.reconciler.again.hurry()
        assert (await new.reconciler.rooms.try_again()).failed == ()
        assert not new.reconciler.again
    assert len(new.live_rooms()) == ROOMS + 1
    assert await new.people(direct("a", "b")) == new.users(ANN, BEN)
    await new.settled()


async def test_a_token_that_is_not_accepted_ends_a_pass_at_once(new: FirmOnFake) -> None:
    new.fake.script("POST", "/createRoom$", refusal(401, "M_UNKNOWN_TOKEN"))
    with pytest.raises(TokenRejectedError):
        await new.reconciler.passes.sync()
    assert len(new.fake.asked("POST", "/createRoom$")) == 1


async def test_D1_a_hundred_at_once_for_one_conversation_make_one_room(on: FirmOnFake) -> None:
    talk = Conversation(direct("a", "c"), ConversationKind.DIRECT, participants=frozenset({"a", "c"}))
    await on.store.run(add_conversations, [NewConversation(talk)])
    outcomes = await asyncio.gather(*(on.reconciler.rooms.converge(talk.id) for _ in range(100)))
    assert [outcome for outcome in outcomes if outcome.failed] == []
    assert len(on.fake.asked("POST", "/createRoom$")) == 1
    assert (await on.room(talk.id)).joined == sorted(on.users(ANN, CLEO))
    await on.settled()


async def test_D1_two_processes_at_once_make_one_room(on: FirmOnFake) -> None:
    talk = Conversation(direct("a", "c"), ConversationKind.DIRECT, participants=frozenset({"a", "c"}))
    await on.store.run(add_conversations, [NewConversation(talk)])
    created = Slow(asyncio.Event(), act_first=True)
    on.fake.script("POST", "/createRoom$", created)
    first = asyncio.create_task(on.reconciler.rooms.converge(talk.id))
    await created.arrived.wait()
    assert (await on.new_reconciler().rooms.converge(talk.id)).failed == ()
    created.until.set()
    assert (await first).failed == ()
    assert (await on.room(talk.id)).joined == sorted(on.users(ANN, CLEO))
    assert len(on.live_rooms()) == ROOMS + 1
    await on.settled()


async def test_a_change_that_a_pass_has_not_read_is_not_undone_by_it(
    on: FirmOnFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = Passes.scan

    async def read_before_the_change(passes: Passes, *what: Any) -> Any:
        found = await scan(passes, *what)
        await on.store.run(add_participants, channel("Litigation"), ["c"], "a")
        await on.reconciler.rooms.converge(channel("Litigation"))
        return found

    monkeypatch.setattr(Passes, "scan", read_before_the_change)
    await on.sync()
    assert on.user(CLEO) in await on.people(channel("Litigation"))
    assert on.fake.asked("POST", "/kick$") == []


async def test_a_pass_and_a_command_at_the_same_time(on: FirmOnFake) -> None:
    """The pass has its plan when the command comes, and gets to the room after it."""
    ben = (await on.room(ESTATE_TALK)).room_id
    on.fake.kick(ben, on.fake.bot_id, on.user(BEN))
    everyone = (await on.room(channel("Everyone"))).room_id
    on.fake.kick(everyone, on.fake.bot_id, on.user(DAN))
    held = Slow(asyncio.Event())
    on.fake.script("GET", "m.direct$", held)
    whole_pass = asyncio.create_task(on.sync())
    await held.arrived.wait()
    answers = await on.say(ANN, "!channel create Tides @cleo")
    answers += await on.say(ANN, "!dm @cleo Hello")
    held.until.set()
    await whole_pass
    assert [answer.body[:4] for answer in answers] == ["Made", "Hell", "Here"]
    assert await on.people(channel("Tides")) == on.users(ANN, CLEO)
    assert (await on.room(direct("a", "c"))).joined == sorted(on.users(ANN, CLEO))
    assert await on.people(ESTATE_TALK) == on.users(ANN, BEN)
    await on.settled()


async def test_M3_a_wall_that_comes_while_a_pass_is_under_way_holds_for_the_rest_of_it(new: FirmOnFake) -> None:
    held = Slow(asyncio.Event())
    new.fake.script("POST", "/createRoom$", held)
    whole_pass = asyncio.create_task(new.sync())
    await held.arrived.wait()
    new.firm = make_firm(walls=(Wall("w", matter_id="m1", people=("b",)),))
    held.until.set()
    await whole_pass
    room = await new.room(ESTATE_TALK)
    assert [event for event in room.timeline if event.get("state_key") == new.user(BEN)] == []
