"""The homeserver put back from a backup, beside a bridge at work and without a guard that would know it (R3)."""

from __future__ import annotations

import copy
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge.firm.room_keys import matter_space_key
from bridge.matrix.client import MatrixClient
from bridge.matrix.errors import HomeserverError
from bridge.matrix.retry import patience
from bridge.reconcile.watermark import DATA_TYPE, Watermark
from bridge.settings import Settings
from tests.component.on_fake import write
from tests.component.running.test_app import no_waiting, settings
from tests.component.running_bridge import BEN_ID, FIRM, TALK, WALL, running
from tests.component.wire.traffic import until
from tests.fakes.faults import DROP_AFTER, Behaviour, refusal
from tests.fakes.homeserver import FakeHomeserver

__all__ = ["no_waiting", "settings"]
_STORED = ("accounts", "rooms", "aliases", "account_data", "push_rules")


def back_up(fake: FakeHomeserver) -> dict[str, Any]:
    return {name: copy.deepcopy(getattr(fake, name)) for name in _STORED}


def put_back(fake: FakeHomeserver, backup: dict[str, Any]) -> None:
    for name, stored in backup.items():
        setattr(fake, name, stored)


@pytest.fixture
async def fake() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as made:
        made.listeners.insert(0, lambda event: event.update(origin_server_ts=time.time_ns() // 1_000_000))
        made.auto_push = True
        yield made


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.jobs.BACK_SECONDS", 0.05)


def mark(fake: FakeHomeserver) -> object:
    return fake.account_data.get((fake.bot_id, DATA_TYPE))


async def test_R3_who_is_in_again_by_the_backup_is_taken_out_although_nothing_tells_of_it(
    settings: Settings, fake: FakeHomeserver
) -> None:
    async with running(settings, fake) as firm:
        await firm.well()
        await fake.delivered()
        await until(lambda: mark(fake))
        earlier = [await firm.room(key) for key in (TALK, matter_space_key("m1"))]
        backup = back_up(fake)
        write(firm.directory, {**FIRM, "walls": [WALL]})
        await until(lambda: not [room for room in earlier if BEN_ID in fake.rooms[room].joined])
        before = mark(fake)
        await until(lambda: mark(fake) not in (before, backup["account_data"][fake.bot_id, DATA_TYPE]))
        await firm.well()
        put_back(fake, backup)
        assert all(BEN_ID in fake.rooms[room].joined for room in earlier)
        await until(
            lambda: not [room for room in fake.rooms.values() if room.room_id in earlier and BEN_ID in room.joined]
        )
        await firm.well()
        assert not (await firm.service.reconciler.planner.plan()).steps


@pytest.mark.parametrize("behaviour", [DROP_AFTER, refusal(500, "M_UNKNOWN", "Internal server error")])
async def test_R3_only_a_mark_that_was_not_written_last_tells_of_a_backup(
    fake: FakeHomeserver, client: MatrixClient, behaviour: Behaviour
) -> None:
    """Whatever became of setting one, and however often that was tried."""
    watermark = Watermark(client, fake.bot_id)
    assert not await watermark.is_behind()
    await watermark.move_on()
    older = dict(fake.account_data)
    await watermark.move_on()
    fake.script("PUT", f"/account_data/{DATA_TYPE}$", *[behaviour] * 50)
    for _ in range(2):
        with patience(0.1), pytest.raises(HomeserverError):
            await watermark.move_on()
        assert not await watermark.is_behind()
    for stored in (older, {}):
        fake.account_data = dict(stored)
        assert await watermark.is_behind()
        # It is said until another was set.
        with patience(0.1), pytest.raises(HomeserverError):
            await watermark.move_on()
        fake.account_data = dict(stored)
        assert await watermark.is_behind()
