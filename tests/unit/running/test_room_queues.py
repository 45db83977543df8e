"""Room queues: in order within a room, rooms side by side, and nothing left lying."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bridge.room_queues import RoomQueues

DEADLINE = 10.0


@dataclass
class Thing:
    """Something to work on."""

    room_id: str
    key: str


async def test_what_is_added_in_the_moment_a_worker_ends_is_worked_on() -> None:
    worked, all_done = [], asyncio.Event()

    async def work(thing: Thing) -> float | None:
        worked.append(thing.key)
        if thing.key == "first":
            # Comes after the worker has found nothing more, and before the loop has told anybody that it ended.
            asyncio.get_running_loop().call_soon(lanes.add, Thing("!other", "second"))
        else:
            all_done.set()
        return None

    lanes = RoomQueues(work, width=1)
    lanes.add(Thing("!room", "first"))
    async with asyncio.timeout(DEADLINE):
        await all_done.wait()
    assert worked == ["first", "second"]


async def test_a_room_keeps_its_order_while_others_go_on() -> None:
    worked, resumed = [], asyncio.Event()

    async def work(thing: Thing) -> float | None:
        if thing.key == "a1":
            await resumed.wait()
        worked.append(thing.key)
        if thing.key == "b2":
            resumed.set()
        return None

    lanes = RoomQueues(work, width=2)
    for thing in (Thing("!a", "a1"), Thing("!a", "a2"), Thing("!b", "b1"), Thing("!b", "b2")):
        lanes.add(thing)
    async with asyncio.timeout(DEADLINE):
        await lanes.below(1)
    assert worked == ["b1", "b2", "a1", "a2"]


async def test_what_wants_to_be_seen_again_holds_up_its_room_only() -> None:
    worked: list[str] = []
    again = {"a1"}

    async def work(thing: Thing) -> float | None:
        worked.append(thing.key)
        if thing.key in again:
            again.remove(thing.key)
            return 0.0
        return None

    lanes = RoomQueues(work, width=1)
    for thing in (Thing("!a", "a1"), Thing("!a", "a2"), Thing("!b", "b1")):
        lanes.add(thing)
    async with asyncio.timeout(DEADLINE):
        await lanes.below(1)
    assert worked == ["a1", "b1", "a1", "a2"]
