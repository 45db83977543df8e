"""What somebody changes behind the bridge's back is seen, put back, and noted once (O3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bridge.care.telling_admins import drift_text
from bridge.firm.audit import Deed, Outcome
from bridge.firm.conversation import bot_chat_id
from bridge.firm.model import Wall
from bridge.firm.room_keys import MARKER, STAFF_SPACE, matter_space_key
from bridge.service import introduce_bot
from bridge.store.record.audit import audited
from bridge.store.record.drift import DriftEntry, untold
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE_TALK, EVE, MERGER_TALK, WALL, make_firm
from tests.component.firm_on_fake import FirmOnFake, channel
from tests.fakes.faults import refusal

ROOT = "@root:localhost"
"""A server admin who is nobody in the firm."""
LITIGATION = channel("Litigation")
EVERYONE = channel("Everyone")
Json = dict[str, Any]


def state(event_type: str, content: Json, state_key: str = "") -> Callable[[FirmOnFake, str], None]:
    """Somebody sets state."""
    return lambda on, room_id: _forced(on, room_id, event_type, content, state_key)


def member(user_id: str, membership: str, sender: str = ROOT) -> Callable[[FirmOnFake, str], None]:
    """Somebody changes a membership."""
    return lambda on, room_id: _forced(on, room_id, "m.room.member", {"membership": membership}, user_id, sender)


def _forced(on: FirmOnFake, room_id: str, event_type: str, content: Json, state_key: str, sender: str = ROOT) -> None:
    on.fake.force(room_id, sender, event_type, state_key, content)


def deleted(on: FirmOnFake, room_id: str) -> None:
    on.fake.delete_room(room_id)


@dataclass(frozen=True)
class Case:
    """What somebody does, in the room of which key, and what is noted."""

    name: str
    key: str
    act: Callable[[FirmOnFake, str], None]
    kind: str
    actor: str = ROOT
    person: str = ""
    what: str = ""


MALLORY = "@mallory:localhost"
DAN_ID, ANN_ID, BEN_ID = "@dan:localhost", "@ann:localhost", "@ben:localhost"


def made_admin(on: FirmOnFake, room_id: str) -> None:
    """As the admin API's make_room_admin does, in the bot's name."""
    levels = on.fake.rooms[room_id].levels
    raised = {**levels, "users": {**levels["users"], ROOT: 100}}
    _forced(on, room_id, "m.room.power_levels", raised, "", on.fake.bot_id)
    on.fake.force(room_id, on.fake.bot_id, "m.room.member", ROOT, {"membership": "invite"})


CASES = [
    Case("an admin joins", ESTATE_TALK, member(ROOT, "join"), "somebody_put_in", "", ROOT),
    Case("a stranger is invited", LITIGATION, member(MALLORY, "invite"), "somebody_put_in", ROOT, MALLORY),
    Case("somebody walled is put in", MERGER_TALK, member(BEN_ID, "join", BEN_ID), "somebody_put_in", "", "b"),
    Case(
        "a stranger in the staff space", STAFF_SPACE, member(MALLORY, "join", MALLORY), "somebody_put_in", "", MALLORY
    ),
    Case(
        "staff in another matter's space",
        matter_space_key("m1"),
        member(DAN_ID, "join", DAN_ID),
        "somebody_put_in",
        "",
        "d",
    ),
    Case(
        "power",
        ESTATE_TALK,
        state("m.room.power_levels", {"users": {"@bot:localhost": 100}, "events": {"m.room.encryption": 101}}),
        "state_changed",
        what="m.room.power_levels",
    ),
    Case(
        "an open door",
        MERGER_TALK,
        state("m.room.join_rules", {"join_rule": "public"}),
        "state_changed",
        what="m.room.join_rules",
    ),
    Case(
        "open history",
        ESTATE_TALK,
        state("m.room.history_visibility", {"history_visibility": "world_readable"}),
        "state_changed",
        what="m.room.history_visibility",
    ),
    Case(
        "guests",
        LITIGATION,
        state("m.room.guest_access", {"guest_access": "can_join"}),
        "state_changed",
        what="m.room.guest_access",
    ),
    Case("a matter renamed", ESTATE_TALK, state("m.room.name", {"name": "Mine"}), "state_changed", what="m.room.name"),
    Case(
        "a channel renamed by a stranger",
        LITIGATION,
        state("m.room.name", {"name": "Mine"}),
        "state_changed",
        what="m.room.name",
    ),
    Case("a chat named", bot_chat_id("a"), state("m.room.name", {"name": "Mine"}), "state_changed", what="m.room.name"),
    Case(
        "an upgrade",
        LITIGATION,
        state("m.room.tombstone", {"body": "moved", "replacement_room": "!new:localhost"}),
        "state_changed",
        what="m.room.tombstone",
    ),
    Case(
        "an invitation by mail",
        ESTATE_TALK,
        state("m.room.third_party_invite", {"display_name": "x"}, "token"),
        "state_changed",
        what="m.room.third_party_invite",
    ),
    Case("another mark", LITIGATION, state(MARKER, {"kind": "channel", "key": "other"}), "state_changed", what=MARKER),
    Case("an address", LITIGATION, state("m.room.canonical_alias", {"alias": "#mine:localhost"}), "address_changed"),
    Case(
        "a room in the staff space",
        STAFF_SPACE,
        state("m.space.child", {"via": ["localhost"]}, "!x:localhost"),
        "list_changed",
    ),
    Case("a ban", LITIGATION, member(BEN_ID, "ban"), "somebody_banned", person="b"),
    Case("a ban of one who is not in it", LITIGATION, member(DAN_ID, "ban"), "somebody_banned", person="d"),
    Case("a ban from the staff space", STAFF_SPACE, member(BEN_ID, "ban"), "somebody_banned", person="b"),
    Case("put out of the firm's channel", EVERYONE, member(BEN_ID, "leave"), "somebody_taken_out", person="b"),
    Case("the bot put out", LITIGATION, member("@bot:localhost", "leave"), "bot_removed"),
]


@pytest.mark.parametrize("joined", [True, False])
async def test_O3_an_admin_who_made_themselves_admin_of_a_room_loses_that_and_the_room(
    on: FirmOnFake, *, joined: bool
) -> None:
    on.fake.add_user("root")
    room = await on.room(ESTATE_TALK)
    made_admin(on, room.room_id)
    if joined:
        on.fake.join(room.room_id, ROOT)
    await on.hear()
    assert {(one.kind, one.actor) for one in await noted(on)} == {("somebody_put_in", ""), ("state_changed", "")}
    # Outside the room nobody can take it from them, and it is of no use.
    assert room.levels["users"] == {on.fake.bot_id: 100, **({} if joined else {ROOT: 100})}
    assert ROOT not in room.joined
    await on.settled()


async def noted(on: FirmOnFake) -> list[DriftEntry]:
    return await on.store.run(untold, 100)


async def look_at_everything(on: FirmOnFake) -> None:
    """A pass with every event lost."""
    on.events.clear()
    await on.sync()


async def hear(on: FirmOnFake) -> None:
    await on.hear()


@pytest.mark.parametrize("see", [hear, look_at_everything])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_O3_what_somebody_changes_is_put_back_and_noted_once(
    on: FirmOnFake, case: Case, see: Callable[[FirmOnFake], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.reconcile.rooms.apply.SETTLING", (0.0,))
    for user_id in (ROOT, MALLORY):
        on.fake.add_user(user_id[1:].partition(":")[0])
    people = await on.people(case.key)
    before = (await on.store.run(audited))[-1].position
    case.act(on, (await on.room(case.key)).room_id)
    await see(on)
    assert await on.people(case.key) == people
    (found,) = await noted(on)
    assert (found.key, found.kind, found.actor, found.person, found.what) == (
        case.key,
        case.kind,
        case.actor,
        case.person,
        case.what,
    )
    entries = [one for one in await on.store.run(audited, before) if one.entry.deed is Deed.PUT_BACK]
    assert [(one.position, one.entry.subject, one.entry.actor, one.entry.outcome) for one in entries] == [
        (found.entry, case.key, case.actor, Outcome.REFUSED)
    ]
    await on.hear()
    await on.settled()
    assert len(await noted(on)) == 1


@pytest.mark.parametrize("key", [LITIGATION, ESTATE_TALK, EVERYONE, bot_chat_id("a"), STAFF_SPACE])
async def test_O3_a_room_that_an_admin_deletes_is_made_again_for_the_same_people(
    on: FirmOnFake, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.reconcile.rooms.apply.SETTLING", (0.0,))
    old, people = await on.room(key), await on.people(key)
    deleted(on, old.room_id)
    await on.hear()
    assert (await on.room(key)).room_id != old.room_id
    assert await on.people(key) == people
    assert [one.kind for one in await noted(on)] == ["room_lost"]
    await on.settled()


async def test_O3_who_left_long_before_stays_out_of_a_room_made_again(
    on: FirmOnFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.reconcile.rooms.apply.SETTLING", (0.0,))
    room = await on.room(LITIGATION)
    on.fake.leave(room.room_id, on.user(BEN))
    await on.hear()
    monkeypatch.setattr("bridge.reconcile.work.rooms.DELETING_MS", -3_600_000)
    on.fake.leave(room.room_id, on.fake.bot_id)
    await on.hear()
    assert await on.people(LITIGATION) == on.users(ANN)


async def test_C1_the_bans_of_those_who_may_join_are_lifted_and_they_can(on: FirmOnFake) -> None:
    room = await on.room(LITIGATION)
    member(on.user(DAN), "ban")(on, room.room_id)
    await on.hear()
    on.fake.join(room.room_id, on.user(DAN))
    await on.hear()
    assert await on.people(LITIGATION) == on.users(ANN, BEN, DAN)


async def test_M3_the_ban_of_somebody_walled_stays_and_the_room_is_forgotten(on: FirmOnFake) -> None:
    room = await on.room(MERGER_TALK)
    member(on.user(BEN), "ban")(on, room.room_id)
    await on.hear()
    assert room.members[on.user(BEN)] == "ban"
    assert on.user(BEN) in room.forgotten
    await on.settled()


async def test_a_wall_and_a_leaver_are_no_drift(on: FirmOnFake) -> None:
    on.firm = make_firm(
        staff=(ANN, replace(BEN, former=True), CLEO, DAN, EVE), walls=(WALL, Wall("w2", matter_id="m1", people=("a",)))
    )
    await on.sync()
    assert await on.people(ESTATE_TALK) == set()
    assert await noted(on) == []


async def test_what_people_do_in_their_clients_is_no_drift(on: FirmOnFake) -> None:
    room = await on.room(LITIGATION)
    on.fake.join(room.room_id, on.user(CLEO))
    on.fake.leave(room.room_id, on.user(BEN))
    on.fake.put_state(room.room_id, on.user(ANN), "m.room.name", "", {"name": "Disputes"})
    on.fake.leave((await on.room(EVERYONE)).room_id, on.user(DAN))
    await on.hear()
    await on.settled()
    assert await noted(on) == []


async def test_a_crash_between_noting_and_putting_back_notes_it_once(on: FirmOnFake) -> None:
    room = await on.room(ESTATE_TALK)
    on.fake.script("PUT", "join_rules", refusal(403, "M_FORBIDDEN", "no"))
    on.fake.force(room.room_id, ROOT, "m.room.join_rules", "", {"join_rule": "public"})
    await on.hear()
    assert room.state["m.room.join_rules", ""] == {"join_rule": "public"}
    await on.sync()
    assert room.state["m.room.join_rules", ""] == {"join_rule": "invite"}
    assert len(await noted(on)) == 1
    entries = await on.store.run(audited)
    assert [one.entry.deed for one in entries].count(Deed.PUT_BACK) == 1


async def test_F3_O3_another_name_for_the_bot_is_taken_back_noted_and_told(on: FirmOnFake) -> None:
    bot, name = on.fake.bot_id, on.settings.appservice.bot_name
    await introduce_bot(on.client, on.settings)
    await on.hear()
    assert not await noted(on)
    on.fake.change_account(bot, {"displayname": "Managing Partner"})
    await on.hear()
    assert on.fake.accounts[bot].profile["displayname"] == name
    (found,) = await noted(on)
    assert (found.kind, found.actor, found.put_back) == ("bot_renamed", "", True)
    text = await on.store.run(drift_text, on.firm, [found])
    assert text.startswith("I was given another name; I cannot tell by whom. I put it back.")
    # The bridge's own change of it is none.
    await on.hear()
    on.events.clear()
    on.fake.change_account(bot, {"displayname": "Old"})
    on.fake.accounts[bot].profile["displayname"] = name
    await on.hear()
    assert len(await noted(on)) == 1
