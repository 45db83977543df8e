"""A backup of one side put back beside the other as it is now: noticed, said and made right (R3)."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.firm.audit import Deed
from bridge.firm.policy import may_act
from bridge.guard.protocol import FACTS_PATH, PATH
from bridge.matrix.errors import GuardAwayError, HomeserverError
from bridge.store.engine.store import Store
from bridge.store.queues.histories import histories_to_read, history_read
from bridge.store.queues.outbox import pending
from bridge.store.record.audit import newest
from bridge.store.record.kept import GUARD_VERSION, kept
from bridge.store.rooms.conversations import conversation_by_id
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE_TALK
from tests.component.firm_on_fake import FirmOnFake, channel, direct, firm_on_fake
from tests.component.store.test_store import sqlite_only
from tests.fakes.faults import Answer, Broken, refusal
from tests.fakes.guard import FakeGuard
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.room import Denied

pytestmark = sqlite_only
PutBack = Callable[[FirmOnFake], AbstractAsyncContextManager[FirmOnFake]]


@pytest.fixture
def put_back(tmp_path: Path, fake: FakeHomeserver) -> PutBack:
    """The firm again, with the database as `back_up` found it, or with none."""

    @asynccontextmanager
    async def again(old: FirmOnFake) -> AsyncIterator[FirmOnFake]:
        await old.store.close()
        _restore(tmp_path)
        store = Store(f"sqlite:///{tmp_path}/test.db")
        await store.open()
        async with firm_on_fake(fake, store, old.firm, synced=False) as firm:
            await firm.in_force.load()
            yield firm
        await store.close()

    return again


@pytest.fixture
async def firm(fake: FakeHomeserver, store: Store, guard: FakeGuard) -> AsyncIterator[FirmOnFake]:
    async with firm_on_fake(fake, store) as made:
        yield made


def back_up(firm: FirmOnFake, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "test.db")) as live, closing(sqlite3.connect(folder / "backup.db")) as copy:
        live.backup(copy)


def _restore(folder: Path) -> None:
    for path in folder.glob("test.db*"):
        path.unlink()
    if (folder / "backup.db").exists():
        shutil.copy(folder / "backup.db", folder / "test.db")


async def started(firm: FirmOnFake) -> None:
    """What a start does before anybody is answered, and the first pass."""
    await firm.reconciler.passes.shut_out()
    await firm.sync()
    await firm.places.refresh()


async def test_R3_a_wall_set_since_the_backup_keeps_out_as_before(
    firm: FirmOnFake, guard: FakeGuard, tmp_path: Path, put_back: PutBack
) -> None:
    await firm.say(ANN, "!wall add 2026-0055 @cleo Before")
    back_up(firm, tmp_path)
    await firm.say(ANN, "!wall lift wall-1")
    await firm.say(ANN, "!wall add 2026-0042 @ben His cousin")
    room = await firm.room(ESTATE_TALK)
    assert firm.user(BEN) not in room.joined
    async with put_back(firm) as old:
        await started(old)
        assert old.user(BEN) not in room.joined
        with pytest.raises(Denied):
            old.fake.invite(room.room_id, old.user(ANN), old.user(BEN))
        # What was lifted since stands again, and new walls get numbers of their own.
        assert {"wall-1", "wall-2"} <= set(old.in_force.now(old.firm).walls)
        await old.said()
        answers = await old.say(ANN, "!wall add 2026-0042 @cleo Another")
        assert any("wall-3" in said.body for said in answers)
        (entry,) = await old.store.run(newest, 9, deed=Deed.DATABASE_PUT_BACK)
        assert entry.entry.reason == "R3"
        await old.hear()
        await old.settled()


async def test_R3_who_left_since_the_backup_stays_out(
    firm: FirmOnFake, guard: FakeGuard, tmp_path: Path, put_back: PutBack
) -> None:
    back_up(firm, tmp_path)
    await firm.say(ANN, "!staff leave @ben")
    account = firm.fake.accounts[firm.user(BEN)]
    assert account.locked
    async with put_back(firm) as old:
        await started(old)
        assert account.locked
        assert not may_act(old.in_force.now(old.firm), "b")
        assert not [room for room in old.fake.rooms.values() if old.user(BEN) in room.joined]


async def test_R3_conversations_made_since_the_backup_and_who_is_in_them_come_from_the_rooms(
    firm: FirmOnFake, guard: FakeGuard, tmp_path: Path, put_back: PutBack
) -> None:
    back_up(firm, tmp_path)
    await firm.say(ANN, '!matter start 2026-0042 "Disclosure · second" @ben')
    await firm.say(ANN, "!channel create Court Filings @ben")
    await firm.say(ANN, "!dm @ben @cleo Lunch?")
    await firm.say(DAN, "!channel join Litigation")
    litigation = await firm.room(channel("Litigation"))
    firm.fake.leave(litigation.room_id, firm.user(BEN))
    await firm.hear()
    rooms = set(firm.live_rooms())
    court, talk = await firm.people(channel("Court Filings")), await firm.people(direct("a", "b", "c"))
    async with put_back(firm) as old:
        await started(old)
        await old.hear()
        assert set(old.live_rooms()) == rooms
        assert await old.people(channel("Court Filings")) == court == old.users(ANN, BEN)
        assert await old.people(direct("a", "b", "c")) == talk
        assert await old.people(channel("Litigation")) == old.users(ANN, DAN)
        await old.said()
        assert "Disclosure · second" in await old.ask(ANN, "!matter list")
        assert (await old.room(ESTATE_TALK)).joined
        # And a wall set now takes people out of a conversation that the backup did not have.
        await old.say(ANN, "!wall add 2026-0042 @ben His cousin")
        assert not [
            room.room_id
            for room in old.fake.rooms.values()
            if old.user(BEN) in room.joined and "Disclosure" in str(room.state.get(("m.room.name", "")))
        ]
        await old.hear()
        await old.settled()


@pytest.mark.parametrize("mended", [True, False])
async def test_R3_a_room_that_gives_no_good_answer_is_asked_again_but_not_for_ever(
    firm: FirmOnFake, guard: FakeGuard, tmp_path: Path, put_back: PutBack, monkeypatch: pytest.MonkeyPatch, mended: bool
) -> None:
    """Once the guard is told what this database knows, nobody knows any more what it has not taken over."""
    monkeypatch.setattr("bridge.reconcile.waits.PATIENCE", 0.1)
    back_up(firm, tmp_path)
    await firm.say(ANN, "!channel create Court Filings @ben")
    await firm.say(ANN, "!channel create Old Plans @ben")
    await firm.say(ANN, "!wall add 2026-0042 @ben His cousin")
    talk, broken = await firm.room(ESTATE_TALK), (await firm.room(channel("Court Filings"))).room_id
    async with put_back(firm) as old:
        old.fake.broken = [Broken(f"GET .*{broken}/state", refusal(500, "M_UNKNOWN"))]
        await old.reconciler.passes.shut_out()
        assert old.reconciler.guarding.away is not None
        assert old.user(BEN) not in talk.joined
        if mended:
            old.fake.broken = []
        while old.reconciler.guarding.away is not None:
            with suppress(HomeserverError):
                await old.reconciler.guarding.confirm()
        known = [channel("Old Plans"), *([channel("Court Filings")] if mended else [])]
        for key in known:
            assert await old.people(key) == old.users(ANN, BEN)
        assert (await old.store.run(conversation_by_id, channel("Court Filings")) is not None) is mended


async def test_R3_files_are_read_again_and_the_admins_are_told(
    firm: FirmOnFake, guard: FakeGuard, tmp_path: Path, put_back: PutBack
) -> None:
    room_id = (await firm.room(ESTATE_TALK)).room_id
    await firm.store.run(history_read, room_id, "", 1)
    back_up(firm, tmp_path)
    await firm.say(ANN, "!dm @ben @cleo")
    async with put_back(firm) as old:
        assert room_id not in {turn.room_id for turn in await old.store.run(histories_to_read, "", 99)}
        await started(old)
        assert room_id in {turn.room_id for turn in await old.store.run(histories_to_read, "", 99)}
        told = [row for row in await old.store.run(pending, 0, 99) if b"older than what" in row.content]
        assert len(told) == 1
        # Once: the next start finds both sides the same.
        assert await old.store.run(kept, GUARD_VERSION) == str(guard.keeper.policy.version)  # type: ignore[union-attr]
        await old.new_reconciler().passes.sync()
        assert len(await old.store.run(newest, 9, deed=Deed.DATABASE_PUT_BACK)) == 1


async def test_R3_an_empty_database_beside_a_guard_that_knows_the_firm(
    firm: FirmOnFake, guard: FakeGuard, tmp_path: Path, put_back: PutBack
) -> None:
    await firm.say(ANN, "!wall add 2026-0042 @ben His cousin")
    rooms = set(firm.live_rooms())
    async with put_back(firm) as new:
        await started(new)
        await new.hear()
        assert new.user(BEN) not in await new.people(ESTATE_TALK)
        assert set(new.live_rooms()) == rooms
        await new.settled()


async def test_R3_a_database_that_is_as_new_as_the_guard_is_left_as_it_is(
    firm: FirmOnFake, guard: FakeGuard, tmp_path: Path, put_back: PutBack
) -> None:
    await firm.say(ANN, "!wall add 2026-0042 @ben His cousin")
    back_up(firm, tmp_path)
    async with put_back(firm) as same:
        await started(same)
        assert await same.store.run(newest, 9, deed=Deed.DATABASE_PUT_BACK) == []
        assert same.fake.asked("GET", FACTS_PATH) == []


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, b'{"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"}'),
        Answer(200, b'{"facts": "{}", "signature": "forged"}'),
        Answer(200, b'{"facts": 1}'),
        Answer(200, b"[]"),
    ],
)
async def test_R3_nothing_is_told_where_the_guard_cannot_say_what_it_knows(
    firm: FirmOnFake, guard: FakeGuard, tmp_path: Path, put_back: PutBack, answer: Answer
) -> None:
    back_up(firm, tmp_path)
    await firm.say(ANN, "!wall add 2026-0042 @ben His cousin")
    async with put_back(firm) as old:
        old.fake.script("GET", FACTS_PATH, *[answer] * 9)
        before = guard.keeper.policy
        old.fake.requests.clear()
        with pytest.raises(GuardAwayError):
            await started(old)
        assert guard.keeper.policy is before
        assert old.fake.asked("POST", PATH) == []


async def test_R3_the_homeserver_put_back_is_noticed_and_everything_done_again(
    firm: FirmOnFake, guard: FakeGuard, tmp_path: Path
) -> None:
    noticed: list[str] = []
    firm.reconciler.guarding.on_put_back = lambda: noticed.append("put back")
    file = tmp_path / "firm-policy"
    old = file.read_bytes()
    before, firm.firm = firm.firm, replace(firm.firm, staff={**firm.firm.staff, "c": replace(CLEO, former=True)})
    await firm.reconciler.passes.follow(before)
    await firm.reconciler.guarding.confirm()
    assert noticed == []
    file.write_bytes(old)
    guard.keeper.load()
    await firm.reconciler.guarding.confirm()
    assert noticed == ["put back"]
    assert guard.keeper.policy is not None
    assert not may_act(guard.keeper.policy.facts.firm, "c")
    await firm.reconciler.guarding.confirm()
    assert noticed == ["put back"]
