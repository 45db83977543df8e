"""A process that stands by takes over only where no owner can still take itself for one (R1)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr

from bridge import app
from bridge.settings import DatabaseSettings, Settings
from bridge.store.engine.errors import StoreError
from bridge.store.engine.processes import Process, Reach
from bridge.upkeep import standing_by
from bridge.upkeep.standing_by import StandBy
from tests.component.running_bridge import settings_in
from tests.fakes.homeserver import FakeHomeserver

NOBODY: tuple[Process, ...] = ()
OWNER = (Process(Reach("127.0.0.1", 1, 2), owns=True, silent=0.0),)
AWAY = StoreError("The server is away.")
ENDED = "ended"
"""A look that ends the owner, which is still there for a moment."""
LOOKS = 5
"""So many that find nobody come after all that is told."""
Seen = tuple[Process, ...] | StoreError | str


class Looks:
    """What a process sees at one look after the other; then nobody."""

    def __init__(self, *seen: Seen) -> None:
        self._left: list[Seen] = [*seen, *([NOBODY] * LOOKS)]
        self.ended = False
        self.all_seen = asyncio.Event()

    async def look(self) -> tuple[Process, ...]:
        found = self._left.pop(0) if self._left else NOBODY
        if not self._left:
            self.all_seen.set()
        self.ended = found is ENDED
        if isinstance(found, StoreError):
            raise found
        return OWNER if isinstance(found, str) else found

    async def close(self) -> None: ...


async def takes_over(monkeypatch: pytest.MonkeyPatch, folder: Path, looks: Looks) -> bool:
    """Whether it takes over by these looks, where no pause comes to its end."""
    monkeypatch.setattr(standing_by, "LOOK_SECONDS", 0.001)
    monkeypatch.setattr(standing_by, "Onlooker", lambda url, lease, reach: looks)
    database = DatabaseSettings(url=SecretStr("postgresql://nowhere/none"), lease=3600)
    settings = settings_in(folder, "sqlite://", FakeHomeserver()).model_copy(update={"database": database})
    async with AsyncExitStack() as stack:
        stands_by = StandBy(settings, (stack.enter_context(socket.create_server(("127.0.0.1", 0))),))
        await stands_by.open(stack)
        stop = asyncio.Event()
        free = asyncio.create_task(stands_by.until_free(stop))
        seen = asyncio.create_task(looks.all_seen.wait())
        await asyncio.wait({free, seen}, return_when=asyncio.FIRST_COMPLETED)
        took_over = free.done()
        stop.set()
        seen.cancel()
        await free
        return took_over


@pytest.mark.parametrize("seen", [(), (OWNER,), (AWAY,), (OWNER, AWAY), (ENDED, AWAY), (ENDED, OWNER)])
async def test_R1_whoever_may_still_take_itself_for_the_owner_gets_time_to_learn_better(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seen: tuple[Seen, ...]
) -> None:
    assert not await takes_over(monkeypatch, tmp_path, Looks(*seen))


@pytest.mark.parametrize("seen", [(ENDED,), (OWNER, ENDED), (NOBODY, ENDED, ENDED), (AWAY, ENDED)])
async def test_R1_an_owner_that_was_silent_for_its_lease_is_waited_for_no_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, seen: tuple[Seen, ...]
) -> None:
    assert await takes_over(monkeypatch, tmp_path, Looks(*seen))


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], list[bool]]:
    """Let the database be free, and fail so often at work, with so many minutes in between; then the process is to end.
    Gives what was tried."""

    def so_often(count: int, minutes: int) -> list[bool]:
        tried: list[bool] = []

        async def work(settings: Settings, stop: asyncio.Event, standing_by: StandBy) -> None:
            tried.append(len(tried) >= count)
            if not tried[-1]:
                raise AWAY
            stop.set()

        async def at_once(*given: object) -> bool:
            return True

        monkeypatch.setattr(app, "work", work)
        monkeypatch.setattr(app, "monotonic", lambda: len(tried) * minutes * 60.0)
        monkeypatch.setattr(StandBy, "until_free", at_once)
        monkeypatch.setattr(StandBy, "can_look", at_once)
        return tried

    return so_often


async def test_R1_a_server_that_is_restarted_while_a_place_is_taken_ends_no_process(
    failing: Callable[[int, int], list[bool]], tmp_path: Path
) -> None:
    # The second time another has worked in between, and this process stood by.
    tried = failing(2, 60)
    await app.take_turns(settings_in(tmp_path, "sqlite://", FakeHomeserver()), asyncio.Event())
    assert tried == [False, False, True]


async def test_what_fails_again_while_the_server_is_there_ends_the_process(
    failing: Callable[[int, int], list[bool]], tmp_path: Path
) -> None:
    failing(2, 1)
    with pytest.raises(StoreError):
        await app.take_turns(settings_in(tmp_path, "sqlite://", FakeHomeserver()), asyncio.Event())
