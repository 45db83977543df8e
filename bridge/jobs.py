"""What is done again and again: every few seconds, every hour, every morning and every night.

Whatever a job finds undone because of a crash, or because it failed before, it does then.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bridge.care.accounts import tidy_accounts
from bridge.care.digest import send_digests
from bridge.care.drift import check_rooms
from bridge.care.files import read_histories
from bridge.care.quiet import archive_empty_channels
from bridge.care.refusals import take_refusals
from bridge.care.telling_admins import tell_admins
from bridge.care.telling_refusals import tell_of_refusals
from bridge.care.telling_refused import tell_refused
from bridge.care.transcripts import file_closed_matters
from bridge.care.unread import mend_unread
from bridge.clock import now_ms
from bridge.desk import Desk
from bridge.directory.replaced import forget_replaced
from bridge.filing.filer import Filer
from bridge.handlers.inbox import DAY_MS, Inbox
from bridge.handlers.places import Places
from bridge.matrix.errors import HomeserverError
from bridge.matrix.outbox import Outbox
from bridge.metrics import Metrics
from bridge.operations.first_line import say_first_lines
from bridge.operations.panel import forget_over
from bridge.store.engine.store import StoreError
from bridge.store.record.drift import forget_told
from bridge.store.record.kept import DAY_DONE, kept
from bridge.store.record.refusals import TOLD_AGAIN_MS, forget_tallies

log = structlog.get_logger(__name__)
_TELL_SECONDS = 10
"""Between messages about what was changed behind the bridge's back."""
_FILING_SECONDS = 5
"""Between looks at which files are to be filed."""
_TIDY_SECONDS = 600
"""Between looks at what clients put beside people's accounts."""
_HISTORY_SECONDS = 10
"""Between looks for rooms whose files from before are not known."""
_GUARD_SECONDS = 5
"""Between looks at whether the guard still knows what it was told: after Synapse was put back it does not."""
_VISITS_SECONDS = 10
"""Between looks for direct conversations that the bot could not leave."""
_FIRST_LINES_SECONDS = 10
"""Between looks for conversations whose beginning was cut short."""
_AGAIN_SECONDS = 2
"""Between looks at what failed and is due again."""
_MEMORY_SECONDS = 3
"""Between readings of what decides about access, which must be true even where news of it were lost."""
_APART_SECONDS = 60
"""Between looks at the homeserver's clock."""
_BACK_SECONDS = 10
"""Between looks at whether the homeserver was put back from a backup."""
_CLOCK_SECONDS = 5
"""Between looks at whether the clock was set back."""
_REFUSALS_SECONDS = 5
"""Between looks at what the guard refused."""


@dataclass
class Jobs:
    """The jobs of a running bridge. Each is a plain method."""

    desk: Desk
    metrics: Metrics
    places: Places
    inbox: Inbox
    outbox: Outbox
    filer: Filer
    health: MutableMapping[str, str]
    """What is wrong, by check. While `reconciled` says something, the first pass over everything is not done."""
    follow_directory: Callable[[], Awaitable[None]]
    read_again: Callable[[], Awaitable[None]]
    """Reads again from the store what decides about access."""
    compare_clocks: Callable[[], Awaitable[None]]
    """Looks how far the homeserver's clock is from the bridge's."""
    look_back: Callable[[], Awaitable[None]]
    """Looks whether the homeserver was put back from a backup."""
    reconcile_daily: Callable[[], Awaitable[None]]
    try_again: Callable[[], Awaitable[None]]
    """Tries what failed about single rooms and accounts and is due."""
    reconcile_later: Callable[[HomeserverError], None]
    """Has everything made as it should be as soon as the homeserver lets it."""
    _scheduler: AsyncIOScheduler = field(default_factory=AsyncIOScheduler)
    _clock_watch: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to do them."""
        # A job that is still at work when its time comes again is passed over, which is no news.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        settings = self.desk.settings
        every = IntervalTrigger(seconds=settings.directory.watch_seconds)
        self._job(self.follow_directory, every, "directory")
        self._job(self._take_up_replayed, IntervalTrigger(seconds=5), "replayed")
        self._job(self._confirm_guard, IntervalTrigger(seconds=_GUARD_SECONDS), "guard")
        if settings.guarded:
            self._job(self._take_refusals, IntervalTrigger(seconds=_REFUSALS_SECONDS), "refusals")
        self._job(self._forget_done, IntervalTrigger(hours=6), "retention")
        self._job(partial(forget_over, self.desk), IntervalTrigger(hours=6), "panel")
        self._job(self.read_again, IntervalTrigger(seconds=_MEMORY_SECONDS), "memory")
        self._job(self.compare_clocks, IntervalTrigger(seconds=_APART_SECONDS), "clocks")
        self._job(self.look_back, IntervalTrigger(seconds=_BACK_SECONDS), "homeserver put back")
        self._job(self._begin_day, CronTrigger(second=5, timezone="UTC"), "day")
        self._job(self.try_again, IntervalTrigger(seconds=_AGAIN_SECONDS), "what failed")
        # In office hours: a notice at night would wake somebody, and a server that is off at night would send none.
        self._job(self._archive_empty_channels, CronTrigger(minute=30, timezone="UTC"), "empty channels")
        # Again each hour, so that what was interrupted goes on the same night.
        self._job(self._file_transcripts, CronTrigger(minute=20, timezone="UTC"), "transcripts")
        self._job(self._mend_unread, CronTrigger(minute=40, timezone="UTC"), "unread")
        # Every minute it is asked what is due, so that what failed or was interrupted goes on the same morning.
        self._job(self._send_digests, CronTrigger(second=0, timezone="UTC"), "digest")
        self._job(self._check_rooms, CronTrigger(second=30, timezone="UTC"), "drift")
        self._job(self._tell_admins, IntervalTrigger(seconds=_TELL_SECONDS), "drift told")
        self._job(self.desk.reconciler.visits.end_all, IntervalTrigger(seconds=_VISITS_SECONDS), "visits")
        self._job(self._say_first_lines, IntervalTrigger(seconds=_FIRST_LINES_SECONDS), "first lines")
        self._job(self.filer.run, IntervalTrigger(seconds=_FILING_SECONDS), "filing")
        self._job(self._read_histories, IntervalTrigger(seconds=_HISTORY_SECONDS), "file histories")
        self._job(self._tidy_accounts, IntervalTrigger(seconds=_TIDY_SECONDS), "accounts")
        self._scheduler.start()
        self._clock_watch = asyncio.create_task(self._watch_clock())

    def _job(self, work: Callable[[], Awaitable[object]], trigger: object, name: str) -> None:
        async def run() -> None:
            try:
                await work()
            except (HomeserverError, StoreError) as error:
                log.warning("job_failed", job=name, reason=str(error))

        # However late: a day whose reconciliation was passed over would leave its walls open.
        self._scheduler.add_job(run, trigger, id=name, max_instances=1, coalesce=True, misfire_grace_time=None)

    def stop(self) -> None:
        """Begin none any more."""
        if self._clock_watch is not None:
            self._clock_watch.cancel()
        self._scheduler.shutdown(wait=False)

    async def _watch_clock(self) -> None:
        """Where the clock was set back, let every job come now: the scheduler waits for a time, which is far off then.

        Each of them asks what is due.
        """
        ahead = time.time() - time.monotonic()
        while True:
            await asyncio.sleep(_CLOCK_SECONDS)
            before, ahead = ahead, time.time() - time.monotonic()
            if before - ahead > 1:
                log.warning("clock_set_back", seconds=round(before - ahead))
                for job in self._scheduler.get_jobs():
                    job.modify(next_run_time=datetime.now(UTC))

    async def _begin_day(self) -> None:
        """Make everything as it should be on a new day of the firm's, on which walls may begin or end (M3).

        Asked for every minute and not set for midnight, which is not there where the clocks go forward, and which
        schedulers pass over. Who has not done the day before does this one at the same time.
        """
        done = await self.desk.store.read(lambda: kept(DAY_DONE))
        # What is not done yet, at a start or after a failure, is tried until it is, and is of its own day.
        if not self.health["reconciled"] and done != self.desk.reconciler.today().isoformat():
            await self.reconcile_daily()

    def _is_hour(self, first: int, last: int) -> bool:
        """Whether the hour of the firm's day is one of these. Asked for, since a time may be missing on a day."""
        return first <= datetime.now(ZoneInfo(self.desk.settings.firm.timezone)).hour <= last

    async def _take_up_replayed(self) -> None:
        await self.inbox.refresh()
        self.outbox.refresh()

    async def _confirm_guard(self) -> None:
        reconciler = self.desk.reconciler
        was_away = reconciler.guarding.away or self.health.get("guard")
        try:
            await reconciler.guarding.confirm()
        except HomeserverError as error:
            self.health["guard"] = str(error)
            raise
        self.health["guard"] = ""
        if was_away:
            reconciler.again.hurry()

    async def _take_refusals(self) -> None:
        # Of a guard that is not there it is said elsewhere, and not every few seconds.
        if self.health.get("guard"):
            return
        await take_refusals(self.desk, self.metrics, partial(tell_refused, self.desk))
        await tell_of_refusals(self.desk)

    async def _forget_done(self) -> None:
        await self.inbox.forget_handled()
        await self.outbox.forget_sent()
        before = now_ms() - self.desk.settings.inbox.keep_days * DAY_MS
        await self.desk.store.run(lambda: forget_told(before))
        await self.desk.store.run(lambda: forget_tallies(now_ms() - 2 * TOLD_AGAIN_MS))
        await self.desk.store.run(forget_replaced)

    async def _archive_empty_channels(self) -> None:
        # Who joined or left while the bridge was away is known after the first pass.
        if self.health["reconciled"] or not self._is_hour(8, 18):
            return
        try:
            await archive_empty_channels(self.desk, now_ms())
        except HomeserverError as error:
            self.reconcile_later(error)
            raise

    async def _file_transcripts(self) -> None:
        # Before the first pass a matter's rooms may be missing.
        if not self.health["reconciled"] and self._is_hour(1, 5):
            await file_closed_matters(self.desk)

    async def _mend_unread(self) -> None:
        # Before the first pass channels may be missing.
        if not self.health["reconciled"] and self._is_hour(4, 4):
            await mend_unread(self.desk)

    async def _check_rooms(self) -> None:
        if self.health["reconciled"]:
            return
        await check_rooms(self.desk, self.metrics, datetime.now(UTC))

    async def _read_histories(self) -> None:
        # Until then rooms are still made and found.
        if not self.health["reconciled"]:
            await read_histories(self.desk, self.places)

    async def _tidy_accounts(self) -> None:
        # Until then accounts are still made.
        if not self.health["reconciled"]:
            await tidy_accounts(self.desk)

    async def _tell_admins(self) -> None:
        # Before the first pass nobody knows what is put right.
        if not self.health["reconciled"]:
            await tell_admins(self.desk)

    async def _say_first_lines(self) -> None:
        await say_first_lines(self.desk)

    async def _send_digests(self) -> None:
        await send_digests(self.desk, datetime.now(UTC))
