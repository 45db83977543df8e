"""One thing is broken, and the firm goes on: who must be out is out, everybody else is answered, health says what is
wrong, and once it is mended all is as it should be (F2, M3).
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import orjson
import pytest

from bridge.clock import firm_today
from bridge.firm.conversation import (
    ConversationKind,
    bot_chat_id,
    channel_id,
    channel_key,
    direct_id,
    first_matter_conversation_id,
)
from bridge.firm.room_keys import matter_space_key
from bridge.guard.creation import CreationRequest, request_as_json
from bridge.guard.protocol import CREATE_PATH, PATH, sign_creation
from bridge.settings import Settings
from bridge.store.engine.store import StoreError
from bridge.store.rooms.conversations import conversation_by_id
from tests.cast import DAN, entry
from tests.component.on_fake import write
from tests.component.running_bridge import STAFF, TALK, Running, running, settings_in
from tests.component.wire.traffic import GIVE_UP_SECONDS, until
from tests.fakes.faults import (
    DROP_AFTER,
    DROP_BEFORE,
    Behaviour,
    Broken,
    Cut,
    Slow,
    bad_gateway,
    refusal,
    too_many_in_header,
)
from tests.fakes.guard import FakeGuard
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.room import Room

PEOPLE = [*STAFF, entry(replace(DAN, role="Associate"))]
MATTERS = [
    {"id": "m1", "number": "2026-0042", "title": "Estate", "responsible": "a", "assisting": ["b", "c"]},
    {"id": "m2", "number": "2026-0055", "title": "Sale", "responsible": "a", "assisting": ["c", "d"]},
]
BEFORE: dict[str, Any] = {"staff": PEOPLE, "matters": MATTERS}
WALL = {"id": "w1", "matter": "2026-0042", "people": ["b"], "memo": "A cousin.", "set_by": "a"}
OTHER = {"id": "w2", "matter": "2026-0055", "people": ["d"], "memo": "A friend.", "set_by": "a"}
AFTER = {
    **BEFORE,
    "staff": [*PEOPLE[:2], {**PEOPLE[2], "former": True}, {**PEOPLE[3], "last_name": "Dell-Orr"}],
    "walls": [WALL, OTHER],
}
"""Cleo has left, Ben is walled off from one matter and Dan, who has another name now, from the other."""
BEN_ID, CLEO_ID, DAN_ID = "@ben:localhost", "@cleo:localhost", "@dan:localhost"
EVERYONE, SALE = channel_id(channel_key("Everyone")), first_matter_conversation_id("m2")
HOW: dict[str, Callable[[], Behaviour]] = {
    "500": lambda: refusal(500, "M_UNKNOWN", "Internal server error"),
    "400": lambda: refusal(400, "M_UNKNOWN", "Something about it"),
    "page": bad_gateway,
    "too many": lambda: too_many_in_header(3600),
    "dropped": lambda: DROP_BEFORE,
    "done and dropped": lambda: DROP_AFTER,
    "cut": lambda: Cut(5),
    "never": lambda: Slow(asyncio.Event()),
}
AT = pytest.mark.parametrize("start", [False, True], ids=["at work", "at a start"])


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {
        "upkeep.stages.RETRY_SECONDS": 0.02,
        "jobs.AGAIN_SECONDS": 0.02,
        "jobs.GUARD_SECONDS": 0.05,
        "reconcile.again.FIRST_SECONDS": 0.02,
        "reconcile.again.LONGEST_SECONDS": 0.1,
        "reconcile.guarding.REST_SECONDS": 0.05,
        "reconcile.waits.PATIENCE": 0.1,
        "reconcile.waits.MOMENT": 0.1,
        "reconcile.waits.GUARD": 0.1,
        "store.engine.store.TROUBLE_SECONDS": 0.2,
    }.items():
        monkeypatch.setattr(f"bridge.{name}", seconds)


@pytest.fixture
async def fake(tmp_path: Path) -> AsyncIterator[FakeHomeserver]:
    """A homeserver with the guard that pushes what happens, at the present time."""
    async with FakeHomeserver() as made:
        made.listeners.insert(0, lambda event: event.update(origin_server_ts=time.time_ns() // 1_000_000))
        made.auto_push = True
        made.block_invites = False
        made.guard = FakeGuard(tmp_path / "firm-policy", made.bot_id)
        yield made
        mend(made)


@pytest.fixture
def settings(fake: FakeHomeserver, tmp_path: Path, database_url: str) -> Settings:
    made = settings_in(tmp_path, database_url, fake, request_timeout=0.2, deadline=0.3)
    write(Path(made.directory.path), BEFORE)
    return made


def mend(fake: FakeHomeserver) -> None:
    for broken in fake.broken:
        if isinstance(broken.how, Slow):
            broken.how.until.set()
    fake.broken.clear()


def rooms_of(fake: FakeHomeserver, user_id: str) -> list[Room]:
    return [room for room in fake.rooms.values() if room.members.get(user_id) in {"join", "invite"}]


async def ids(firm: Running, *keys: str) -> list[str]:
    return [await firm.room(key) for key in keys]


async def nothing_left(firm: Running) -> None:
    """What failed is tried again when it is due, and a change that is being followed comes to its end."""
    async with asyncio.timeout(GIVE_UP_SECONDS):
        # What a plan could not read is not yet as it should be either.
        while (plan := await firm.service.reconciler.planner.plan()).steps or plan.problems:
            await firm.well()
    await firm.well()


async def all_right(firm: Running) -> None:
    """Everything is as it should be, and Cleo's account at its end."""
    await nothing_left(firm)
    account = firm.fake.accounts[CLEO_ID]
    assert account.locked and account.deactivated and not account.devices and not rooms_of(firm.fake, CLEO_ID)


async def goes_on(
    settings: Settings, fake: FakeHomeserver, start: bool, broken: Callable[[Running], Any], check: str, words: str
) -> None:
    """Break what `broken` says, then let Cleo leave and two walls be set; while the bridge works or before it starts.

    `broken` gives patterns of requests, how each is answered, and in which rooms somebody may still be for that.
    """
    async with running(settings, fake) as firm:
        await firm.well()
        await fake.delivered()
        fake.accounts[CLEO_ID].devices.add("PHONE")
        shut = {
            BEN_ID: await ids(firm, TALK, matter_space_key("m1")),
            DAN_ID: await ids(firm, SALE, matter_space_key("m2")),
        }
        chats = {who: await firm.room(bot_chat_id(who)) for who in "abd"}
        patterns, how, excepted = await broken(firm)
        if not start:
            fake.broken = [Broken(pattern, how) for pattern in patterns]
            write(firm.directory, AFTER)
            await is_so(firm, shut, excepted, chats, check, words)
            mend(fake)
            await all_right(firm)
    if start:
        fake.broken = [Broken(pattern, how) for pattern in patterns]
        write(Path(settings.directory.path), AFTER)
        async with running(settings, fake) as firm:
            await is_so(firm, shut, excepted, chats, check, words)
            mend(fake)
            await all_right(firm)


async def is_so(
    firm: Running,
    shut: dict[str, list[str]],
    excepted: set[str],
    chats: dict[str, str],
    check: str,
    words: str,
) -> None:
    """Whoever must be out is out of all rooms but those excepted, the others are answered, and health says why."""
    fake = firm.fake
    await until(lambda: {room.room_id for room in rooms_of(fake, CLEO_ID)} <= excepted)
    await until(
        lambda: not any({room.room_id for room in rooms_of(fake, who)} & set(shut[who]) - excepted for who in shut)
    )
    for who, chat in chats.items():
        if chat not in excepted:
            assert await firm.answer(who, "!ping") == "pong"
    await firm.says(check, words)


@AT
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("key", [EVERYONE, SALE, matter_space_key("m1"), bot_chat_id("c")])
async def test_a_room(settings: Settings, fake: FakeHomeserver, key: str, how: str, start: bool) -> None:
    async def broken(firm: Running) -> Any:
        room_id = await firm.room(key)
        return [re.escape(room_id)], HOW[how](), {room_id}

    await goes_on(settings, fake, start, broken, "rooms", "tried again")


@AT
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("who", [DAN_ID, CLEO_ID])
async def test_an_account(settings: Settings, fake: FakeHomeserver, who: str, how: str, start: bool) -> None:
    """The homeserver gives no good answer to what is asked about, or as, one person."""

    async def broken(firm: Running) -> Any:
        # The bot itself can still put them out, where it is in the room.
        return [rf"/users?/{who}|as {who}|/deactivate/{who}"], HOW[how](), set()

    await goes_on(settings, fake, start, broken, "rooms", "tried again")


@AT
@pytest.mark.parametrize("how", [*HOW, "older"])
async def test_the_guard(settings: Settings, fake: FakeHomeserver, how: str, start: bool) -> None:
    async def broken(firm: Running) -> Any:
        older = refusal(404, "M_UNRECOGNIZED", "Unrecognized request")
        return [re.escape(PATH)], older if how == "older" else HOW[how](), set()

    check, words = ("rooms", "account") if how == "done and dropped" else ("guard", "policy")
    await goes_on(settings, fake, start, broken, check, words)


@AT
async def test_the_guards_disk(settings: Settings, fake: FakeHomeserver, start: bool) -> None:
    """It answers how things stand, and takes nothing in."""

    async def broken(firm: Running) -> Any:
        return [f"POST {re.escape(PATH)}"], refusal(500, "M_UNKNOWN", "No space left on device"), set()

    await goes_on(settings, fake, start, broken, "guard", "No space left")


@pytest.mark.parametrize("text", ["staff: [", "", "staff: 5", None], ids=["cut off", "empty", "nonsense", "gone"])
async def test_the_directory(settings: Settings, fake: FakeHomeserver, text: str | None) -> None:
    """What is done by command holds whatever its files say."""
    async with running(settings, fake) as firm:
        await firm.well()
        shut = {BEN_ID: await ids(firm, TALK, matter_space_key("m1"))}
        chats = {who: await firm.room(bot_chat_id(who)) for who in "abd"}
        firm.directory.unlink()
        if text is not None:
            firm.directory.write_text(text, encoding="utf-8")
        await firm.says("directory", "problem")
        await firm.answer("a", "!staff leave @cleo")
        await firm.answer("a", "!wall add 2026-0042 @ben A cousin.")
        await is_so(firm, shut, set(), chats, "directory", "problem")
        write(firm.directory, BEFORE)
        await all_right(firm)


async def test_the_day_goes_on_with_a_full_disk(
    settings: Settings, fake: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wall that begins at midnight holds then, although nothing can be written down, and no pass has begun."""
    today = firm_today(settings.firm)
    write(Path(settings.directory.path), {**BEFORE, "walls": [{**WALL, "since": str(today + timedelta(1))}]})
    async with running(settings, fake) as firm:
        await firm.well()
        await fake.delivered()
        shut = await ids(firm, TALK, matter_space_key("m1"))
        assert {room.room_id for room in rooms_of(fake, BEN_ID)} >= set(shut)
        store, chat = firm.service.store, await firm.room(bot_chat_id("d"))
        await store.run(lambda unit: unit.execute("PRAGMA max_page_count=1"))
        fake.message(chat, DAN_ID, f"!ping {'x' * 3000}")
        await firm.says("database", "full")
        next_day(monkeypatch, today + timedelta(1))
        await until(lambda: not {room.room_id for room in rooms_of(fake, BEN_ID)} & set(shut))
        await firm.says("database", "full")
        asked = fake.message(chat, DAN_ID, "!ping after")
        while store.trouble:
            # What the homeserver sends again and again may share the transaction, and undo it with its own failure.
            with suppress(StoreError):
                await store.run(lambda unit: unit.execute("PRAGMA max_page_count=1000000"))
        await until(lambda: "pong after" in str(fake.events(asked["room_id"])[-1]["content"]))
        await firm.well()
        await nothing_left(firm)


def next_day(monkeypatch: pytest.MonkeyPatch, day: date) -> None:
    monkeypatch.setattr("bridge.clock.day_at", lambda timezone, minute: day)


async def test_a_midnight_wall_does_not_wait_for_a_pass_under_way(
    settings: Settings, fake: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = firm_today(settings.firm)
    write(Path(settings.directory.path), {**BEFORE, "walls": [{**WALL, "since": str(today + timedelta(1))}]})
    patient = settings.homeserver.model_copy(update={"request_timeout": 60.0, "deadline": 60.0})
    async with running(settings.model_copy(update={"homeserver": patient}), fake) as firm:
        await firm.well()
        await fake.delivered()
        shut, held = await ids(firm, TALK, matter_space_key("m1")), Slow(asyncio.Event())
        fake.broken = [Broken(re.escape(await firm.room(bot_chat_id("c"))) + "/state", held)]
        whole = asyncio.create_task(firm.bridge.upkeep.reconcile())
        await held.arrived.wait()
        next_day(monkeypatch, today + timedelta(1))
        await until(lambda: not {room.room_id for room in rooms_of(fake, BEN_ID)} & set(shut))
        # Nor does whoever leaves by command, nor the answer to it.
        assert "has left the firm" in await firm.answer("a", "!staff leave @dan")
        assert fake.accounts[DAN_ID].deactivated and not rooms_of(fake, DAN_ID)
        assert not whole.done()
        mend(fake)
        await whole
        await firm.well()
        assert [step.describe() for step in (await firm.service.reconciler.planner.plan()).steps] == []


@pytest.mark.parametrize("seconds", [60, 7200, 40 * 86_400])
async def test_a_clock_that_is_set_back(
    settings: Settings, fake: FakeHomeserver, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    """To the scheduler, which waits for times, all that it is to do is so far off then."""
    monkeypatch.setattr("bridge.jobs.CLOCK_SECONDS", 0.05)
    async with running(settings, fake) as firm:
        await firm.well()
        await fake.delivered()
        shut = {
            BEN_ID: await ids(firm, TALK, matter_space_key("m1")),
            DAN_ID: await ids(firm, SALE, matter_space_key("m2")),
        }
        chats = {who: await firm.room(bot_chat_id(who)) for who in "abd"}
        for job in firm.bridge.jobs.scheduler.get_jobs():
            job.modify(next_run_time=datetime.now(UTC) + timedelta(seconds=seconds))
        behind = SimpleNamespace(time=lambda: time.time() - seconds, monotonic=time.monotonic)
        monkeypatch.setattr("bridge.jobs.time", behind)
        write(firm.directory, AFTER)
        await is_so(firm, shut, set(), chats, "directory", "")
        await all_right(firm)


async def test_F1_no_room_is_made_before_those_who_must_be_out_are(settings: Settings, fake: FakeHomeserver) -> None:
    """Whoever presses "+" in a client is told to try again, and the guard of a firm that just starts is no way in."""
    wanted = orjson.dumps(request_as_json(CreationRequest(ConversationKind.DIRECT, "a", ("b",)))).decode()
    key = settings.guard.key.get_secret_value()
    fake.broken = [Broken("/sync$|/state$|/admin/v2/users/|/policy$", HOW["500"]())]
    address = f"http://127.0.0.1:{settings.appservice.listen_port}{CREATE_PATH}"
    async with running(settings, fake) as firm, aiohttp.ClientSession() as http:

        async def plus() -> dict[str, str]:
            body = {"asked": wanted, "signature": sign_creation(key, wanted)}
            async with http.post(address, json=body) as answer:
                assert answer.status == 200
                said: dict[str, str] = await answer.json()
                return said

        await firm.says("homeserver", "500")
        assert "just starting" in (await plus())["refused"]
        assert not await firm.service.store.run(conversation_by_id, direct_id("ab"))
        mend(fake)
        await firm.well()
        assert (await plus())["room_id"] == await firm.room(direct_id("ab"))


@pytest.mark.parametrize(
    "content",
    [
        {"msgtype": 5, "body": ["!ping"]},
        {"msgtype": "m.text", "body": "!dm " + "@" * 30_000},
        {"msgtype": "m.text", "body": "!ping", "m.mentions": 5, "m.relates_to": [1], "formatted_body": {}, "format": 1},
        {"msgtype": "m.file", "body": "x", "filename": {}, "url": 7, "info": []},
    ],
    ids=["types", "at signs", "relations", "file"],
)
async def test_a_clients_message(settings: Settings, fake: FakeHomeserver, content: dict[str, Any]) -> None:
    async with running(settings, fake) as firm:
        await firm.well()
        shut = {BEN_ID: await ids(firm, TALK)}
        chats = {who: await firm.room(bot_chat_id(who)) for who in "abd"}
        for room_id in (chats["d"], *shut[BEN_ID]):
            fake.send(room_id, DAN_ID if room_id == chats["d"] else BEN_ID, "m.room.message", content)
        write(firm.directory, AFTER)
        await is_so(firm, shut, set(), chats, "rooms", "")
        await all_right(firm)
