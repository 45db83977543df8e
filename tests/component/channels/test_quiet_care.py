"""Channels that nobody is in any more are archived after a while, with notice, and not again at once (C1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bridge import faults
from bridge.care.quiet import archive_empty_channels
from bridge.clock import now_ms
from bridge.firm.audit import Deed
from bridge.firm.conversation import Channel
from bridge.settings import CareSettings
from bridge.store.engine.unit import Unit
from bridge.store.models import Conversation, Participant
from bridge.store.queues.outbox import pending
from bridge.store.record.audit import audited
from bridge.store.rooms.channels import all_channels
from tests.component.small_firm import DIRECTORY, SmallFirm, small_firm, write_directory
from tests.fakes.faults import too_many_in_header

DAY = 86_400_000
GONE = 40
"""Days ago that everything of these tests happened."""


@pytest.fixture
async def firm(tmp_path: Path, database_url: str) -> AsyncIterator[SmallFirm]:
    async with small_firm(tmp_path, database_url) as made:
        yield made


async def long_ago(firm: SmallFirm, days: int = GONE) -> None:
    """Let everything stored until now have happened that many days ago."""

    def work(unit: Unit) -> None:
        unit.run(Conversation.update(created_at=Conversation.created_at - days * DAY))
        unit.run(Participant.update(since=Participant.since - days * DAY))

    await firm.service.store.run(work)


async def care(firm: SmallFirm, days: int = 0, archive_after: int = 30) -> list[str]:
    """The names of the channels archived on a day from today."""
    settings = firm.service.settings.model_copy(update={"care": CareSettings(archive_empty_days=archive_after)})
    desk = replace(firm.desk, settings=settings)
    archived = await archive_empty_channels(desk, now_ms() + days * DAY)
    await firm.settle()
    return sorted(channel.title for channel in await channels(firm) if channel.id in archived)


async def channels(firm: SmallFirm) -> list[Channel]:
    return await firm.service.store.run(all_channels)


async def empty_channel(firm: SmallFirm, name: str = "Friday Lunch") -> str:
    """A channel that Tom made and left long ago; its room."""
    await firm.ask("tom", f"!channel create {name}")
    await firm.ask("tom", f"!channel leave {name}")
    await long_ago(firm)
    return firm.room(name)


async def test_C1_an_empty_channel_is_archived_with_notice(firm: SmallFirm) -> None:
    room = await empty_channel(firm)
    assert await care(firm, -11) == []
    assert await care(firm, -9) == ["Friday Lunch"]
    assert firm.fake.rooms[room].levels["events_default"] == 100
    told = {room_id: body for room_id, _, body in firm.said[-2:]}
    assert set(told) == {room, await firm.chat("tom")}
    for body in told.values():
        assert "nobody has been in" in body.casefold()
        assert "!channel restore" in body
        assert "archived again after 30 days" in body
    assert "!channel join Friday Lunch" in told[await firm.chat("tom")]
    (logged,) = [one.entry for one in await firm.service.store.run(audited) if one.entry.deed is Deed.ARCHIVED]
    assert logged.actor == ""
    assert "Nobody has been in it since" in logged.reason
    info = await firm.ask("ines", "!channel info Friday Lunch")
    assert "by me, because nobody was in it any more" in info
    assert "archived" in await firm.ask("ines", "!channel search lunch")
    assert await care(firm) == []
    assert await firm.nothing_to_do()


async def test_C1_what_a_person_archives_is_told_from_it(firm: SmallFirm) -> None:
    await empty_channel(firm)
    await firm.ask("ines", "!channel archive Friday Lunch")
    assert ", by Inès Moreau" in await firm.ask("ines", "!channel info Friday Lunch")
    said = len(firm.said)
    assert await care(firm) == []
    assert len(firm.said) == said


async def test_C4_the_channel_of_the_whole_firm_and_those_with_people_stay(firm: SmallFirm) -> None:
    await firm.ask("ruth", "!channel create Court Filings @tom")
    await firm.ask("ruth", "!channel leave Court Filings")
    await long_ago(firm)
    assert await care(firm, 4000) == []


async def test_C1_it_can_be_off(firm: SmallFirm) -> None:
    await empty_channel(firm)
    assert await care(firm, 4000, archive_after=0) == []


async def test_C1_the_time_begins_when_the_last_one_is_gone_however_they_went(firm: SmallFirm) -> None:
    write_directory(firm.service.settings.directory.path, channels=[{"name": "Nobody yet"}])
    await firm.service.directory.refresh()
    await firm.service.sync()
    for name in ("By command", "In the client", "Taken out", "Left the firm"):
        await firm.ask("walt", f"!channel create {name}")
    await long_ago(firm)
    await firm.ask("walt", "!channel leave By command")
    firm.fake.leave(firm.room("In the client"), firm.user("walt"))
    await firm.ask("ruth", "!channel remove Taken out @walt")
    before = firm.service.directory.firm
    write_directory(firm.service.settings.directory.path, staff=DIRECTORY["staff"][:-1], walls=[])
    await firm.service.directory.refresh()
    await firm.service.directory.confirm("ruth")
    await firm.service.directory.refresh()
    assert "walt" not in firm.service.directory.firm.active_staff
    assert await care(firm) == ["Nobody yet"]
    # Who left the firm is gone from the moment on at which the bridge follows the directory.
    await firm.service.reconciler.passes.follow(before)
    await firm.settle()
    assert await care(firm, 29) == []
    said = len(firm.said)
    assert await care(firm, 31) == ["By command", "In the client", "Left the firm", "Taken out"]
    # Walt made them and is gone: only the channels themselves are told.
    assert {room for room, _, _ in firm.said[said:]} == {
        firm.room(name) for name in ("By command", "In the client", "Left the firm", "Taken out")
    }


async def test_C1_a_restored_channel_has_its_time_again(firm: SmallFirm) -> None:
    room = await empty_channel(firm)
    assert await care(firm) == ["Friday Lunch"]
    said = await firm.ask("ines", "!channel restore Friday Lunch")
    assert "Nobody is in it. If nobody joins, it is archived again after 30 days." in said
    assert "Nobody is in it." in firm.fake.events(room, "m.room.message")[-1]["content"]["body"]
    assert await care(firm) == []
    assert await care(firm, 29) == []
    notices = len(firm.fake.events(room, "m.room.message"))
    assert await care(firm, 31) == ["Friday Lunch"]
    assert len(firm.fake.events(room, "m.room.message")) == notices + 1
    await firm.ask("ines", "!channel restore Friday Lunch")
    await firm.ask("ines", "!channel join Friday Lunch")
    assert await care(firm, 4000) == []
    await firm.ask("ines", "!channel archive Friday Lunch")
    assert "Nobody" not in await firm.ask("ines", "!channel restore Friday Lunch")


async def test_C1_a_crash_after_the_archiving_leaves_nothing_undone_and_nothing_doubled(
    firm: SmallFirm, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await empty_channel(firm)

    def die(name: str) -> None:
        raise KeyboardInterrupt(name)

    monkeypatch.setattr(faults, "point", die)
    with pytest.raises(KeyboardInterrupt, match=r"channels\.archived"):
        await archive_empty_channels(firm.desk, now_ms())
    monkeypatch.undo()
    assert firm.fake.rooms[room].levels["events_default"] == 0
    assert len(await firm.service.store.run(pending, 0, 10)) == 2
    assert await care(firm) == []
    await firm.service.sync()
    assert firm.fake.rooms[room].levels["events_default"] == 100
    assert len(await firm.service.store.run(pending, 0, 10)) == 2
    assert await firm.nothing_to_do()


async def test_C1_a_room_that_cannot_be_closed_now_is_closed_later(
    firm: SmallFirm, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It is day.
    monkeypatch.setattr("bridge.jobs.is_firm_hour", lambda firm, at, first, last: first <= 12 <= last)
    room = await empty_channel(firm)
    # Before the first pass, nobody is archived: somebody may have joined meanwhile.
    await firm.bridge.jobs.archive_empty_channels()
    assert not any(channel.archived for channel in await channels(firm))
    await firm.bridge.upkeep.reconcile()
    firm.all_done()
    firm.fake.script("PUT", "power_levels", too_many_in_header(3600))
    await firm.bridge.jobs.archive_empty_channels()
    assert firm.fake.rooms[room].levels["events_default"] == 0
    again = firm.service.reconciler.again
    assert len(again) == 1
    again.hurry()
    await firm.service.reconciler.rooms.try_again()
    assert len(again) == 0
    assert firm.fake.rooms[room].levels["events_default"] == 100
    assert not firm.bridge.health()["reconciled"]
