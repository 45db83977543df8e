"""The bridge tells the guard before it acts, and does not act where it could not (M3)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from bridge.firm.facts import digest_of
from bridge.firm.room_keys import matter_space_key
from bridge.guard.protocol import FAREWELL_PATH, OUTDATED, PATH, sign_push, sign_question
from bridge.store.engine.store import Store
from bridge.store.rooms.world import read_world
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE_TALK, EVE, ROOMS, WALL, make_firm
from tests.component.firm_on_fake import FirmOnFake, channel, direct, firm_on_fake
from tests.fakes.faults import Answer, Behaviour, Drop, refusal
from tests.fakes.guard import GUARD_KEY, FakeGuard
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.room import Denied

WITHOUT_CLEO = (ANN, BEN, replace(CLEO, former=True), DAN, EVE)
OTHER_WALL = replace(WALL, id="w2", matter_id="m1", people=("b",))


@pytest.fixture
async def firm(fake: FakeHomeserver, store: Store, guard: FakeGuard) -> AsyncIterator[FirmOnFake]:
    async with firm_on_fake(fake, store) as made:
        yield made


def order(fake: FakeHomeserver) -> list[str]:
    """What was asked for and done, in short: tell for the guard, else the end of the path."""
    done = (request for request in fake.requests if request.method != "GET" and request.status < 400)
    return ["tell" if request.path == PATH else request.path.rpartition("/")[2] for request in done]


def pushes(fake: FakeHomeserver) -> list[str]:
    return ["change" if "base" in request.body else "all" for request in fake.asked("POST", PATH)]


async def test_a_firm_is_made_with_the_guard_in_force(fake: FakeHomeserver, store: Store, guard: FakeGuard) -> None:
    async with firm_on_fake(fake, store, synced=False) as firm:
        await firm.sync()
        asked = order(fake)
        assert asked.index("tell") < asked.index("createRoom")
        # What is new is told once who must not be anywhere is out and it is stored: a part at a time, each thing once.
        whole, *parts = fake.asked("POST", PATH)
        assert whole.body["records"]["account"] == whole.body["records"]["conversation"] == {}
        assert pushes(fake) == ["all", *["change"] * len(parts)]
        new = [(kind, one) for told in parts for kind, records in told.body["put"].items() for one in records]
        assert sorted(new) == sorted(set(new))
        assert {kind for kind, _ in new} == {"account", "conversation"}
        assert {one for kind, one in new if kind == "conversation"} == set((await read_world(firm.store)).conversations)
        assert len(firm.live_rooms()) == ROOMS
        assert not guard.keeper.refused
        again = firm.new_reconciler()
        assert (await again.passes.sync()).done == 0
        assert pushes(fake) == ["all", *["change"] * len(parts), "all"]


async def test_what_is_told_is_what_changed_and_before_it_is_done(firm: FirmOnFake, guard: FakeGuard) -> None:
    await firm.say(ANN, "!dm @ben @cleo")
    asked = order(firm.fake)
    assert asked.index("tell") < asked.index("createRoom")
    assert pushes(firm.fake) == ["change"]
    (told,) = firm.fake.asked("POST", PATH)
    assert list(told.body["put"]) == ["conversation"]
    assert await firm.people(direct("a", "b", "c")) == firm.users(ANN, BEN, CLEO)
    firm.fake.requests.clear()
    await firm.reconciler.passes.sync()
    await firm.reconciler.rooms.converge(ESTATE_TALK)
    assert pushes(firm.fake) == []


async def test_V4_the_guard_refuses_forbidden_files_by_the_rules_it_was_told(
    firm: FirmOnFake, guard: FakeGuard
) -> None:
    room_id = (await firm.room(ESTATE_TALK)).room_id
    forbidden = {"msgtype": "m.file", "body": "setup.exe"}
    firm.fake.send(room_id, firm.user(ANN), "m.room.message", {"msgtype": "m.file", "body": "letter.pdf"})
    firm.fake.send(room_id, firm.fake.bot_id, "m.room.message", forbidden)
    for content in (forbidden, {"msgtype": "m.text", "body": "x", "m.new_content": forbidden}):
        with pytest.raises(Denied, match=r"Files of the type \.exe may not be sent here\."):
            firm.fake.send(room_id, firm.user(ANN), "m.room.message", content)
    assert guard.keeper.refused == {"V4 type": 2}


async def test_M3_a_wall_is_in_force_in_the_homeserver_before_anybody_is_taken_out(
    firm: FirmOnFake, guard: FakeGuard
) -> None:
    before, firm.firm = firm.firm, make_firm(walls=[WALL, OTHER_WALL])
    await firm.reconciler.passes.follow(before)
    asked = order(firm.fake)
    assert asked.index("tell") < asked.index("kick")
    assert firm.user(BEN) not in await firm.people(ESTATE_TALK)
    room = await firm.room(ESTATE_TALK)
    with pytest.raises(Denied, match="cannot be in this conversation"):
        firm.fake.invite(room.room_id, firm.user(ANN), firm.user(BEN))
    # Lifted, he comes in again.
    before, firm.firm = firm.firm, make_firm()
    await firm.reconciler.passes.follow(before)
    assert firm.user(BEN) in await firm.people(ESTATE_TALK)


@pytest.mark.parametrize(
    "failure",
    [
        Answer(404, b'{"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"}'),
        Answer(403, b'{"errcode": "M_FORBIDDEN", "error": "Another key"}'),
        Answer(400, b'{"errcode": "M_BAD_JSON", "error": "Another version"}'),
        Drop(act=False),
    ],
)
async def test_M3_who_must_go_is_out_and_nobody_is_let_in_where_the_guard_could_not_be_told(
    fake: FakeHomeserver, store: Store, guard: FakeGuard, failure: Answer | Drop
) -> None:
    async with firm_on_fake(fake, store, deadline=1.0) as firm:
        fake.script("POST", PATH, *[failure] * 1000)
        (said,) = await firm.say(ANN, "!dm @ben @cleo Lunch?")
        assert "not work out" in said.body and "Your message was not sent" in said.body
        devices = fake.accounts[firm.user(CLEO)].devices
        devices.add("PHONE")
        before, firm.firm = firm.firm, make_firm(staff=WITHOUT_CLEO, walls=[WALL, OTHER_WALL])
        outcome = await firm.reconciler.passes.follow(before)
        assert "guard" in str(outcome.failed) or "connection was lost" in str(outcome.failed)
        assert firm.user(BEN) not in await firm.people(ESTATE_TALK)
        assert firm.user(BEN) not in await firm.people(matter_space_key("m1"))
        assert fake.accounts[firm.user(CLEO)].locked and not devices
        assert fake.joined_rooms(firm.user(CLEO)) == []
        # The same by the pass over everything, and at a start; also of what the guard would not have let happen.
        talk = (await firm.room(ESTATE_TALK)).room_id
        with patch.object(fake, "guard", None):
            fake.force(talk, fake.bot_id, "m.room.join_rules", "", {"join_rule": "public"})
        await firm.new_reconciler().passes.shut_out()
        await firm.reconciler.passes.sync()
        assert (await firm.room(ESTATE_TALK)).state["m.room.join_rules", ""]["join_rule"] != "public"
        assert [name for name in order(fake) if name in {"createRoom", "invite", "join"}] == []
        assert not fake.accounts[firm.user(CLEO)].deactivated
        assert "account" in firm.reconciler.again.words()
        fake.keep_to_no_script()
        await firm.reconciler.guarding.confirm()
        firm.reconciler.again.hurry()
        assert (await firm.reconciler.rooms.try_again()).failed == ()
        assert not firm.reconciler.again
        assert fake.accounts[firm.user(CLEO)].deactivated
        assert await firm.people(direct("a", "b", "c")) == firm.users(ANN, BEN)
        await firm.settled()


@pytest.mark.parametrize(
    ("path", "meets"),
    [
        ("/deactivate/@cleo:", Drop(act=True)),
        ("/deactivate/@cleo:", Drop(act=False)),
        (FAREWELL_PATH, Drop(act=True)),
        (FAREWELL_PATH, refusal(409, OUTDATED)),
        (FAREWELL_PATH, refusal(500, "M_UNKNOWN")),
    ],
)
async def test_F2_O1_the_end_of_an_account_is_nobody_elses_attempt(
    firm: FirmOnFake, guard: FakeGuard, monkeypatch: pytest.MonkeyPatch, path: str, meets: Behaviour
) -> None:
    """A farewell is good for one time: whatever is repeated behind it would be refused, and told to the admins."""
    monkeypatch.setattr("bridge.reconcile.again.FIRST_SECONDS", 0.0)
    monkeypatch.setattr("bridge.reconcile.waits.PATIENCE", 0.1)
    firm.fake.script("POST", path, meets)
    before, firm.firm = firm.firm, make_firm(staff=WITHOUT_CLEO)
    await firm.reconciler.passes.follow(before)
    while firm.reconciler.again:
        await firm.reconciler.rooms.try_again()
    assert firm.fake.accounts[firm.user(CLEO)].deactivated
    assert guard.keeper.refused == {}
    await firm.settled()


async def test_told_again_from_the_beginning_where_the_answer_was_lost(firm: FirmOnFake, guard: FakeGuard) -> None:
    firm.fake.script("POST", PATH, Drop(act=True))
    await firm.say(ANN, "!dm @ben @cleo")
    assert pushes(firm.fake) == ["change", "change", "all"]
    assert await firm.people(direct("a", "b", "c")) == firm.users(ANN, BEN, CLEO)


async def test_told_from_the_beginning_where_the_guard_knows_something_else(
    firm: FirmOnFake, guard: FakeGuard, tmp_path: Path
) -> None:
    firm.fake.guard = FakeGuard(tmp_path / "another", firm.fake.bot_id)
    await firm.say(ANN, "!dm @ben @cleo")
    assert pushes(firm.fake) == ["change", "all"]
    firm.fake.requests.clear()
    # A bridge whose clock is behind, or another process of it, was there.
    firm.fake.guard.keeper.accept(*ahead(2**60))
    await firm.say(ANN, "!dm @ben @dan")
    assert pushes(firm.fake) == ["change", "all", "all"]
    assert await firm.people(direct("a", "b", "d")) == firm.users(ANN, BEN, DAN)


def ahead(version: int) -> tuple[bytes, str]:
    body = b'{"version": %d, "records": {}}' % version
    return body, sign_push(GUARD_KEY, body)


async def test_a_guard_that_lost_its_policy_is_told_without_being_asked_for_anything(
    firm: FirmOnFake, guard: FakeGuard
) -> None:
    await firm.reconciler.guarding.confirm()
    assert pushes(firm.fake) == []
    before = guard.keeper.status(sign_question(GUARD_KEY))
    guard.keeper.policy = None
    await firm.reconciler.guarding.confirm()
    after = guard.keeper.status(sign_question(GUARD_KEY))
    assert pushes(firm.fake) == ["all"]
    assert after["digest"] == before["digest"] != ""
    assert guard.keeper.policy is not None
    assert digest_of(guard.keeper.policy.facts) == after["digest"]


async def test_V1_a_colleague_invited_in_a_client_is_in(firm: FirmOnFake) -> None:
    for key, guest in ((ESTATE_TALK, CLEO), (channel("Litigation"), DAN)):
        room = await firm.room(key)
        firm.fake.invite(room.room_id, firm.user(BEN), firm.user(guest))
        await firm.hear()
        assert firm.user(guest) in await firm.people(key)
        (told,) = await firm.said()
        assert told.room_id == await firm.chat(guest)
        assert told.body.startswith("Ben Booth added you to ")
    with pytest.raises(Denied, match="cannot be in this conversation"):
        firm.fake.invite((await firm.room(ESTATE_TALK)).room_id, firm.user(BEN), firm.user(EVE))
    await firm.settled()


async def test_C1_nobody_invites_into_an_archived_channel(firm: FirmOnFake) -> None:
    await firm.say(ANN, "!channel archive Litigation")
    room = await firm.room(channel("Litigation"))
    with pytest.raises(Denied):
        firm.fake.invite(room.room_id, firm.user(BEN), firm.user(DAN))


async def test_channels_can_be_listed_by_the_homeserver(firm: FirmOnFake) -> None:
    rule = (await firm.room(channel("Litigation"))).state["m.room.join_rules", ""]
    assert rule["join_rule"] == "knock_restricted"
    firm.fake.join((await firm.room(channel("Litigation"))).room_id, firm.user(DAN))
    await firm.hear()
    assert firm.user(DAN) in await firm.people(channel("Litigation"))


async def test_without_a_guard_nothing_is_told_and_rooms_stay_closed(fake: FakeHomeserver, store: Store) -> None:
    async with firm_on_fake(fake, store) as firm:
        assert fake.asked("POST", PATH) == []
        await firm.reconciler.guarding.confirm()
        assert fake.asked("GET", PATH) == []
        court = await firm.room(channel("Litigation"))
        assert court.state["m.room.join_rules", ""]["join_rule"] == "restricted"
        assert court.levels["invite"] == 100
