"""Threads for work that may never come back, such as a call to a server or a share that is frozen.

One that takes too long is left behind. It keeps nobody: neither whoever waited, nor the end of the process, nor the
event loop's own threads, of which there are few.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_MOST_LEFT = 8


class Threads:
    """Runs work in threads, and counts those that do not come back."""

    def __init__(self, most_left: int = _MOST_LEFT) -> None:
        """With so many that have not come back nothing more is begun."""
        self._most_left = most_left
        self.left_behind: list[threading.Thread] = []

    async def run(self, work: Callable[[], T], seconds: float) -> T:
        """The result of work that blocks. Raises TimeoutError where it has none by then, and what the work raises.

        Work that took too long, or whose caller was cancelled, goes on as long as it likes and nobody hears of it.
        """
        self.left_behind = [thread for thread in self.left_behind if thread.is_alive()]
        if len(self.left_behind) >= self._most_left:
            raise TimeoutError
        loop = asyncio.get_running_loop()
        result: asyncio.Future[T] = loop.create_future()

        def at_work() -> None:
            try:
                told = _setting(result, work())
            except Exception as error:  # noqa: BLE001 - raised where it is waited for
                told = _failing(result, error)
            # The loop may have come to its end meanwhile.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(told)

        thread = threading.Thread(target=at_work, name="may hang", daemon=True)
        thread.start()
        try:
            async with asyncio.timeout(seconds):
                return await result
        except TimeoutError:
            if thread.is_alive():
                self.left_behind.append(thread)
            raise


def _setting(result: asyncio.Future[T], value: T) -> Callable[[], None]:
    return lambda: None if result.done() else result.set_result(value)


def _failing(result: asyncio.Future[T], error: Exception) -> Callable[[], None]:
    return lambda: None if result.done() else result.set_exception(error)
