"""The full check of every room, a day's worth at a bounded rate, going on where it was interrupted (O3)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import structlog

from bridge.desk import Desk
from bridge.matrix.attempts import is_passing
from bridge.matrix.errors import RequestError
from bridge.metrics import Metrics
from bridge.settings import Settings
from bridge.store.record.drift import Check, advance_check, begin_check, finish_check, last_check, rooms_after

log = structlog.get_logger(__name__)
_PAGE = 200
Sleep = Callable[[float], Awaitable[None]]


class Pace:
    """Lets so many things begin in a second, evenly."""

    def __init__(self, per_second: float, sleep: Sleep, clock: Callable[[], float]) -> None:
        self._between = 1 / per_second
        self._sleep = sleep
        self._clock = clock
        self._next = clock()

    async def turn(self) -> None:
        """Wait until the next thing may begin."""
        wait = self._next - self._clock()
        if wait > 0:
            await self._sleep(wait)
        self._next = max(self._next, self._clock()) + self._between


def day_to_check(settings: Settings, now: datetime, last: Check | None) -> str | None:
    """The day (YYYY-MM-DD) whose check is to begin or go on at this moment (aware, any zone); None for none.

    One that was interrupted comes to its end first, however late.
    """
    if last is not None and last.finished_at is None:
        return last.day
    zone = ZoneInfo(settings.firm.timezone)
    day = now.astimezone(zone).date()
    if last is not None and last.day >= day.isoformat():
        return None
    begins = datetime.combine(day, settings.drift.check_at, zone).astimezone(UTC)
    return day.isoformat() if begins <= now.astimezone(UTC) else None


async def check_rooms(
    desk: Desk,
    metrics: Metrics,
    now: datetime,
    *,
    sleep: Sleep = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> int:
    """Look at every room that was not looked at today, if it is time to; returns how many were.

    A room that cannot be put right is passed over. Raises UnreachableError or TokenRejectedError while the homeserver
    is away, and StoreError: called again, it goes on behind the last room it came to.
    """
    last = await desk.store.read(last_check)
    _show(last, metrics)
    day = day_to_check(desk.settings, now, last)
    if day is None:
        return 0
    if last is None or last.day != day:
        await desk.store.run(begin_check, day)
        last = None
    position, looked_at = last.position if last is not None else "", 0
    pace = Pace(desk.settings.drift.rooms_per_second, sleep, clock)
    while keys := await desk.store.read(rooms_after, position, _PAGE):
        for key in keys:
            await pace.turn()
            await _look_at(desk, metrics, key)
            # Not durable: after a loss of power some rooms are looked at twice.
            await desk.store.run_undurable(advance_check, day, key)
            position, looked_at = key, looked_at + 1
    await desk.store.run(finish_check, day)
    done = await desk.store.read(last_check)
    _show(done, metrics)
    log.info("drift_checked", day=day, rooms=done.rooms if done is not None else looked_at)
    return looked_at


async def _look_at(desk: Desk, metrics: Metrics, key: str) -> None:
    try:
        failed = (await desk.reconciler.rooms.look_at(key)).failed
    except RequestError as error:
        if is_passing(error):
            raise
        failed = (str(error),)
    metrics.drift_rooms.inc()
    if failed:
        metrics.drift_failed.inc()
        log.warning("drift_not_put_right", room=key, reason="; ".join(failed))


def _show(check: Check | None, metrics: Metrics) -> None:
    if check is not None and check.finished_at is not None:
        metrics.drift_finished.set(check.finished_at / 1000)
        metrics.drift_seconds.set((check.finished_at - check.started_at) / 1000)
