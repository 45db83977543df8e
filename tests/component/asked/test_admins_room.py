"""The firm admins' room: who is in it, and what they are told there of what was changed (O3)."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bridge.care.telling_admins import tell_admins
from bridge.firm.conversation import ADMINS_ID
from bridge.firm.model import Wall
from bridge.firm.room_keys import STAFF_SPACE
from bridge.reconcile.planning.seeds import seeds
from bridge.store.engine.unit import Unit
from bridge.store.models import Drift
from bridge.store.record.drift import note_difference
from bridge.store.rooms.world import World
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE_TALK, EVE, MERGER_TALK, WALL, make_firm
from tests.component.firm_on_fake import FirmOnFake, channel
from tests.fakes.faults import refusal

ROOT = "@root:localhost"
LITIGATION = channel("Litigation")
BEN_OWNS = replace(BEN, role="Practice Manager")


async def told(on: FirmOnFake) -> list[str]:
    """What the admins are told now."""
    await tell_admins(on.desk)
    room_id = (await on.room(ADMINS_ID)).room_id
    said = await on.said()
    assert all((one.room_id, one.sender) == (room_id, on.fake.bot_id) for one in said)
    return [re.sub(r"entry \d+", "entry N", one.body) for one in said]


async def test_the_firm_admins_are_in_it_and_nobody_else(on: FirmOnFake) -> None:
    room = await on.room(ADMINS_ID)
    assert room.state["m.room.name", ""] == {"name": "Admins"}
    assert set(room.joined) - {on.fake.bot_id} == on.users(ANN, DAN)
    assert room.state["m.room.join_rules", ""] == {"join_rule": "invite"}
    assert not room.published
    assert ("m.space.child", room.room_id) not in (await on.room(STAFF_SPACE)).state
    assert "Admins" not in await on.ask(ANN, "!channel list")


async def test_who_becomes_an_admin_comes_in_and_who_is_none_any_more_goes(on: FirmOnFake) -> None:
    before = on.firm
    on.firm = make_firm(staff=(ANN, BEN_OWNS, CLEO, replace(DAN, role="Associate"), EVE))
    await on.reconciler.passes.follow(before)
    assert await on.people(ADMINS_ID) == on.users(ANN, BEN)
    before = on.firm
    on.firm = make_firm(staff=(replace(ANN, former=True), BEN_OWNS, CLEO, replace(DAN, role="Associate"), EVE))
    await on.reconciler.passes.follow(before)
    assert await on.people(ADMINS_ID) == on.users(BEN)
    await on.settled()


async def test_nobody_leaves_it_or_is_put_into_it(on: FirmOnFake) -> None:
    room = await on.room(ADMINS_ID)
    on.fake.leave(room.room_id, on.user(DAN))
    on.fake.force(room.room_id, on.user(CLEO), "m.room.member", on.user(CLEO), {"membership": "join"})
    await on.hear()
    assert await on.people(ADMINS_ID) == on.users(ANN, DAN)
    assert any("you stay in it" in one.body for one in await on.said())
    await on.settled()


async def test_M3_commands_typed_there_are_answered_in_the_chat(on: FirmOnFake) -> None:
    room = await on.room(ADMINS_ID)
    (answer,) = await on.say(ANN, "!matter show 2026-0055", room.room_id)
    assert answer.room_id == await on.chat(ANN)
    assert "Tidewell" in answer.body


async def test_O3_each_difference_is_a_sentence(on: FirmOnFake) -> None:
    on.fake.add_user("root")
    room = await on.room(LITIGATION)
    on.fake.force(room.room_id, ROOT, "m.room.join_rules", "", {"join_rule": "public"})
    await on.hear()
    assert await told(on) == [
        f"In the channel Litigation, who may come in was changed by {ROOT}. I put it back. (Audit entry N.)"
    ]
    assert await told(on) == []
    on.fake.force(room.room_id, on.user(DAN), "m.room.member", on.user(BEN), {"membership": "ban"})
    await on.hear()
    assert await told(on) == [
        "Ben Booth was banned from the channel Litigation by Dan Dell. I lifted the ban. (Audit entry N.)"
    ]


async def test_M3_no_matter_is_named(on: FirmOnFake) -> None:
    # Dan, who reads there, is screened from the estate.
    on.firm = make_firm(walls=(WALL, Wall("w2", matter_id="m1", people=("d",))))
    await on.sync()
    on.fake.add_user("root")
    for key in (ESTATE_TALK, MERGER_TALK):
        room_id = (await on.room(key)).room_id
        on.fake.force(room_id, ROOT, "m.room.name", "", {"name": "2026-0042 Quill"})
        on.fake.force(room_id, ROOT, "m.room.member", on.user(DAN), {"membership": "join"})
    await on.hear()
    (text,) = await told(on)
    assert text.count("a matter conversation") == 4
    for word in ("Quill", "2026-", "Estate", "Tidewell", "General", "m1", "m2"):
        assert word not in text


async def test_many_at_once_are_one_message(on: FirmOnFake) -> None:
    def many(unit: Unit) -> None:
        for number in range(50):
            note_difference(unit, f"$e{number}", LITIGATION, "address_changed", actor=ROOT, person="", what="")

    await on.store.run(many)
    assert await told(on) == []
    await _an_hour_later(on)
    (text,) = await told(on)
    assert text.count("\n") < 30
    assert "30 more: entries" in text
    assert "I have not been able to put that right yet" in text
    assert await told(on) == []


async def _an_hour_later(on: FirmOnFake) -> None:
    await on.store.run(lambda unit: unit.run(Drift.update(at_ms=Drift.at_ms - 3_600_000)))


async def test_what_is_not_put_right_is_told_as_that(on: FirmOnFake) -> None:
    room = await on.room(LITIGATION)
    on.fake.script("PUT", "join_rules", refusal(403, "M_FORBIDDEN", "no"))
    on.fake.force(room.room_id, ROOT, "m.room.join_rules", "", {"join_rule": "public"})
    await on.hear()
    assert await told(on) == []
    await _an_hour_later(on)
    (text,) = await told(on)
    assert "firm-bridge plan" in text


async def test_its_own_deletion_is_told_in_the_new_one(on: FirmOnFake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.reconcile.rooms.apply.SETTLING", (0.0,))
    old = await on.room(ADMINS_ID)
    on.fake.delete_room(old.room_id)
    await on.hear()
    assert (await on.room(ADMINS_ID)).room_id != old.room_id
    assert await on.people(ADMINS_ID) == on.users(ANN, DAN)
    (text,) = await told(on)
    assert text.startswith("This room was deleted; I cannot tell by whom. I made it again")


def test_without_a_name_there_is_none(on: FirmOnFake) -> None:
    none = on.settings.firm.model_copy(update={"admins_room": ""})
    assert seeds(on.firm, World(), none) == tuple(
        one for one in seeds(on.firm, World(), on.settings.firm) if one.conversation.id != ADMINS_ID
    )
