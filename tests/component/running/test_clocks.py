"""Clocks apart: what people do in their clients counts in the order that the homeserver says (V1)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.settings import Settings
from bridge.store.rooms.conversations import conversation_by_id
from tests.component.running.test_app import no_waiting, settings
from tests.component.running_bridge import BEN_ID, TALK, Running, running
from tests.component.wire.traffic import until
from tests.fakes.homeserver import FakeHomeserver

__all__ = ["no_waiting", "settings"]
AHEAD = pytest.mark.parametrize("ahead", [-7200.0, -120.0, -2.0, 0.0, 2.0, 120.0, 7200.0])
"""Of the homeserver's clock, in seconds."""


@pytest.fixture
async def fake() -> AsyncIterator[FakeHomeserver]:
    async with FakeHomeserver() as made:
        made.auto_push = True
        yield made


async def participants(bridge: Running, key: str) -> frozenset[str]:
    found = await bridge.service.store.run(conversation_by_id, key)
    assert found is not None
    return found.participants


@AHEAD
async def test_V1_a_leave_in_the_client_counts_whichever_clock_is_ahead(
    settings: Settings, fake: FakeHomeserver, ahead: float
) -> None:
    fake.clock_ahead_seconds = ahead
    async with running(settings, fake) as bridge:
        await until(lambda: not bridge.bridge.health()["reconciled"])
        await fake.delivered()
        talk = await bridge.room(TALK)
        assert "b" in await participants(bridge, TALK)
        fake.leave(talk, BEN_ID)
        await fake.delivered()
        await until(lambda: not len(bridge.bridge.inbox))
        assert "b" not in await participants(bridge, TALK)
        await bridge.bridge.upkeep.reconcile()
        assert fake.rooms[talk].members[BEN_ID] == "leave"
        # Added again by a command, they stay.
        fake.message(talk, "@ann:localhost", "!add @ben")
        await until(lambda: fake.rooms[talk].members[BEN_ID] == "join")
        await fake.delivered()
        await until(lambda: not len(bridge.bridge.inbox))
        await bridge.bridge.upkeep.reconcile()
        assert fake.rooms[talk].members[BEN_ID] == "join"


@AHEAD
async def test_V1_a_leave_while_the_bridge_was_away_counts_whichever_clock_is_ahead(
    settings: Settings, fake: FakeHomeserver, ahead: float
) -> None:
    fake.clock_ahead_seconds = ahead
    async with running(settings, fake) as first:
        await until(lambda: not first.bridge.health()["reconciled"])
        await fake.delivered()
        talk = await first.room(TALK)
    fake.leave(talk, BEN_ID)
    async with running(settings, fake) as second:
        await until(lambda: not second.bridge.health()["reconciled"])
        await fake.delivered()
        assert fake.rooms[talk].members[BEN_ID] == "leave"


@pytest.mark.parametrize("seconds", [10, 120, 7200])
@pytest.mark.parametrize("heard", ["at once", "by a pass"])
async def test_V1_a_leave_counts_after_the_homeservers_clock_was_set_back(
    settings: Settings, fake: FakeHomeserver, seconds: int, heard: str
) -> None:
    """By its time stamp somebody left before they were picked."""
    fake.clock_ahead_seconds = seconds
    async with running(settings, fake) as bridge:
        await until(lambda: not bridge.bridge.health()["reconciled"])
        await fake.delivered()
        await until(lambda: not len(bridge.bridge.inbox))
        talk = await bridge.room(TALK)
        fake.clock_ahead_seconds = 0
        fake.auto_push = heard == "at once"
        fake.leave(talk, BEN_ID)
        if heard == "at once":
            await fake.delivered()
            await until(lambda: not len(bridge.bridge.inbox))
        else:
            await bridge.bridge.upkeep.compare_clocks()
        await bridge.bridge.upkeep.reconcile()
        assert fake.rooms[talk].members[BEN_ID] == "leave"


async def test_clocks_apart_are_said_by_health_and_events_are_taken_all_the_same(
    settings: Settings, fake: FakeHomeserver, tmp_path: Path
) -> None:
    # So far that by the bridge's clock every event would be too old to be known again.
    fake.clock_ahead_seconds = -40 * 86_400
    async with running(settings, fake) as bridge:
        await bridge.says("clock", "seconds ahead of the homeserver's")
        await until(lambda: not bridge.bridge.health()["reconciled"])
        assert await bridge.answer("c", "!ping tea") == "pong tea"
        fake.clock_ahead_seconds = 0
        await bridge.bridge.upkeep.compare_clocks()
        await bridge.well()
