"""The one retry policy for requests to the homeserver: what may pass is tried again, later and later, to a deadline."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import structlog

from bridge.firm.errors import BridgeError
from bridge.matrix.errors import UnreachableError

log = structlog.get_logger(__name__)
T = TypeVar("T")

FIRST_PAUSE = 0.25
"""Seconds: the longest pause after the first failure; it doubles with each further one."""
LONGEST_PAUSE = 10.0
"""Seconds: the longest pause that is not asked for by the homeserver."""
_DOUBLINGS = 10
_patience: ContextVar[float] = ContextVar("patience", default=math.inf)


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Within it no request is repeated after so many seconds; one under way may take its time.

    For work of which each part is tried again by itself.
    """
    before = _patience.set(min(seconds, _patience.get()))
    try:
        yield
    finally:
        _patience.reset(before)


class PassingError(BridgeError):
    """An attempt failed in a way that may pass by itself."""

    def __init__(self, error: UnreachableError, asked: float | None = None) -> None:
        """`error` is what to raise in the end; `asked` the seconds after which to try again, where somebody
        says so, such as a homeserver that wants to be left alone."""
        super().__init__(str(error))
        self.error = error
        self.asked = asked


def may_pass(status: int) -> bool:
    """Whether a request answered so is worth repeating: too many requests, or the homeserver's own trouble."""
    return status == 429 or status >= 500


def next_pause(failures: int, asked: float | None, left: float, chance: float) -> float | None:
    """Seconds to wait after so many failures, or None when the next attempt would come after the deadline.

    Exponential with full jitter: `chance`, from 0 to 1, is the part of the step that is waited. A pause that the
    homeserver asked for is never cut short. `left` is the seconds until the deadline.
    """
    step = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, _DOUBLINGS))
    pause = chance * step if asked is None else asked + chance * FIRST_PAUSE
    return pause if pause < left else None


async def repeat(
    attempt: Callable[[float], Awaitable[T]],
    deadline: float,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    chance: Callable[[], float] = random.random,
) -> T:
    """Make attempts until one succeeds, fails for good, or `deadline` seconds have passed; none after `patience`.

    `attempt` is given the seconds left. It raises PassingError to be made again; anything else it raises ends it. When
    time is up, raises the last attempt's UnreachableError, or the last that was no time-out: the end cuts attempts
    short, and that says nothing of what is wrong.
    """
    begun = clock()
    end, last = begun + deadline, begun + min(deadline, _patience.get())
    failures = 0
    left = deadline
    reason: PassingError | None = None
    while True:
        try:
            return await attempt(left)
        except PassingError as failure:
            failures += 1
            pause = next_pause(failures, failure.asked, last - clock(), chance())
            if reason is None or not isinstance(failure.__cause__, TimeoutError):
                reason = failure
            if pause is None:
                raise reason.error from reason.__cause__
            log.info("request_repeated", error=str(failure.error), failures=failures, pause=round(pause, 3))
        await sleep(pause)
        # At least a moment: a sleep may end late, and a time-out of nothing would mean none.
        left = max(end - clock(), 0.001)
