"""A confirmed change of the directory is taken back whole, with memberships, within a day (O2, F2, M3, O1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from bridge.app import Bridge
from bridge.care.telling_directory import trouble_of
from bridge.directory.change import DirectoryChange
from bridge.directory.past.replaced import UNDO_MS, forget_replaced
from bridge.firm.audit import Deed
from bridge.firm.conversation import ADMINS_ID
from bridge.operations.admins.directory import confirm_directory, undo_directory
from bridge.reconcile.planning.desired import Desired
from bridge.reconcile.planning.steps import Action
from bridge.reconcile.storing import store_new
from bridge.refusal import Kind, Refusal
from bridge.service import open_firm
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.models import ConfirmedChange, Conversation, ReplacedRecord
from bridge.store.record.audit import audited, verify
from bridge.store.rooms.made import room_of
from tests.component.small_firm import DIRECTORY, SmallFirm, small_firm, write_directory

Json = dict[str, Any]
STAFF: list[Json] = [
    {**person, "role": "Owner" if person["id"] == "ruth" else "Associate"} for person in DIRECTORY["staff"]
]
MATTERS: list[Json] = [
    {"id": "m1", "number": "2026-0042", "title": "Estate", "status": "open", "responsible": "ruth"},
    {"id": "m2", "number": "2026-0055", "title": "Sale", "status": "open", "responsible": "ines"},
]
LEFT = [person for person in STAFF if person["id"] in {"ruth", "walt"}]
"""The wrong directory: Tom and Inès are not in it."""
FIRM: Json = {"staff": STAFF, "matters": MATTERS, "walls": []}
WRONG: Json = {"staff": LEFT, "matters": [{**MATTERS[0], "status": "closed"}], "walls": []}


class Killed(BaseException):
    """The bridge ends here."""


class UnitKilled(Exception):
    """A unit of work ends here, as with the process, and none of it is stored."""


@pytest.fixture
async def firm(tmp_path: Path, database_url: str) -> AsyncIterator[SmallFirm]:
    """Tom was picked by hand for a matter conversation, a channel and a direct conversation; Inès has left one."""
    async with small_firm(tmp_path, database_url, **FIRM) as made:
        await made.ask("ruth", '!matter start 2026-0042 "Disclosure" @tom @ines')
        await made.ask("ruth", "!channel create Court Filings @tom @ines")
        await made.ask("ines", "!channel leave Court Filings")
        await made.ask("tom", "!dm @ruth")
        await made.ask("tom", "!dm @ines")
        await made.bridge.upkeep.shut_out()
        yield made


async def write(firm: SmallFirm, **content: Any) -> None:
    """Write the directory's file, and follow it."""
    write_directory(str(firm.service.settings.directory.path), **content)
    await firm.bridge.upkeep.follow_directory()
    await firm.settle()


async def confirmed(firm: SmallFirm) -> str:
    """Ruth's confirmation of the change that waits, and what the bot answers."""
    held = firm.service.directory.held
    assert held is not None
    return await firm.ask("ruth", f"!directory confirm {held.fingerprint()}")


async def wrongly_confirmed(firm: SmallFirm, **content: Any) -> None:
    await write(firm, **(content or WRONG))
    assert "Confirmed" in await confirmed(firm)
    await firm.settle()
    assert firm.service.directory.held is None


def rooms(firm: SmallFirm) -> dict[str, set[str]]:
    """Who is in which room, by its name or, where it has none, by its id."""
    found = firm.fake.rooms.values()
    return {
        room.state.get(("m.room.name", ""), {}).get("name") or room.room_id: firm.members(room.room_id)
        for room in found
        if room.joined
    }


async def disclosure(firm: SmallFirm) -> set[str]:
    """Who is in the room of that matter conversation."""
    room_id = await firm.service.store.run(
        lambda unit: room_of(unit, str(unit.get(Conversation, Conversation.title == "Disclosure").id))
    )
    assert room_id is not None
    return firm.members(room_id)


async def deeds(firm: SmallFirm, deed: Deed) -> list[tuple[str, str]]:
    rows = await firm.service.store.run(audited, limit=10_000)
    return [(row.entry.actor, row.entry.person) for row in rows if row.entry.deed is deed]


async def test_everybody_is_back_in_everything_that_it_took_them_out_of(firm: SmallFirm) -> None:
    before, directory = rooms(firm), firm.service.directory.firm
    await wrongly_confirmed(firm)
    assert "tom" not in firm.members(firm.room("Court Filings"))
    assert firm.fake.accounts[firm.user("tom")].deactivated
    said = await firm.ask("ruth", "!directory undo")
    assert "Taken back" in said
    assert "2 people are being let back" in said
    assert "Tom Price" in said
    assert rooms(firm) == before
    assert firm.service.directory.firm == directory
    account = firm.fake.accounts[firm.user("tom")]
    assert not account.locked and not account.deactivated
    assert await firm.nothing_to_do()
    # Who had left by themselves was not taken out, and stays out.
    assert firm.members(firm.room("Court Filings")) == {"ruth", "tom"}
    assert await deeds(firm, Deed.DIRECTORY_UNDONE) == [("ruth", "")]
    assert ("ruth", "tom") in await deeds(firm, Deed.PARTICIPANT_ADDED)
    await firm.service.store.run(verify)


async def test_the_files_that_say_the_wrong_thing_are_held_until_they_change_or_are_confirmed(firm: SmallFirm) -> None:
    await wrongly_confirmed(firm)
    await firm.ask("ruth", "!directory undo")
    held = firm.service.directory.held
    assert held is not None
    assert firm.service.directory.held_as_undone
    trouble = trouble_of(firm.service.directory)
    assert trouble is not None
    assert "taken back" in trouble.text
    assert "confirmed before and taken back" in await firm.ask("ruth", "!directory status")
    await write(firm, **FIRM)
    assert firm.service.directory.held is None
    assert trouble_of(firm.service.directory) is None
    # What was put right once is judged as ever.
    await write(firm, **WRONG)
    assert firm.service.directory.held is not None
    assert not firm.service.directory.held_as_undone


async def test_confirmed_anew_it_is_applied_again_and_can_be_taken_back_again(firm: SmallFirm) -> None:
    before = rooms(firm)
    await wrongly_confirmed(firm)
    await firm.ask("ruth", "!directory undo")
    assert "Confirmed" in await confirmed(firm)
    assert "tom" not in firm.service.directory.firm.staff
    assert "Taken back" in await firm.ask("ruth", "!directory undo")
    assert rooms(firm) == before


async def test_what_would_be_let_through_by_itself_is_held_where_it_was_taken_back(firm: SmallFirm) -> None:
    await wrongly_confirmed(firm)
    with patch.object(DirectoryChange, "needs_confirmation", lambda change, limit: False):
        await firm.ask("ruth", "!directory undo")
        assert firm.service.directory.held is not None
        # Also after a restart.
        async with open_firm(firm.service.settings, reading=True) as again:
            assert again.directory.held is not None
            assert again.directory.held_as_undone


async def test_F2_who_left_since_stays_out_and_what_changed_since_stays(firm: SmallFirm) -> None:
    await wrongly_confirmed(firm)
    # Inès is put back in the file by hand, with another role, and Walt leaves.
    staff = [{**STAFF[0], "role": "Owner"}, {**STAFF[2], "role": "Partner"}, {**STAFF[3], "former": True}]
    with patch.object(DirectoryChange, "needs_confirmation", lambda change, limit: False):
        await write(firm, **{**WRONG, "staff": staff})
    assert "ines" not in await disclosure(firm)
    await firm.ask("ruth", "!staff leave @ines")
    await firm.ask("ruth", "!directory undo")
    people = firm.service.firm.staff
    assert people["walt"].former
    assert people["ines"].role == "Partner"
    assert people["tom"].active
    assert not people["ines"].active
    assert firm.members(firm.room("Everyone")) == {"ruth", "tom"}
    assert "ines" not in await disclosure(firm)
    assert await firm.nothing_to_do()


async def test_M3_a_wall_set_since_stands(firm: SmallFirm) -> None:
    await wrongly_confirmed(firm)
    staff = [STAFF[0], STAFF[1], STAFF[3]]
    await write(firm, **{**WRONG, "staff": staff})
    assert "wall" in (await firm.ask("ruth", "!wall add 2026-0042 @tom A cousin.")).lower()
    await firm.ask("ruth", "!directory undo")
    assert "tom" not in await disclosure(firm)
    assert "tom" in firm.members(firm.room("Court Filings"))
    assert await firm.nothing_to_do()


async def test_memberships_come_back_where_the_files_had_been_put_right_before(firm: SmallFirm) -> None:
    before = rooms(firm)
    await wrongly_confirmed(firm)
    await write(firm, **FIRM)
    assert rooms(firm) != before
    assert "Taken back" in await firm.ask("ruth", "!directory undo")
    assert rooms(firm) == before
    assert firm.service.directory.held is None
    assert await firm.nothing_to_do()


async def test_whom_it_brought_in_is_taken_out(firm: SmallFirm) -> None:
    before = rooms(firm)
    wrong = {**WRONG, "matters": [{**MATTERS[0], "assisting": ["walt"]}]}
    await wrongly_confirmed(firm, **wrong)
    assert "walt" in firm.members(firm.room("2026-0042 Estate"))
    await firm.ask("ruth", "!directory undo")
    assert rooms(firm) == before


async def test_it_is_refused_after_a_day_and_a_second_time_and_where_nothing_was_confirmed(firm: SmallFirm) -> None:
    assert "No change of the directory was confirmed" in await firm.ask("ruth", "!directory undo")
    await wrongly_confirmed(firm)
    store = firm.service.store
    day_ago = ConfirmedChange.update(at_ms=ConfirmedChange.at_ms - UNDO_MS - 1)
    await store.run(forget_replaced)
    assert await store.run(lambda unit: unit.count(ReplacedRecord.select()))
    await store.run(Unit.run, day_ago)
    assert "more than a day ago" in await firm.ask("ruth", "!directory undo")
    assert "tom" not in firm.service.directory.firm.staff
    await store.run(forget_replaced)
    assert not await store.run(lambda unit: unit.count(ReplacedRecord.select()))
    await store.run(lambda unit: unit.run(ConfirmedChange.update(at_ms=ConfirmedChange.at_ms + UNDO_MS)))


async def test_a_second_time_it_says_so(firm: SmallFirm) -> None:
    await wrongly_confirmed(firm)
    await firm.ask("ruth", "!directory undo")
    assert "has been taken back" in await firm.ask("ruth", "!directory undo")
    assert len(await deeds(firm, Deed.DIRECTORY_UNDONE)) == 1


async def test_only_the_last_is_taken_back(firm: SmallFirm) -> None:
    await wrongly_confirmed(firm)
    first = await firm.service.store.run(lambda unit: unit.value(ConfirmedChange.select(ConfirmedChange.fingerprint)))
    await wrongly_confirmed(firm, **{**WRONG, "staff": LEFT[:1]})
    with pytest.raises(Refusal, match=Kind.NOT_THE_LAST_CHANGE):
        await firm.bridge.directory.undo("ruth", first)
    await firm.ask("ruth", "!directory undo")
    assert firm.service.directory.firm.active_staff == {"ruth", "walt"}


async def test_what_does_not_go_together_any_more_is_refused_in_words(firm: SmallFirm) -> None:
    await wrongly_confirmed(firm)
    # Somebody new has the e-mail address of somebody whom the confirmed change took away.
    new = {**STAFF[1], "id": "thomas"}
    await write(firm, **{**WRONG, "staff": [*LEFT, new]})
    assert "does not go with" in await firm.ask("ruth", "!directory undo")
    assert "tom" not in firm.service.directory.firm.staff


async def test_M3_the_admin_is_told_of_no_matter_behind_their_wall(firm: SmallFirm) -> None:
    walled = {"walls": [{"id": "w1", "matter": "2026-0055", "people": ["ruth"], "memo": "A cousin.", "set_by": "ines"}]}
    await write(firm, **{**FIRM, **walled})
    await wrongly_confirmed(firm, staff=LEFT, matters=[{**MATTERS[1], "responsible": "walt"}], **walled)
    said = await firm.ask("ruth", "!directory undo")
    assert "2026-0042" in said
    assert "2026-0055" not in said


async def test_only_firm_admins_take_it_back(firm: SmallFirm) -> None:
    await wrongly_confirmed(firm)
    assert "Taken back" not in await firm.ask("walt", "!directory undo")
    assert "tom" not in firm.service.directory.firm.staff


@pytest.mark.parametrize("point", ["directory.undoing", "directory.undone", "member.joined", "account.written"])
async def test_killed_at_any_point_it_is_done_wholly_or_not_at_all(firm: SmallFirm, point: str) -> None:
    before = rooms(firm)
    await wrongly_confirmed(firm)

    def kill(name: str) -> None:
        if name == point:
            raise UnitKilled if point == "directory.undoing" else Killed

    with patch("bridge.faults.point", kill), suppress(Killed, UnitKilled, BaseExceptionGroup):
        await firm.bridge.directory.undo("ruth")
    await firm.service.store.close()
    async with open_firm(firm.service.settings) as service:
        firm.service, firm.bridge = service, Bridge(service)
        await firm.bridge.upkeep.shut_out()
        assert (await service.sync()).failed == ()
        if point == "directory.undoing":
            assert "tom" not in service.directory.firm.staff
            await firm.bridge.directory.undo("ruth")
        assert rooms(firm) == before
        assert service.directory.held is not None
        assert len(await deeds(firm, Deed.DIRECTORY_UNDONE)) == 1
        steps = (await service.reconciler.planner.plan()).steps
        assert [step for step in steps if step.action is not Action.MARK_DIRECT] == []


async def test_a_pass_under_way_does_not_take_out_again_who_was_let_back(firm: SmallFirm) -> None:
    before = rooms(firm)
    await wrongly_confirmed(firm)

    async def and_it_is_taken_back(store: Store, wanted: Desired) -> bool:
        # As another pass, begun before, which comes to its end after the change was taken back.
        # It has been, for all slices but the first.
        with suppress(Refusal):
            await firm.service.directory.undo("ruth")
        return await store_new(store, wanted)

    with patch("bridge.reconcile.passes.store_new", and_it_is_taken_back):
        await firm.service.sync()
    assert (await firm.service.sync()).failed == ()
    assert rooms(firm) == before


async def test_the_admins_room_is_told_of_what_waits_then(firm: SmallFirm) -> None:
    await wrongly_confirmed(firm)
    await firm.ask("ruth", "!directory undo")
    room_id = await firm.service.store.run(room_of, ADMINS_ID)
    assert any(room == room_id and "taken back" in body for room, _, body in firm.said)


async def test_A2_O1_a_change_is_confirmed_and_taken_back_once_for_each_request(firm: SmallFirm) -> None:
    """A crash came between the deed and its answer, and the system asks again."""
    await write(firm, **WRONG)
    held = firm.service.directory.held
    assert held is not None
    change, ruth = held.fingerprint(), firm.desk.firm().staff["ruth"]
    for _ in range(2):
        assert await confirm_directory(firm.desk, ruth, change, "api/1/a") == change
    with pytest.raises(Refusal) as caught:
        await confirm_directory(firm.desk, ruth, change, "api/1/b")
    assert caught.value.kind is Kind.CHANGE_WAITS_NO_MORE
    for _ in range(2):
        assert (await undo_directory(firm.desk, ruth, change, "api/1/c")).fingerprint == change
    with pytest.raises(Refusal) as caught:
        await undo_directory(firm.desk, ruth, change, "api/1/d")
    assert caught.value.kind is Kind.CHANGE_TAKEN_BACK


async def test_O2_nobody_confirms_a_change_that_they_have_not_named(firm: SmallFirm) -> None:
    await write(firm, **WRONG)
    held = firm.service.directory.held
    assert held is not None
    asked = await firm.ask("ruth", "!directory confirm")
    assert f"!directory confirm {held.fingerprint()}" in asked
    assert firm.service.directory.held is not None
    assert "No change other of the directory waits" in await firm.ask("ruth", "!directory confirm other")
    assert firm.service.directory.held is not None
    assert "Confirmed" in await confirmed(firm)
    assert "waits" in await firm.ask("ruth", "!directory confirm")
