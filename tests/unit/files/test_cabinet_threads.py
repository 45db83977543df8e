"""Work that may never come back keeps nobody."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from bridge.threads import Threads


async def test_what_work_gives_and_raises_comes_back() -> None:
    threads = Threads()
    assert await threads.run(lambda: 7, 10) == 7
    with pytest.raises(KeyError):
        await threads.run(lambda: os.environ["NONE_OF_THAT_NAME"], 10)


async def test_work_that_does_not_come_back_is_left_and_too_much_of_it_lets_nothing_more_begin() -> None:
    threads, back, begun = Threads(), threading.Event(), []

    def hang() -> None:
        begun.append(1)
        back.wait()

    try:
        for _ in range(12):
            with pytest.raises(TimeoutError):
                await threads.run(hang, 0.01)
        assert 0 < len(begun) <= 8
    finally:
        back.set()
    for thread in threads.left_behind:
        await asyncio.to_thread(thread.join)
    assert await threads.run(lambda: 7, 10) == 7


async def test_who_is_cancelled_waits_for_no_work() -> None:
    threads, back, begun = Threads(), threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang() -> None:
        loop.call_soon_threadsafe(begun.set)
        back.wait()

    task = asyncio.create_task(threads.run(hang, 3600))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    back.set()


async def test_a_thread_left_behind_is_no_reason_to_stay() -> None:
    """`asyncio.run` and the interpreter wait for threads of the event loop's own, and for those that are no daemons."""
    seen = await Threads().run(threading.current_thread, 10)
    assert seen.daemon
