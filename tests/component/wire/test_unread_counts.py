"""How much somebody has not read is asked once in full, also where nobody has the patience to wait for it."""

from __future__ import annotations

import asyncio

import pytest

from bridge.matrix.errors import UnreachableError
from bridge.matrix.port import Unread
from bridge.matrix.unread import UnreadCounts
from tests.component.wire.traffic import Json, until

ANN, ROOM = "@ann:localhost", "!a:localhost"


class Syncs:
    """A homeserver that answers once `go_on` is set, in full with three unread messages and then with one more each."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go_on = asyncio.Event()
        self.fails = False

    async def sync(self, user_id: str, since: str) -> Json:
        self.asked.append(since)
        await self.go_on.wait()
        if self.fails:
            raise UnreachableError("GET /sync", 0, "M_UNKNOWN", "it is down")
        count = 3 if not since else int(since) + 1
        room = {"unread_notifications": {"notification_count": count}}
        return {"next_batch": str(count), "rooms": {"join": {ROOM: room}}}


async def test_what_nobody_waited_for_is_known_to_whoever_asks_next() -> None:
    syncs = Syncs()
    counts = UnreadCounts(syncs.sync)
    impatient = asyncio.ensure_future(counts.of(ANN))
    await until(lambda: syncs.asked)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    later = asyncio.ensure_future(counts.of(ANN))
    syncs.go_on.set()
    assert await later == [Unread(ROOM, 4, 0)]
    assert syncs.asked == ["", "3"]


async def test_those_who_ask_while_it_is_being_asked_share_the_next() -> None:
    syncs = Syncs()
    counts = UnreadCounts(syncs.sync)
    first = asyncio.ensure_future(counts.of(ANN))
    await until(lambda: syncs.asked)
    others = [asyncio.ensure_future(counts.of(ANN)) for _ in range(50)]
    await asyncio.sleep(0)
    syncs.go_on.set()
    assert await first == [Unread(ROOM, 3, 0)]
    assert await asyncio.gather(*others) == [[Unread(ROOM, 4, 0)]] * 50
    assert syncs.asked == ["", "3"]


async def test_what_failed_is_asked_again_in_full() -> None:
    syncs = Syncs()
    counts = UnreadCounts(syncs.sync)
    syncs.go_on.set()
    syncs.fails = True
    with pytest.raises(UnreachableError):
        await counts.of(ANN)
    syncs.fails = False
    assert await counts.of(ANN) == [Unread(ROOM, 3, 0)]
    assert syncs.asked == ["", ""]


async def test_nothing_is_left_behind_when_it_is_closed() -> None:
    syncs = Syncs()
    counts = UnreadCounts(syncs.sync)
    asking = asyncio.ensure_future(counts.of(ANN))
    await until(lambda: syncs.asked)
    await counts.close()
    with pytest.raises(asyncio.CancelledError):
        await asking
