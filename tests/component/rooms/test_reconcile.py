"""What is becomes what should be: passes over the whole firm, and what others changed behind the bridge's back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.clock import firm_today
from bridge.firm.conversation import bot_chat_id
from bridge.firm.model import Wall
from bridge.firm.room_keys import KEEPER_SPACE, STAFF_SPACE, matter_space_key
from bridge.reconcile.planning.steps import Action
from bridge.store.engine.store import Store
from bridge.store.record.homeserver_time import homeserver_ms
from bridge.store.rooms.participants import remove_participant
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE_TALK, MERGER_TALK, ROOMS, make_firm
from tests.component.firm_on_fake import FirmOnFake, channel, direct, firm_on_fake
from tests.fakes.faults import refusal
from tests.fakes.guard import FakeGuard
from tests.fakes.homeserver import FakeHomeserver

LITIGATION = channel("Litigation")
EVERYONE = channel("Everyone")


@pytest.mark.parametrize("version", ["11", "12"])
async def test_a_firm_is_made_and_a_second_pass_changes_nothing(version: str, store: Store) -> None:
    async with FakeHomeserver() as fake, firm_on_fake(fake, store, room_version=version) as on:
        assert len(fake.rooms) == ROOMS
        assert await on.people(STAFF_SPACE) == await on.people(EVERYONE) == on.users(ANN, BEN, CLEO, DAN)
        assert await on.people(LITIGATION) == on.users(ANN, BEN)
        assert await on.people(ESTATE_TALK) == await on.people(matter_space_key("m1")) == on.users(ANN, BEN)
        assert await on.people(MERGER_TALK) == await on.people(matter_space_key("m2")) == on.users(ANN)
        assert await on.people(bot_chat_id("c")) == on.users(CLEO)
        assert await on.people(KEEPER_SPACE) == set()
        await on.settled()


async def test_progress_counts_up_to_all_there_is(store: Store) -> None:
    """Some rooms are worked on twice: a space that is made before its rooms and lists them later, or lists one that was
    made anew."""
    async with FakeHomeserver() as fake, firm_on_fake(fake, store, synced=False) as on:
        for lost in (None, LITIGATION, ESTATE_TALK):
            if lost is not None:
                fake.delete_room((await on.room(lost)).room_id)
            shown: list[tuple[int, int]] = []

            def show(done: int, total: int, _: str, shown: list[tuple[int, int]] = shown) -> None:
                shown.append((done, total))

            await on.reconciler.passes.sync(show)
            done, (total,) = [one for one, _ in shown], {total for _, total in shown}
            assert done == sorted(done)
            assert done[-1] == total


async def test_F1_nobody_who_left_gets_an_account(on: FirmOnFake) -> None:
    assert on.fake.accounts.keys() == {on.fake.bot_id, *on.users(ANN, BEN, CLEO, DAN)}


@pytest.mark.parametrize("guarded", [False, True])
async def test_O2_a_plan_changes_nothing_and_names_every_step(store: Store, tmp_path: Path, guarded: bool) -> None:
    async with FakeHomeserver() as fake:
        if guarded:
            # Then a matter's space is made before its conversations, and lists them afterwards.
            fake.guard = FakeGuard(tmp_path / "firm-policy", fake.bot_id)
        async with firm_on_fake(fake, store, synced=False) as on:
            await names_every_step(on)


async def names_every_step(on: FirmOnFake) -> None:
    fake = on.fake
    plan = await on.reconciler.planner.plan()
    assert fake.changes() == []
    assert [step.action for step in plan.steps].count(Action.CREATE_ROOM) == ROOMS
    assert len(set(plan.steps)) == len(plan.steps)
    done = await on.sync()
    assert done.done >= len(plan.steps)
    assert fake.asked("POST", "/createRoom$") != []


async def test_M3_removal_comes_before_addition(on: FirmOnFake) -> None:
    room = await on.room(ESTATE_TALK)
    on.fake.add_user("stranger")
    on.fake.invite(room.room_id, on.fake.bot_id, "@stranger:localhost")
    on.fake.join(room.room_id, "@stranger:localhost")
    on.fake.kick(room.room_id, on.fake.bot_id, on.user(ANN))
    with capture_logs():
        await on.sync()
    assert await on.people(ESTATE_TALK) == on.users(ANN, BEN)
    paths = [request.path.rpartition("/")[2] for request in on.fake.changes() if room.room_id in request.path]
    assert paths.index("kick") < paths.index("invite")
    assert "@stranger:localhost" in room.forgotten
    await on.settled()


@pytest.mark.parametrize(
    ("event_type", "content"),
    [
        ("m.room.power_levels", {"users": {"@bot:localhost": 100, "@ben:localhost": 100}, "state_default": 0}),
        ("m.room.join_rules", {"join_rule": "public"}),
        ("m.room.history_visibility", {"history_visibility": "world_readable"}),
        ("m.room.guest_access", {"guest_access": "can_join"}),
        ("m.room.name", {"name": "Something else"}),
        ("org.firm-bridge.room", {}),
    ],
)
async def test_O3_what_somebody_else_changed_is_put_back(on: FirmOnFake, event_type: str, content: Any) -> None:
    room = await on.room(ESTATE_TALK)
    before = room.state[event_type, ""]
    # Nobody can change the level of encryption, which is above everybody's.
    kept = before if event_type == "m.room.power_levels" else {}
    on.fake.put_state(room.room_id, on.fake.bot_id, event_type, "", {**kept, **content})
    planned = [(step.action, step.what) for step in (await on.reconciler.planner.plan()).steps]
    # Whoever has as much power as the bot gives it up first.
    takes = [(Action.TAKE_POWER, "")] if event_type == "m.room.power_levels" else []
    assert planned == [*takes, (Action.SET_STATE, event_type)]
    await on.sync()
    assert room.state[event_type, ""] == before
    await on.settled()


@pytest.mark.parametrize("comes_in", [False, True], ids=["only invited", "comes in a moment before they are removed"])
async def test_O3_who_was_given_the_bots_power_is_put_out_and_nothing_is_left_to_do(
    on: FirmOnFake, monkeypatch: pytest.MonkeyPatch, comes_in: bool
) -> None:
    room = await on.room(ESTATE_TALK)
    before, root = room.state["m.room.power_levels", ""], "@root:localhost"
    on.fake.add_user("root")
    raised = {**before, "users": {**before["users"], root: 100}}
    on.fake.put_state(room.room_id, on.fake.bot_id, "m.room.power_levels", "", raised)
    on.fake.invite(room.room_id, on.fake.bot_id, root)
    kick = on.fake.kick

    def joined_first(room_id: str, *asked: Any) -> None:
        if comes_in:
            on.fake.join(room_id, root)
        kick(room_id, *asked)

    monkeypatch.setattr(on.fake, "kick", joined_first)
    await on.sync()
    assert root not in room.joined
    # Nobody can take it from them outside the room, where it is of no use.
    assert room.state["m.room.power_levels", ""] == (before if comes_in else raised)
    await on.settled()


async def test_O3_a_power_that_cannot_be_taken_keeps_the_others_from_nothing(on: FirmOnFake) -> None:
    room = await on.room(ESTATE_TALK)
    before, root = room.state["m.room.power_levels", ""], "@root:localhost"
    users = {**before["users"], root: 100, on.user(ANN): 50}
    on.fake.put_state(room.room_id, on.fake.bot_id, "m.room.power_levels", "", {**before, "users": users})
    await on.sync()
    assert room.state["m.room.power_levels", ""]["users"] == {**before["users"], root: 100}
    await on.settled()
    # Once they come in they lose it, and are put out.
    on.fake.add_user("root")
    on.fake.invite(room.room_id, on.fake.bot_id, root)
    on.fake.join(room.room_id, root)
    await on.sync()
    assert room.state["m.room.power_levels", ""] == before
    assert root not in room.joined
    await on.settled()


async def test_what_fails_for_one_person_is_done_for_the_others(on: FirmOnFake) -> None:
    room = await on.room(EVERYONE)
    for person in (ANN, BEN, CLEO):
        on.fake.kick(room.room_id, on.fake.bot_id, on.user(person))
    # Synapse refuses whatever is done in the name of a suspended user.
    on.fake.script("POST", "/join/", refusal(403, "M_USER_SUSPENDED"))
    outcome = await on.reconciler.passes.sync()
    (failed,) = outcome.failed
    assert failed.startswith("Channel Everyone: Add @ann:localhost to Channel Everyone. ")
    assert await on.people(EVERYONE) == on.users(BEN, CLEO, DAN)
    await on.sync()
    await on.settled()


async def test_an_account_that_cannot_be_made_keeps_nothing_else_from_being_done(store: Store) -> None:
    async with FakeHomeserver() as fake, firm_on_fake(fake, store, synced=False) as on:
        fake.script("PUT", "/users/@ben", refusal(400, "M_UNKNOWN", "Threepid is already in use"))
        outcome = await on.reconciler.passes.sync()
        assert outcome.failed[0].startswith("Ben Booth: ")
        assert await on.people(ESTATE_TALK) == on.users(ANN)
        assert await on.people(EVERYONE) == on.users(ANN, CLEO, DAN)
        await on.sync()
        assert await on.people(ESTATE_TALK) == on.users(ANN, BEN)
        await on.settled()


@pytest.mark.parametrize("key", [ESTATE_TALK, LITIGATION, STAFF_SPACE, matter_space_key("m1"), bot_chat_id("b")])
@pytest.mark.parametrize("alias_too", [True, False])
async def test_a_room_deleted_behind_our_back_is_made_anew(
    on: FirmOnFake, key: str, alias_too: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.reconcile.rooms.apply.SETTLING", (0.0,))
    old, people = await on.room(key), await on.people(key)
    del on.fake.rooms[old.room_id]
    if alias_too:
        on.fake.aliases = {alias: room_id for alias, room_id in on.fake.aliases.items() if room_id != old.room_id}
    await on.sync()
    assert (await on.room(key)).room_id != old.room_id
    assert await on.people(key) == people
    await on.settled()


async def test_a_new_staff_space_lets_everyone_join_channels_as_the_old_one_did(on: FirmOnFake) -> None:
    del on.fake.rooms[(await on.room(STAFF_SPACE)).room_id]
    on.fake.aliases = {alias: room_id for alias, room_id in on.fake.aliases.items() if room_id in on.fake.rooms}
    await on.sync()
    on.fake.join((await on.room(LITIGATION)).room_id, on.user(CLEO))


async def test_a_room_that_the_bot_cannot_come_back_into_is_made_anew_and_nobody_stays_in_the_old_one(
    on: FirmOnFake,
) -> None:
    old = await on.room(ESTATE_TALK)
    on.fake.leave(old.room_id, on.fake.bot_id)
    await on.hear()
    await on.sync()
    assert (await on.room(ESTATE_TALK)).room_id != old.room_id
    assert old.joined == []
    assert await on.people(ESTATE_TALK) == on.users(ANN, BEN)
    # What the bridge did in their names is not taken for their own leaving.
    await on.hear()
    assert await on.people(ESTATE_TALK) == on.users(ANN, BEN)
    await on.settled()


async def test_M3_somebody_walled_is_removed_also_where_the_bot_is_not_in_the_room(on: FirmOnFake) -> None:
    await on.say(ANN, "!dm @ben")
    old = await on.room(direct("a", "b"))
    keeper = await on.room(KEEPER_SPACE)
    del on.fake.rooms[keeper.room_id]
    on.firm = make_firm(staff=(ANN, replace(BEN, former=True), CLEO, DAN))
    outcome = await on.reconciler.passes.sync()
    # Without its own space the bot cannot come back; nobody loses a conversation for that.
    assert [sentence for sentence in outcome.failed if "cannot come back" in sentence] == list(outcome.failed)
    assert old.joined == [on.user(ANN)]


async def test_a_direct_conversation_that_everybody_left_is_made_anew(on: FirmOnFake) -> None:
    await on.say(ANN, "!dm @ben")
    old = await on.room(direct("a", "b"))
    for person in (ANN, BEN):
        on.fake.leave(old.room_id, on.user(person))
        await on.hear()
    await on.say(ANN, "!dm @ben")
    room = await on.room(direct("a", "b"))
    assert room.room_id != old.room_id
    assert room.joined == sorted(on.users(ANN, BEN))
    await on.settled()


async def test_a_list_of_rooms_is_put_back(on: FirmOnFake) -> None:
    space, room = await on.room(STAFF_SPACE), await on.room(LITIGATION)
    on.fake.put_state(space.room_id, on.fake.bot_id, "m.space.child", room.room_id, {})
    on.fake.put_state(space.room_id, on.fake.bot_id, "m.space.child", "!elsewhere:localhost", {"via": ["localhost"]})
    await on.sync()
    listed = {key[1] for key, content in space.state.items() if key[0] == "m.space.child" and content}
    assert listed == {room.room_id, (await on.room(EVERYONE)).room_id}
    await on.settled()


async def test_D3_m_direct_keeps_what_others_wrote_there(on: FirmOnFake) -> None:
    mine: Any = {"@old:elsewhere": ["!x:elsewhere"], "@ben:localhost": ["!mine:localhost"], "odd": "value", "n": None}
    bots = on.fake.account_data[on.user(ANN), "m.direct"]
    on.fake.account_data[on.user(ANN), "m.direct"] = {**bots, **mine}
    on.fake.account_data[on.user(BEN), "m.direct"] = {"@ann:localhost": "not a list"}
    await on.say(ANN, "!dm @ben")
    room_id = (await on.room(direct("a", "b"))).room_id
    expected = {**bots, **mine, "@ben:localhost": ["!mine:localhost", room_id]}
    assert on.fake.account_data[on.user(ANN), "m.direct"] == expected
    await on.sync()
    assert on.fake.account_data[on.user(BEN), "m.direct"] == {
        "@ann:localhost": [room_id],
        on.fake.bot_id: [await on.chat(BEN)],
    }
    await on.settled()


async def test_M3_a_wall_stands_from_its_day_to_its_last(on: FirmOnFake, monkeypatch: pytest.MonkeyPatch) -> None:
    today = firm_today(on.settings.firm)
    wall = Wall("w2", matter_id="m1", people=("b",), since=today + timedelta(1), expires=today + timedelta(2))
    on.firm = make_firm(walls=(wall,))
    for day, inside in enumerate([True, False, False, True]):
        monkeypatch.setattr("bridge.clock.day_at", lambda *_, day=day: today + timedelta(day))
        await on.sync()
        for key in (ESTATE_TALK, matter_space_key("m1")):
            assert (on.user(BEN) in await on.people(key)) is inside
        await on.settled()


async def test_V1_who_joined_or_left_while_the_bridge_was_away_did_so(on: FirmOnFake) -> None:
    litigation = await on.room(LITIGATION)
    on.fake.join(litigation.room_id, on.user(CLEO))
    on.fake.leave(litigation.room_id, on.user(BEN))
    await on.settled()
    assert await on.people(LITIGATION) == on.users(ANN, CLEO)
    await on.hear()
    assert await on.people(LITIGATION) == on.users(ANN, CLEO)
    await on.settled()


async def test_who_was_taken_out_while_the_homeserver_was_away_is_taken_out_later(on: FirmOnFake) -> None:
    await on.store.run(remove_participant, LITIGATION, "b", homeserver_ms() + 1000, by="b")
    await on.sync()
    assert await on.people(LITIGATION) == on.users(ANN)
