"""Leavers, by command and by the directory: cut off at once, seen to be gone, and taken back (F2)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from bridge.firm.audit import Deed
from bridge.store.people.leavers import set_leaver, set_returned
from bridge.store.record.audit import audited
from tests.component.small_firm import DIRECTORY, SmallFirm, small_firm, write_directory
from tests.fakes.faults import Broken, refusal

STAFF = [{**person, "role": "Owner" if person["id"] == "ruth" else "Associate"} for person in DIRECTORY["staff"]]
POINTS = ("leaver.set", "leaver.out", "leaver.deactivated")


class Killed(BaseException):
    """The bridge ends here."""


@pytest.fixture
async def firm(tmp_path: Path, database_url: str) -> AsyncIterator[SmallFirm]:
    async with small_firm(tmp_path, database_url, staff=STAFF) as made:
        made.fake.accounts[made.user("tom")].devices |= {"PHONE", "LAPTOP", "BROWSER"}
        await made.ask("tom", "!channel create Court Filings @ruth")
        await made.ask("tom", "!dm @ruth")
        made.fake.requests.clear()
        yield made


def rooms_of(firm: SmallFirm, localpart: str) -> list[str]:
    """The rooms that somebody is in or invited to."""
    who = firm.user(localpart)
    return [room.room_id for room in firm.fake.rooms.values() if room.members.get(who) in {"join", "invite"}]


def is_gone(firm: SmallFirm, localpart: str) -> bool:
    account = firm.fake.accounts[firm.user(localpart)]
    return account.locked and account.deactivated and not account.devices and not rooms_of(firm, localpart)


async def test_F2_left_by_command(firm: SmallFirm) -> None:
    said = await firm.ask("ruth", "!staff leave @tom")
    assert "Tom Price has left the firm" in said
    assert "Taken out of 2 conversations" in said
    assert is_gone(firm, "tom")
    asked = [(one.method, one.path) for one in firm.fake.changes()]
    ended = next(index for index, (_, path) in enumerate(asked) if path.endswith("/delete_devices"))
    first_left = next(index for index, (_, path) in enumerate(asked) if path.endswith(("/leave", "/kick")))
    deactivated = next(index for index, (_, path) in enumerate(asked) if "/deactivate/" in path)
    assert ended < first_left < deactivated
    # What he types from now on is not heard, whatever the homeserver lets through.
    assert await firm.nothing_to_do()
    assert "left, by command" in await firm.ask("ruth", "!staff list")
    deeds = [row.entry.deed for row in await firm.service.store.run(audited)]
    assert Deed.STAFF_LEFT in deeds


async def test_M3_a_walled_admin_who_cuts_somebody_off_learns_of_no_hidden_conversation(firm: SmallFirm) -> None:
    await firm.let_all_be_admins()
    await firm.ask("ruth", '!matter start 2026-0042 "Quarry papers" @tom')
    hidden = next(
        room_id for room_id, room in firm.fake.rooms.items() if "Quarry" in str(room.state.get(("m.room.name", "")))
    )
    assert "tom" in firm.members(hidden)
    assert "Taken out of 2 conversations" in await firm.ask("walt", "!staff leave @tom")
    await firm.ask("walt", "!staff return @tom")
    await firm.ask("ruth", "!add @tom", hidden)
    assert "tom" in firm.members(hidden)
    firm.fake.broken = [Broken(f"{re.escape(hidden)}/(kick|leave)", refusal(400, "M_UNKNOWN"))]
    said = await firm.ask("walt", "!staff leave @tom")
    assert "Not done" in said
    assert [word for word in ("2026-0042", "Estate", "Quarry", hidden) if word in said] == []


async def test_F2_it_holds_when_the_directory_is_read_again_and_after_a_restart(firm: SmallFirm) -> None:
    await firm.ask("ruth", "!staff leave @tom")
    matters = [{**DIRECTORY["matters"][0], "title": "Estate of Quill"}]
    write_directory(str(firm.service.settings.directory.path), staff=STAFF, matters=matters)
    await firm.service.directory.refresh()
    await firm.service.in_force.load()
    assert (await firm.service.sync()).failed == ()
    assert is_gone(firm, "tom")


async def test_F2_back_with_access_and_without_memberships(firm: SmallFirm) -> None:
    channel = firm.room("Court Filings")
    await firm.ask("ruth", "!staff leave Tom Price")
    said = await firm.ask("ruth", "!staff return Tom Price")
    assert "Tom Price is back" in said
    account = firm.fake.accounts[firm.user("tom")]
    assert not account.locked and not account.deactivated and not account.devices
    assert account.profile["displayname"] == "Tom Price"
    assert account.profile["threepids"] == [{"medium": "email", "address": "tom@firm.example"}]
    assert firm.members(channel) == {"ruth"}
    everyone = firm.room("Everyone")
    assert "tom" in firm.members(everyone)
    assert await firm.nothing_to_do()
    assert "You are in" in await firm.ask("tom", "!channel join Court Filings")
    assert "works here already" in await firm.ask("ruth", "!staff return @tom")


async def test_F2_an_invitation_that_the_bridge_does_not_know_is_turned_down_and_forgotten(firm: SmallFirm) -> None:
    other = firm.fake.create_room(firm.user("ines"), {"preset": "private_chat"})
    firm.fake.block_invites = False
    firm.fake.invite(other, firm.user("ines"), firm.user("tom"))
    await firm.ask("ruth", "!staff leave @tom")
    assert is_gone(firm, "tom")
    assert firm.user("tom") in firm.fake.rooms[other].forgotten


async def test_F2_who_is_disabled_in_the_directory_keeps_a_locked_account(firm: SmallFirm) -> None:
    staff = [{**person, "enabled": person["id"] != "tom"} for person in STAFF]
    await follow(firm, staff)
    account = firm.fake.accounts[firm.user("tom")]
    assert account.locked and not account.deactivated and not account.devices
    assert rooms_of(firm, "tom") == []
    assert "The directory says that Tom Price has left or is disabled" in await firm.ask("ruth", "!staff return @tom")
    assert "Tom Price: disabled in the directory" in await firm.ask("ruth", "!staff list")


async def follow(firm: SmallFirm, staff: list[dict[str, object]]) -> None:
    write_directory(str(firm.service.settings.directory.path), staff=staff)
    await firm.service.directory.refresh()
    await firm.service.directory.confirm("ruth")
    await firm.service.directory.refresh()
    assert (await firm.service.sync()).failed == ()


async def test_F2_left_by_the_directory_it_is_the_same(firm: SmallFirm) -> None:
    await follow(firm, [{**person, "former": person["id"] == "tom"} for person in STAFF])
    assert is_gone(firm, "tom")
    assert "Tom Price: left, by the directory" in await firm.ask("ruth", "!staff list")
    assert await firm.nothing_to_do()


@pytest.mark.parametrize("point", POINTS)
async def test_F2_killed_at_any_step_it_is_done_after_the_restart(firm: SmallFirm, point: str) -> None:
    killed: list[str] = []

    def kill(name: str) -> None:
        if name == point:
            killed.append(name)
            raise Killed

    with patch("bridge.faults.point", kill), suppress(Killed, BaseExceptionGroup):
        await firm.ask("ruth", "!staff leave @tom")
    assert killed == [point]
    await firm.service.in_force.load()
    assert (await firm.service.sync()).failed == ()
    assert is_gone(firm, "tom")
    assert await firm.nothing_to_do()


async def test_F2_who_comes_back_while_a_pass_is_under_way_keeps_the_account(firm: SmallFirm) -> None:
    await firm.service.store.run(set_leaver, "tom", "ruth", "$left")
    ended = firm.service.homeserver.delete_devices

    async def and_they_are_back(user_id: str) -> None:
        await ended(user_id)
        await firm.service.store.run(set_returned, "tom", "ruth", "$back")

    with patch.object(firm.service.homeserver, "delete_devices", and_they_are_back):
        await firm.service.sync()
    assert not firm.fake.accounts[firm.user("tom")].deactivated
    assert (await firm.service.sync()).failed == ()
    assert not firm.fake.accounts[firm.user("tom")].locked
    assert await firm.nothing_to_do()


async def test_F2_somebody_without_an_account_has_nothing_to_be_cut_off_from(firm: SmallFirm) -> None:
    del firm.fake.accounts[firm.user("tom")]
    assert "Tom Price has left the firm" in await firm.ask("ruth", "!staff leave @tom")
    assert firm.user("tom") not in firm.fake.accounts


async def test_F2_what_the_homeserver_still_shows_is_told(firm: SmallFirm) -> None:
    deactivate = firm.fake.deactivate

    def with_a_session_left(user_id: str, *more: Any) -> None:
        deactivate(user_id, *more)
        firm.fake.accounts[user_id].devices.add("NEW")

    with patch.object(firm.fake, "deactivate", with_a_session_left):
        said = await firm.ask("ruth", "!staff leave @tom")
    assert "it has 1 sessions" in said


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("!staff leave @ruth", "You cannot cut yourself off"),
        ("!staff leave", "Tell me who"),
        ("!staff leave @tom @ines", "Name one person and nothing else"),
        ("!staff leave @nobody", "I know nobody called"),
    ],
)
async def test_F2_what_is_refused_changes_nothing(firm: SmallFirm, typed: str, answer: str) -> None:
    assert answer in await firm.ask("ruth", typed)
    assert firm.fake.changes() == []


async def admins(firm: SmallFirm, *localparts: str) -> None:
    """Make these people, and Ruth, firm admins by the directory."""
    staff = [{**one, "role": "Owner"} if one["id"] in localparts else one for one in STAFF]
    write_directory(firm.service.settings.directory.path, staff=staff)
    await firm.service.directory.refresh()
    await firm.service.sync()


async def test_F2_nobody_makes_themselves_the_only_firm_admin(firm: SmallFirm) -> None:
    await admins(firm, "tom")
    before = len(firm.said)
    assert "You would be the only firm admin left" in await firm.ask("ruth", "!staff leave @tom")
    assert not firm.fake.accounts[firm.user("tom")].locked
    await admins(firm, "tom", "ines")
    assert "Tom Price has left the firm" in await firm.ask("ruth", "!staff leave @tom")
    chat = await firm.chat("ines")
    (told,) = [body for room, _, body in firm.said[before:] if room == chat and "cut Tom Price off" in body]
    assert told.startswith("Ruth Adeyemi has cut Tom Price off")
    assert "You would be the only firm admin left" in await firm.ask("ruth", "!staff leave @ines")
    assert "Tom Price is back" in await firm.ask("ruth", "!staff return @tom")
    assert any(room == chat and "taken Tom Price back" in body for room, _, body in firm.said[before:])


async def test_F2_only_a_firm_admin_cuts_somebody_off(firm: SmallFirm) -> None:
    assert "is for firm admins" in await firm.ask("tom", "!staff leave @ines")
    assert not firm.fake.accounts[firm.user("ines")].locked
