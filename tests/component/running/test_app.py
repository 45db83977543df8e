"""The running bridge from start to stop on the fake homeserver, and the ways in which a start can go wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.care.digest import send_digests
from bridge.firm.conversation import ADMINS_ID, ConversationKind, bot_chat_id
from bridge.firm.room_keys import STAFF_SPACE
from bridge.guard.creation import CreationRequest
from bridge.matrix.errors import UnreachableError
from bridge.reconcile.passes import Passes
from bridge.refusal import Kind, Refusal
from bridge.settings import CareSettings, Settings
from bridge.store.engine.store import Store, StoreError
from bridge.store.engine.unit import later
from bridge.store.models import Digest
from bridge.store.queues import inbox
from bridge.store.record.drift import note_difference
from bridge.store.rooms.world import read_world
from bridge.web.panel.admins.overview import CHECKS
from tests.component.on_fake import write
from tests.component.running_bridge import BEN_ID, FIRM, STAFF, TALK, WALL, running, settings_in
from tests.component.wire.traffic import until
from tests.fakes.faults import Slow, too_many_in_header
from tests.fakes.homeserver import FakeHomeserver
from tests.ports import free_port

AWAY = too_many_in_header(3600)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.upkeep.stages.RETRY_SECONDS", 0.02)
    monkeypatch.setattr("bridge.jobs.AGAIN_SECONDS", 0.02)
    monkeypatch.setattr("bridge.reconcile.again.FIRST_SECONDS", 0.02)


@pytest.fixture
async def fake() -> AsyncIterator[FakeHomeserver]:
    """A homeserver that pushes what happens, at the present time."""
    async with FakeHomeserver() as made:
        made.listeners.insert(0, lambda event: event.update(origin_server_ts=time.time_ns() // 1_000_000))
        made.auto_push = True
        yield made


@pytest.fixture
def settings(fake: FakeHomeserver, tmp_path: Path, database_url: str) -> Settings:
    """Settings for the firm, whose directory is written."""
    return settings_in(tmp_path, database_url, fake)


async def test_from_the_start_to_an_answer_to_the_stop_and_again(settings: Settings, fake: FakeHomeserver) -> None:
    async with running(settings, fake) as first:
        await first.well()
        assert await first.answer("c", "!ping tea") == "pong tea"
        assert "Ben Booth" in await first.answer("a", "!dm @ben Lunch?")
        await fake.delivered()
        rooms = dict(fake.rooms)
    fake.requests.clear()
    async with running(settings, fake) as second:
        await second.well()
        assert [request.path for request in fake.changes() if "/devices/" not in request.path] == []
        assert await second.answer("c", "!ping again") == "pong again"
    assert fake.rooms == rooms
    said = [event for room in rooms for event in fake.events(room, "m.room.message")]
    assert [event["content"]["body"] for event in said if event["sender"] == "@ann:localhost"].count("Lunch?") == 1


async def test_what_happened_while_the_bridge_was_away_is_heard_of_at_its_start(
    settings: Settings, fake: FakeHomeserver
) -> None:
    async with running(settings, fake) as first:
        await first.well()
        await fake.delivered()
        talk, chat = await first.room(TALK), await first.room(bot_chat_id("c"))
    fake.leave(talk, BEN_ID)
    fake.message(chat, "@cleo:localhost", "!ping late")
    async with running(settings, fake) as second:
        await second.well()
        await fake.delivered()
        await until(lambda: fake.events(chat)[-1]["content"].get("body") == "pong late")
        assert fake.rooms[talk].members[BEN_ID] == "leave"
    own = [event["sender"] for event in fake.events(talk, "m.room.member") if event["state_key"] == BEN_ID]
    assert own[-1] == BEN_ID


async def test_F2_nobody_is_answered_before_those_who_left_are_out(settings: Settings, fake: FakeHomeserver) -> None:
    async with running(settings, fake) as first:
        await first.well()
        await fake.delivered()
        chat = await first.room(bot_chat_id("c"))
    left = [{**person, "former": person["id"] == "b"} for person in STAFF]
    write(Path(settings.directory.path), {**FIRM, "staff": left})
    fake.message(chat, "@cleo:localhost", "!ping after")
    cutting_off = Slow(asyncio.Event())
    fake.script("POST", "/leave", cutting_off)
    async with running(settings, fake) as second:
        await cutting_off.arrived.wait()
        await fake.delivered()
        waiting = await second.service.store.run(inbox.waiting)
        assert chat in {event.room_id for event in waiting}
        cutting_off.until.set()
        await until(lambda: fake.events(chat)[-1]["content"].get("body") == "pong after")
        assert [room for room in fake.rooms.values() if BEN_ID in room.joined] == []


@asynccontextmanager
async def forwarded(port: int, fake: FakeHomeserver) -> AsyncIterator[None]:
    """Let the homeserver be reached at this port."""

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", int(fake.url.rpartition(":")[2]))
        await asyncio.gather(pipe(reader, there[1]), pipe(there[0], writer))

    server = await asyncio.start_server(connect, "127.0.0.1", port)
    yield
    server.close()


async def test_P2_firm_admins_read_of_every_check_in_words(settings: Settings, fake: FakeHomeserver) -> None:
    async with running(settings, fake) as firm:
        assert CHECKS.keys() == {*firm.bridge.health(), "sign_on", "scim"}


async def test_a_homeserver_that_is_away_at_the_start_is_met_when_it_comes(
    settings: Settings, fake: FakeHomeserver
) -> None:
    port = free_port()
    away = settings.homeserver.model_copy(update={"url": f"http://127.0.0.1:{port}", "deadline": 0.5})
    async with running(settings.model_copy(update={"homeserver": away}), fake) as firm:
        await firm.says("homeserver", "is the homeserver running?")
        assert firm.bridge.health()["reconciled"] == "not yet"
        async with forwarded(port, fake):
            await firm.well()
            assert await firm.answer("c", "!ping") == "pong"


async def test_a_bot_without_admin_rights_says_so_and_goes_on_when_it_has_them(
    settings: Settings, fake: FakeHomeserver
) -> None:
    fake.accounts[fake.bot_id].admin = False
    async with running(settings, fake) as firm:
        await firm.says("homeserver", "@bot:localhost is not a server admin")
        assert fake.rooms == {}
        fake.accounts[fake.bot_id].admin = True
        await firm.well()


async def test_a_bot_that_does_not_exist_yet_is_registered(settings: Settings, fake: FakeHomeserver) -> None:
    del fake.accounts[fake.bot_id]
    async with running(settings, fake) as firm:
        await firm.says("homeserver", "is not a server admin")
        assert fake.bot_id in fake.accounts


async def test_a_token_that_is_not_accepted_is_shown(settings: Settings, fake: FakeHomeserver) -> None:
    right, fake.as_token = fake.as_token, "another token of the registration"
    async with running(settings, fake) as firm:
        await firm.says("homeserver", "M_UNKNOWN_TOKEN")
        assert right not in str(firm.bridge.health())
        fake.as_token = right
        await firm.well()


async def test_a_homeserver_that_does_not_reach_the_bridge_is_shown(settings: Settings, fake: FakeHomeserver) -> None:
    reached, fake.bridge_url = fake.bridge_url, f"http://127.0.0.1:{free_port()}"
    async with running(settings, fake) as firm:
        await firm.says("homeserver", "M_CONNECTION_FAILED")
        fake.bridge_url = reached
        await firm.well()


async def test_a_bad_directory_at_the_start_is_shown_and_followed_when_it_is_good(
    settings: Settings, fake: FakeHomeserver
) -> None:
    write(Path(settings.directory.path), {"staff": [{"id": "a"}]})
    with capture_logs():
        async with running(settings, fake) as firm:
            await until(lambda: not firm.bridge.health()["reconciled"])
            assert "`firm-bridge check` lists them" in firm.bridge.health()["directory"]
            assert fake.accounts.keys() == {fake.bot_id}
            write(firm.directory, FIRM)
            await until(lambda: any(set(room.joined) == {BEN_ID, fake.bot_id} for room in fake.rooms.values()))
            await firm.well()
            assert await firm.answer("b", "ping") == "pong"


async def test_M3_a_wall_set_during_the_first_pass_is_followed_after_it(
    settings: Settings, fake: FakeHomeserver
) -> None:
    held = Slow(asyncio.Event())
    fake.script("POST", "/join/", held)
    async with running(settings, fake) as firm:
        await held.arrived.wait()
        before = firm.service.directory.firm
        write(firm.directory, {**FIRM, "walls": [WALL], "staff": [*STAFF[:2], {**STAFF[2], "last_name": "Crane-Dell"}]})
        await until(lambda: firm.service.directory.firm is not before)
        held.until.set()
        await firm.well()
        await until(lambda: fake.accounts["@cleo:localhost"].profile["displayname"] == "Cleo Crane-Dell")
        assert fake.rooms[await firm.room(TALK)].members.get(BEN_ID) != "join"


async def test_a_change_that_meets_no_homeserver_is_tried_until_it_is_done(
    settings: Settings, fake: FakeHomeserver
) -> None:
    async with running(settings, fake) as firm:
        await firm.well()
        talk = fake.rooms[await firm.room(TALK)]
        fake.script("POST", "/kick$", AWAY, AWAY, AWAY)
        write(firm.directory, {**FIRM, "walls": [WALL]})
        await until(lambda: talk.members[BEN_ID] == "leave")
        await firm.well()
        assert [request.status for request in fake.asked("POST", "/kick$")].count(429) == 3


async def test_D1_a_chat_started_in_a_client_that_meets_no_homeserver_is_opened_when_it_comes(
    settings: Settings, fake: FakeHomeserver
) -> None:
    async with running(settings, fake) as firm:
        await firm.well()
        fake.script("POST", "/createRoom$", AWAY)
        with pytest.raises(Refusal) as refused:
            await firm.bridge.create(CreationRequest(ConversationKind.DIRECT, "a", ("b",)))
        assert refused.value.kind is Kind.NOT_COMPLETE
        await until(lambda: any(set(room.joined) == {"@ann:localhost", BEN_ID} for room in fake.rooms.values()))
        await firm.well()


async def test_a_nightly_pass_that_meets_no_homeserver_is_tried_until_it_is_done(
    settings: Settings, fake: FakeHomeserver
) -> None:
    async with running(settings, fake) as firm:
        await firm.well()
        talk = await firm.room(TALK)
        fake.put_state(talk, fake.bot_id, "m.room.name", "", {"name": "Something else"})
        fake.script("PUT", "/state/m.room.name", AWAY, AWAY)
        fake.script("GET", "/whoami$", AWAY)
        with pytest.raises(UnreachableError):
            await firm.bridge.upkeep.reconcile_again()
        assert "M_LIMIT_EXCEEDED" in firm.bridge.health()["reconciled"]
        await firm.well()
        assert fake.rooms[talk].state["m.room.name", ""] == {"name": "2026-0042 Estate"}


async def test_what_could_not_be_made_is_counted_told_and_tried_again(settings: Settings, fake: FakeHomeserver) -> None:
    theirs = fake.create_room(fake.add_user("mallory"), {"room_alias_name": "everyone"})
    async with running(settings, fake) as firm:
        await firm.says("rooms", "1 room (channel-")
        await until(lambda: not firm.bridge.health()["reconciled"])
        assert firm.metric("firm_bridge_not_reconciled") == 1
        assert await firm.answer("c", "!ping") == "pong"
        del fake.aliases["#everyone:localhost"]
        await firm.well()
        assert firm.metric("firm_bridge_not_reconciled") == 0
        assert fake.aliases["#everyone:localhost"] != theirs
        listed = fake.rooms[await firm.room(STAFF_SPACE)].state
        await until(lambda: ("m.space.child", fake.aliases["#everyone:localhost"]) in listed)


async def test_a_mistake_in_the_first_pass_is_shown_and_it_is_tried_again(
    settings: Settings, fake: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync: Callable[..., Any] = Passes.sync
    mended = asyncio.Event()
    said = "words of somebody"

    async def broken(self: Passes) -> Any:
        if not mended.is_set():
            raise ZeroDivisionError(said)
        return await sync(self)

    monkeypatch.setattr(Passes, "sync", broken)
    with capture_logs() as logs:
        async with running(settings, fake) as firm:
            await firm.says("reconciled", "ZeroDivisionError")
            mended.set()
            await firm.well()
    assert "words of somebody" not in str(logs)


async def test_R1_a_start_whose_database_goes_away_goes_on_as_soon_as_it_is_back(
    settings: Settings, fake: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    shut_out: Callable[..., Any] = Passes.shut_out
    away, back = asyncio.Event(), asyncio.Event()

    async def broken(self: Passes) -> Any:
        if not back.is_set():
            away.set()
            raise StoreError("The database is away.")
        return await shut_out(self)

    monkeypatch.setattr("bridge.upkeep.stages.RETRY_SECONDS", 3600)
    monkeypatch.setattr(Passes, "shut_out", broken)
    monkeypatch.setattr(Store, "holds", lambda self: not away.is_set())
    async with running(settings, fake) as firm:
        await firm.says("shut_out", "The database is away.")
        back.set()
        away.clear()
        await firm.well()


async def test_a_large_removal_waits_and_is_applied_when_confirmed(settings: Settings, fake: FakeHomeserver) -> None:
    careful = settings.directory.model_copy(update={"removal_limit": 20})
    async with running(settings.model_copy(update={"directory": careful}), fake) as firm:
        await firm.well()
        write(firm.directory, {**FIRM, "staff": [*STAFF[:2], {**STAFF[2], "former": True}]})
        await until(lambda: firm.service.directory.held)
        assert (waits := firm.service.directory.held) is not None
        assert "waits for confirmation" in await firm.answer("a", "!directory status")
        # The homeserver goes away in the middle: it is confirmed all the same.
        fake.script("PUT", "/users/@cleo", AWAY)
        assert (await firm.answer("a", f"!directory confirm {waits.fingerprint()}")).startswith("Confirmed.")
        await until(lambda: fake.accounts["@cleo:localhost"].locked and not fake.joined_rooms("@cleo:localhost"))
        await firm.well()


async def test_a_stop_in_the_middle_of_the_first_pass_ends_it_and_the_next_start_completes_it(
    settings: Settings, fake: FakeHomeserver
) -> None:
    held = Slow(asyncio.Event(), act_first=True)
    fake.script("POST", "/createRoom$", held)
    async with running(settings, fake):
        await held.arrived.wait()
    held.until.set()
    async with running(settings, fake) as second:
        await second.well()
    # Two spaces, three chats with the bot, the admins' room, a channel, a matter's space and its conversation.
    assert len([room for room in fake.rooms.values() if room.joined]) == 9


async def test_the_morning_digest_is_sent(
    settings: Settings, fake: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Due at any time of any day.
    monkeypatch.setattr("bridge.care.digest.GRACE", timedelta(hours=24))
    monkeypatch.setattr("bridge.care.digest.DAYS", range(7))
    care = CareSettings(digest=True, digest_time="00:00")
    async with running(settings.model_copy(update={"care": care}), fake) as firm:
        await firm.well()
        # It may have run already and found nothing to tell that day.
        firm.bridge.jobs.scheduler.remove_job("digest")
        talk, chat = await firm.room(TALK), await firm.room(bot_chat_id("a"))
        fake.message(talk, BEN_ID, "Good morning")
        await firm.service.store.run(lambda unit: unit.run(Digest.delete()))
        await send_digests(firm.bridge.jobs.desk, datetime.now(UTC))
        await until(lambda: "2026-0042 Estate: 1 in General" in fake.events(chat)[-1]["content"].get("body", ""))


async def test_O3_the_admins_are_told_what_was_changed_also_what_a_crash_left_untold(
    settings: Settings, fake: FakeHomeserver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.jobs.TELL_SECONDS", 0.05)
    fake.add_user("root")

    async with running(settings, fake) as first:
        await first.well()
        talk, admins = await first.room(TALK), await first.room(ADMINS_ID)

        def told(words: str) -> bool:
            return any(words in event["content"]["body"] for event in fake.events(admins, "m.room.message"))

        fake.force(talk, "@root:localhost", "m.room.join_rules", "", {"join_rule": "public"})
        await until(
            lambda: told("In a matter conversation, who may come in was changed by @root:localhost. I put it back.")
        )
        metrics = first.service.metrics.registry
        assert metrics.get_sample_value("firm_bridge_drift_found_total", {"kind": "state_changed"}) == 1
        await fake.delivered()
        # As a crash leaves it between putting it back and noting that.
        note = later(note_difference, "$e", TALK, "somebody_banned", actor="", person="b", what="")
        await first.service.store.run(note)
    async with running(settings, fake) as second:
        await second.well()
        await until(lambda: told("Ben Booth was banned from a matter conversation; I cannot tell by whom. I lifted"))


async def test_what_no_database_stores_is_left_at_the_entrance(settings: Settings, fake: FakeHomeserver) -> None:
    async with running(settings, fake) as bridge:
        await bridge.well()
        chat = await bridge.room(bot_chat_id("a"))
        for text in ('!matter start 2026-0042 "Dis\0closure"', "!dm @ben Lunch\0 at one?"):
            await bridge.answer("a", text)
        odd = fake.message(chat, "@ann:localhost", "!ping \0", **{"\0": ["\0", {"\0": "\0"}]})
        await until(lambda: fake.events(chat)[-1]["content"].get("body") == "pong \ufffd")
        assert "\0" in odd["content"]["body"]
        store = bridge.service.store
        assert await store.run(inbox.dead_letters) == []
        assert "Dis\ufffdclosure" in {one.title for one in (await read_world(store)).conversations.values()}
