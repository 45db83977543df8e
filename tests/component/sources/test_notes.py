"""Smokeball tells whoever was mentioned and does not read it, and only them, and nothing of what was said (M3, F2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer

from bridge.care import mentions
from bridge.clock import now_ms
from bridge.directory.smokeball.notes import plain
from bridge.directory.sources.asking import Bucket
from bridge.firm.conversation import first_matter_conversation_id
from bridge.handlers.passing import activity
from bridge.mapping.event import MESSAGE, Event
from bridge.settings import DirectorySettings
from tests.component.on_fake import room_id_of
from tests.component.small_firm import SmallFirm, channel, direct, small_firm, write_directory
from tests.component.sources.connected import settings_for
from tests.fakes.smokeball import FakeSmokeball

MINUTE = 60_000
SECRET = "The tide is out at Tidewell"


class Told:
    """A firm whose people are in Smokeball too."""

    def __init__(self, firm: SmallFirm, smokeball: FakeSmokeball, ids: dict[str, str]) -> None:
        self.firm = firm
        self.smokeball = smokeball
        self._ids = ids
        self.later = 0
        """Milliseconds that have gone by."""

    async def mention(self, room_id: str, *localparts: str, sender: str = "ruth") -> None:
        users = [self.firm.user(one) for one in localparts]
        self.firm.fake.message(room_id, self.firm.user(sender), SECRET, **{"m.mentions": {"user_ids": users}})
        await self.firm.settle()

    async def after(self, minutes: int) -> dict[str, str]:
        """The notes so far, by whom they are for, some minutes later."""
        self.later += minutes * MINUTE
        await self.firm.bridge.jobs.more["notes"]()
        who = {own: localpart for localpart, own in self._ids.items()}
        return {who[one["staffId"]]: one["message"] for one in self.smokeball.notes}

    def outcomes(self) -> dict[str, float]:
        found = self.firm.service.metrics.source_notes.collect()
        return {
            each.labels["outcome"]: each.value for one in found for each in one.samples if each.name.endswith("_total")
        }

    async def matter_room(self) -> str:
        """The room of the matter's first conversation, with Ruth, Tom and Inès."""
        room = await room_id_of(self.firm.service.store, first_matter_conversation_id("m1"))
        await self.firm.ask("ruth", "!add @tom @ines", room)
        assert self.firm.members(room) == {"ruth", "tom", "ines"}
        return room


@asynccontextmanager
async def told_firm(folder: Path, url: str, monkeypatch: pytest.MonkeyPatch, minutes: int = 10) -> AsyncIterator[Told]:
    fake = FakeSmokeball()
    ids = {name: fake.person(number, name.title()) for number, name in enumerate(("ruth", "tom", "walt"))}
    fake.settle()
    async with TestServer(fake.app()) as server, small_firm(folder, url) as firm:
        settings = firm.service.settings
        await firm.restart(
            directory=DirectorySettings(path=settings.directory.path, sources={"files": (), "smokeball": ()}),
            smokeball=settings_for(
                str(server.make_url("")).rstrip("/"), folder, requests_per_second=100, notify_minutes=minutes
            ),
        )
        told = Told(firm, fake, ids)
        for module in (mentions, activity):
            monkeypatch.setattr(module, "now_ms", lambda: now_ms() + told.later)
        (asked,) = firm.bridge.asked
        while await asked.reader.run():
            pass
        await firm.bridge.upkeep.follow_directory()
        assert not firm.service.directory.problems
        firm.new.clear()
        yield told
        await asked.close()
        assert fake.wrong == []


async def test_M3_who_was_mentioned_and_does_not_read_is_told_where_and_nothing_of_what_was_said(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with told_firm(tmp_path, database_url, monkeypatch) as told:
        room = await told.matter_room()
        # Inès is not in Smokeball, and nobody is told of what they wrote themselves.
        await told.mention(room, "tom", "ines", "ruth")
        assert await told.after(9) == {}
        notes = await told.after(2)
        assert notes == {"tom": "You were mentioned in a conversation of matter 2026-0042 and have not read it yet."}
        (note,) = told.smokeball.notes
        assert SECRET not in str(note) and set(note) == {"staffId", "message", "toastyMessage"}
        # Once, however often they are mentioned there meanwhile and whatever is looked at again.
        assert len(await told.after(60)) == len(told.smokeball.notes) == 1
        assert told.outcomes() == {"shown": 1, "unneeded": 1}


async def test_D4_of_direct_conversations_and_channels_only_that_is_said(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with told_firm(tmp_path, database_url, monkeypatch) as told:
        await told.mention(await direct(told.firm), "tom")
        assert (await told.after(11))["tom"] == "You were mentioned in a direct conversation and have not read it yet."
        await told.mention(await channel(told.firm), "tom")
        assert (await told.after(11))["tom"] == "You were mentioned in a channel and have not read it yet."


async def test_nobody_is_told_who_has_read_it(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with told_firm(tmp_path, database_url, monkeypatch) as told:
        room = await told.matter_room()
        await told.mention(room, "tom")
        told.firm.fake.read(room, told.firm.user("tom"))
        assert await told.after(11) == {}
        assert told.outcomes() == {"unneeded": 1}


@pytest.mark.parametrize("change", ["walled", "left", "restricted"])
async def test_M3_F2_whoever_must_not_see_it_any_more_is_not_told(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    async with told_firm(tmp_path, database_url, monkeypatch) as told:
        room = await told.matter_room()
        await told.mention(room, "tom")
        path, firm = told.firm.service.settings.directory.path, told.firm.service.firm
        wall = {"id": "w2", "matter": "2026-0042", "people": ["tom"], "memo": "M.", "set_by": "ruth"}
        matter = {"id": "m1", "number": "2026-0042", "title": "Estate", "responsible": "ruth", "restricted": "yes"}
        people = [
            {"id": one.id, "first_name": one.first_name, "last_name": one.last_name, "email": one.email}
            | ({"former": "yes"} if one.id == "tom" else {})
            for one in firm.staff.values()
        ]
        changed: dict[str, dict[str, Any]] = {
            "walled": {"walls": [wall]},
            "left": {"staff": people},
            "restricted": {"matters": [matter]},
        }
        write_directory(path, **changed[change])
        # The directory is read, and nothing of it followed yet: Tom is in the room still.
        await told.firm.service.directory.refresh()
        await told.firm.service.directory.confirm("ruth") if told.firm.service.directory.held else None
        await told.firm.service.directory.refresh()
        assert told.firm.service.firm is not firm and "tom" in told.firm.members(room)
        assert await told.after(11) == {}
        assert told.outcomes() == {"unneeded": 1}


async def test_M3_a_wall_set_while_a_note_waits_for_its_turn_holds(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with told_firm(tmp_path, database_url, monkeypatch) as told:
        await told.mention(await told.matter_room(), "tom")
        service, take = told.firm.service, Bucket.take

        async def walled_meanwhile(bucket: Bucket) -> None:
            await take(bucket)
            wall = {"id": "w2", "matter": "2026-0042", "people": ["tom"], "memo": "M.", "set_by": "ruth"}
            write_directory(service.settings.directory.path, walls=[wall])
            await service.directory.refresh()
            await service.directory.confirm("ruth")
            await service.directory.refresh()
            assert "w2" in service.firm.walls

        monkeypatch.setattr(Bucket, "take", walled_meanwhile)
        assert await told.after(11) == {}
        assert "POST /notifications" not in told.smokeball.asked
        assert told.outcomes() == {"unneeded": 1}
        assert told.firm.bridge.health()["sources"] == ""


@pytest.mark.parametrize("status", [503, 429])
async def test_a_note_that_fails_is_counted_and_the_next_is_shown(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    async with told_firm(tmp_path, database_url, monkeypatch) as told:
        room = await told.matter_room()
        told.smokeball.answers["/notifications"] = (status, {})
        await told.mention(room, "tom")
        assert await told.after(11) == {}
        # Whether it was shown all the same is not known, or others wait, so it is not asked for again.
        assert told.smokeball.asked.count("POST /notifications") == 1
        assert "did not take the last note" in told.firm.bridge.health()["sources"]
        told.smokeball.answers.clear()
        assert await told.after(60) == {}
        await told.mention(room, "tom")
        assert set(await told.after(11)) == {"tom"}
        assert told.outcomes() == {"failed": 1, "shown": 1}
        assert told.firm.bridge.health()["sources"] == ""


async def test_what_ends_the_bridge_while_a_note_is_asked_for_shows_none_twice(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with told_firm(tmp_path, database_url, monkeypatch) as told:
        await told.mention(await told.matter_room(), "tom")
        (asked,) = told.firm.bridge.asked
        assert asked.notes is not None
        show = asked.notes.show

        async def shown_and_ended(staff_id: str, text: Callable[[], str]) -> bool:
            await show(staff_id, text)
            raise asyncio.CancelledError

        monkeypatch.setattr(asked.notes, "show", shown_and_ended)
        with pytest.raises(asyncio.CancelledError):
            await told.after(11)
        monkeypatch.setattr(asked.notes, "show", show)
        await told.after(11)
        assert len(told.smokeball.notes) == 1


async def test_after_a_day_a_mention_is_no_news(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with told_firm(tmp_path, database_url, monkeypatch) as told:
        await told.mention(await told.matter_room(), "tom")
        assert await told.after(25 * 60) == {}
        assert told.outcomes() == {"unneeded": 1}


async def test_a_mention_that_is_no_news_takes_no_newer_one_with_it(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with told_firm(tmp_path, database_url, monkeypatch) as told:
        room = await told.matter_room()
        await told.mention(room, "tom")
        # Whatever was away comes back, and he is mentioned again.
        told.later += 25 * 60 * MINUTE
        await told.mention(room, "tom")
        assert await told.after(0) == {}
        assert set(await told.after(11)) == {"tom"}
        assert told.outcomes() == {"unneeded": 1, "shown": 1}


async def test_whomever_messages_mention_the_accounts_are_read_once(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with told_firm(tmp_path, database_url, monkeypatch) as told:
        firm, room = told.firm, await told.matter_room()
        store, asked = firm.service.store, list[str]()
        read = store.read

        async def counted(work: Any, *given: Any) -> Any:
            asked.append(getattr(work, "__name__", ""))
            return await read(work, *given)

        def mentioning(number: int, *localparts: str) -> Event:
            content = {"msgtype": "m.text", "body": SECRET, "m.mentions": {"user_ids": [*map(firm.user, localparts)]}}
            return Event(f"$e{number}", room, MESSAGE, firm.user("ruth"), now_ms(), content)

        monkeypatch.setattr(store, "read", counted)
        news = firm.bridge.activity.news
        effect = await news([mentioning(one, f"nobody{one}", "nobody", "tom", "ruth") for one in range(5)])
        assert asked.count("staff_by_localpart") == 1
        assert effect is not None
        await store.run(effect)
        rows = await read(lambda unit: unit.rows("SELECT event_id, staff_id FROM mention"))
        assert sorted(rows) == [(f"$e{one}", "tom") for one in range(5)]
        # The bot is asked something all the time, and is nobody of the firm.
        asked.clear()
        await news([mentioning(9, firm.fake.bot_id[1:].partition(":")[0])])
        assert "staff_by_localpart" not in asked


async def test_a_firm_that_wants_no_notes_notes_no_mentions(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with told_firm(tmp_path, database_url, monkeypatch, minutes=0) as told:
        await told.mention(await told.matter_room(), "tom")
        assert "notes" not in told.firm.bridge.jobs.more
        assert await told.firm.service.store.read(lambda unit: unit.rows("SELECT * FROM mention")) == []


def test_what_smokeball_takes_for_more_than_text_is_none() -> None:
    assert plain("matter **[@0042]** -- --x 2026-0042") == "matter @0042 x 2026-0042"
