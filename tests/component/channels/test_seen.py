"""Who has read up to a message, and when: as the homeserver tells of it, for those inside, of those inside (P5)."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.mapping.event import event_of
from bridge.store.engine.errors import StoreError
from bridge.store.engine.unit import ReadUnit
from bridge.store.models import ReadPosition
from tests.component.panel.panel_firm import filings, panel_firm
from tests.component.small_firm import SmallFirm, channel, direct, small_firm

HOUR = 3_600_000


@pytest.fixture
async def firm(tmp_path: Path, database_url: str) -> AsyncIterator[SmallFirm]:
    async with small_firm(tmp_path, database_url) as found:
        clock_of(found)
        yield found


def clock_of(firm: SmallFirm) -> None:
    """Let no two events come at the same time."""
    clock = itertools.count(1_800_000_000_000)
    firm.fake.listeners.insert(0, lambda event: event.update(origin_server_ts=next(clock)))


class Talk:
    """A room, and what people say and read in it."""

    def __init__(self, firm: SmallFirm, room_id: str) -> None:
        self.firm, self.room_id = firm, room_id

    async def say(self, who: str, text: str, **content: object) -> str:
        event = self.firm.fake.message(self.room_id, self.firm.user(who), text, **content)
        self.firm.bridge.receipts.came([event_of(event)])
        await self.firm.settle()
        return str(event["event_id"])

    async def read(self, who: str, event_id: str, kind: str = "m.read", **more: object) -> None:
        said = {"ts": 1_800_000_000_000 + HOUR, **more}
        content = {event_id: {kind: {self.firm.user(who): said}}}
        self.firm.bridge.receipts.heard([{"type": "m.receipt", "room_id": self.room_id, "content": content}])
        await self.firm.bridge.receipts.write()

    async def seen(self, who: str, event_id: str) -> str:
        reply = {"m.relates_to": {"m.in_reply_to": {"event_id": event_id}}}
        before = len(self.firm.said)
        self.firm.fake.message(self.room_id, self.firm.user(who), "!seen", **reply)
        await self.firm.settle()
        return "\n".join(body for _, sender, body in self.firm.said[before:] if "bot" in sender)


@pytest.mark.parametrize("kind", [channel, direct])
async def test_P5_who_read_on_has_read_what_stands_before(firm: SmallFirm, kind) -> None:  # type: ignore[no-untyped-def]
    talk = Talk(firm, await kind(firm))
    first, second = await talk.say("ruth", "One"), await talk.say("ruth", "Two")
    assert "does not tell the bridge" in await talk.seen("ruth", first)
    await talk.read("tom", first)
    assert "- Tom Price, 20" in await talk.seen("ruth", first)
    assert "Nobody's client" in await talk.seen("ruth", second)
    await talk.read("tom", second)
    assert "- Tom Price, by 20" in await talk.seen("ruth", first)
    assert "- Tom Price, 20" in await talk.seen("ruth", second)
    # Whoever wrote it is not named as a reader of it.
    await talk.read("ruth", second)
    assert "Ruth" not in await talk.seen("ruth", second)


async def test_P5_what_somebody_keeps_to_themselves_is_told_to_nobody(firm: SmallFirm) -> None:
    talk = Talk(firm, await channel(firm))
    said = await talk.say("ruth", "One")
    await talk.read("ines", said)
    await talk.read("tom", said, "m.read.private")
    answer = await talk.seen("ruth", said)
    assert "Moreau" in answer
    assert "Tom" not in answer

    def stored(unit: ReadUnit) -> list[str]:
        return [row.staff_id for row in unit.all(ReadPosition.select())]

    assert await firm.service.store.read(stored) == ["ines"]


async def test_P5_only_the_last_place_of_each_is_kept(firm: SmallFirm) -> None:
    talk = Talk(firm, await channel(firm))
    for number in range(5):
        said = await talk.say("ruth", str(number))
        for _ in range(2):
            await talk.read("tom", said)
        await talk.read("tom", said, thread_id="main")
    assert await firm.service.store.read(lambda unit: len(list(unit.all(ReadPosition.select())))) == 2
    assert "- Tom Price, 20" in await talk.seen("ruth", said)


async def test_P5_what_stands_in_a_thread_is_read_by_whoever_read_all(firm: SmallFirm) -> None:
    talk = Talk(firm, await channel(firm))
    root = await talk.say("ruth", "One")
    within = await talk.say("ruth", "Within", **{"m.relates_to": {"rel_type": "m.thread", "event_id": root}})
    last = await talk.say("ruth", "Two")
    await talk.read("tom", last, thread_id="main")
    await talk.read("ines", last)
    answer = await talk.seen("ruth", within)
    assert ("Moreau" in answer, "Tom" in answer, "stands in a thread" in answer) == (True, False, True)
    assert "Tom Price" in await talk.seen("ruth", root)


async def test_P5_times_that_are_not_in_memory_are_asked_for(firm: SmallFirm) -> None:
    talk = Talk(firm, await channel(firm))
    first = await talk.say("ruth", "One")
    # What came before the bridge began.
    second = str(firm.fake.message(talk.room_id, firm.user("ruth"), "Two")["event_id"])
    await talk.read("tom", second)
    await talk.read("ines", "$gone")
    answer = await talk.seen("ruth", first)
    assert ("Tom Price" in answer, "Moreau" in answer) == (True, False)


async def test_P5_M3_only_from_inside_and_only_of_those_inside(firm: SmallFirm) -> None:
    talk, other = Talk(firm, await channel(firm)), Talk(firm, await direct(firm))
    said, between = await talk.say("ruth", "One"), await other.say("ruth", "Between us")
    for who in ("tom", "ines", "walt"):
        await talk.read(who, said)
    assert "Walt" not in await talk.seen("ruth", said)
    # A message of another conversation is none of this one.
    await other.read("tom", between)
    assert "cannot find that message" in await talk.seen("ines", between)
    await firm.ask("ruth", "!remove @tom", talk.room_id)
    answer = await talk.seen("ruth", said)
    assert ("Moreau" in answer, "Tom" in answer) == (True, False)
    await firm.let_all_be_admins()
    assert "Moreau" in await talk.seen("ruth", said)
    await firm.ask("ruth", "!staff leave @ines")
    assert "Moreau" not in await talk.seen("ruth", said)


async def test_P5_receipts_of_no_concern_are_dropped_and_others_wait_for_the_database(
    firm: SmallFirm, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk, receipts = Talk(firm, await channel(firm)), firm.bridge.receipts
    said = await talk.say("ruth", "One")
    await talk.read("nobody", said)
    await Talk(firm, "!elsewhere:localhost").read("tom", said)
    await Talk(firm, await firm.chat("tom")).read("tom", said)
    assert await firm.service.store.read(lambda unit: list(unit.all(ReadPosition.select()))) == []

    async def fails(*_: object) -> None:
        raise StoreError("It does not answer.")

    with monkeypatch.context() as broken:
        broken.setattr(firm.service.store, "run_undurable", fails)
        with pytest.raises(StoreError):
            await talk.read("tom", said)
        await receipts.stop()
    await receipts.write()
    assert "Tom Price" in await talk.seen("ruth", said)


async def test_P5_the_panel_has_it_where_messages_are_shown(tmp_path: Path, database_url: str) -> None:
    async with panel_firm(tmp_path, database_url) as panel:
        firm = panel.firm
        clock_of(firm)
        talk = Talk(firm, await channel(firm))
        said = await talk.say("ruth", "The bundle is ready")
        await talk.read("tom", said)
        firm.fake.put_state(talk.room_id, firm.user("tom"), "m.room.pinned_events", "", {"pinned": [said]})
        await firm.settle()
        ruth = await panel.enter("ruth")
        there = await filings(ruth)
        address = f"{there}/message/{said.replace('$', '%24')}/seen"
        assert address in (await ruth.get(f"{there}/pinned"))[1]
        status, text = await ruth.get(address)
        assert (status, "Tom Price" in text, "Seen by" in text) == (200, True, True)
        walt = await panel.enter("walt")
        for who, where in ((walt, address), (ruth, f"{there}/message/%24none/seen")):
            assert (await who.get(where))[0] == 404
