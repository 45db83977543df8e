"""What is done again and again: every few seconds, every hour, every morning and every night.

Whatever a job finds undone because of a crash, or because it failed before, it does then.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

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
from bridge.care.telling_processes import ProcessWatch
from bridge.care.telling_refusals import tell_of_refusals
from bridge.care.telling_refused import tell_refused
from bridge.care.transcripts import file_closed_matters
from bridge.care.unread import mend_unread
from bridge.clock import is_firm_hour, now_ms
from bridge.desk import Desk
from bridge.directory.past.replaced import forget_replaced
from bridge.filing.filer import Filer
from bridge.handlers.inbox import Inbox
from bridge.handlers.passing.receipts import Receipts
from bridge.handlers.places import Places
from bridge.matrix.errors import RequestError
from bridge.matrix.outbox import Outbox
from bridge.metrics import Metrics
from bridge.operations.first_line import say_first_lines
from bridge.operations.panel import forget_over
from bridge.operations.tokens import end_tokens_of_leavers
from bridge.reconcile.guard_processes import GuardStanding
from bridge.store.engine.store import StoreError
from bridge.store.queues.deliveries import forget_parked
from bridge.store.queues.limits import QUEUE_LIMITS
from bridge.store.record.drift import forget_told
from bridge.store.record.refusals import TOLD_AGAIN_MS, forget_tallies
from bridge.upkeep.passes import Upkeep
from bridge.upkeep.stages import Stage

log = structlog.get_logger(__name__)
WATCH_SECONDS = 1.0
"""Between looks at whether the directory changed."""
TELL_SECONDS = 10
"""Between messages about what was changed behind the bridge's back."""
_FILING_SECONDS = 5
"""Between looks at which files are to be filed."""
_TIDY_SECONDS = 600
"""Between looks at what clients put beside people's accounts."""
_HISTORY_SECONDS = 10
"""Between looks for rooms whose files from before are not known."""
GUARD_SECONDS = 5
"""Between looks at whether the guard still knows what it was told: after Synapse was put back it does not."""
_VISITS_SECONDS = 10
"""Between looks for direct conversations that the bot could not leave."""
_FIRST_LINES_SECONDS = 10
"""Between looks for conversations whose beginning was cut short."""
AGAIN_SECONDS = 2
"""Between looks at what failed and is due again."""
_MEMORY_SECONDS = 3
"""Between readings of what decides about access, which must be true even where news of it were lost."""
_APART_SECONDS = 60
"""Between looks at the homeserver's clock."""
_REACH_SECONDS = 5
"""Between looks at whether the homeserver reaches the bridge, where it did not."""
BACK_SECONDS = 10
"""Between looks at whether the homeserver was put back from a backup."""
CLOCK_SECONDS = 5
"""Between looks at whether the clock was set back."""
_TOKENS_SECONDS = 60
"""Between looks for tokens of people who have left."""
_RECEIPTS_SECONDS = 1
"""Between two times that it is written down who has read what."""
_ACCOUNTS_SECONDS = 60
"""Between looks at whether the Matrix Authentication Service serves."""
_SIGN_ON_SECONDS = 300
"""Between looks at whether the firm's single sign-on serves."""
_BACKUPS_SECONDS = 60
"""Between looks at how old the newest backup is."""
_REFUSALS_SECONDS = 5
"""Between looks at what the guard refused."""


@dataclass
class Jobs:
    """The jobs of a running bridge."""

    desk: Desk
    metrics: Metrics
    places: Places
    inbox: Inbox
    outbox: Outbox
    filer: Filer
    upkeep: Upkeep
    receipts: Receipts
    sign_on: Callable[[], Awaitable[None]] | None = None
    """A look at whether the firm's single sign-on serves."""
    backups: Callable[[], Awaitable[None]] | None = None
    """A look at how old the newest backup is."""
    more: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    """Other work by name, done each second: reading the sources of the directory, and who stands by."""
    scheduler: AsyncIOScheduler = field(default_factory=AsyncIOScheduler)
    process_watch: ProcessWatch = field(default_factory=ProcessWatch)
    _clock_watch: asyncio.Task[None] | None = None
    _stopping: bool = False

    def start(self) -> None:
        """Begin to do them."""
        # A job that is still at work when its time comes again is passed over, which is no news.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        logging.getLogger("apscheduler.executors.default").addFilter(_is_no_end)
        desk, settings, upkeep = self.desk, self.desk.settings, self.upkeep
        every = IntervalTrigger(seconds=WATCH_SECONDS)
        self._job(upkeep.follow_directory, every, "directory")
        self._job(self._take_up_replayed, IntervalTrigger(seconds=5), "replayed")
        self._job(self._confirm_guard, IntervalTrigger(seconds=GUARD_SECONDS), "guard")
        if settings.guarded:
            self._job(self._take_refusals, IntervalTrigger(seconds=_REFUSALS_SECONDS), "refusals")
        self._job(self._forget_done, IntervalTrigger(hours=6), "retention")
        self._job(partial(forget_over, desk), IntervalTrigger(hours=6), "panel")
        self._job(partial(end_tokens_of_leavers, desk), IntervalTrigger(seconds=_TOKENS_SECONDS), "tokens")
        self._job(self.receipts.write, IntervalTrigger(seconds=_RECEIPTS_SECONDS), "receipts")
        if self.sign_on is not None:
            self._job(self.sign_on, IntervalTrigger(seconds=_SIGN_ON_SECONDS), "sign on", at_once=True)
        if self.backups is not None:
            self._job(self.backups, IntervalTrigger(seconds=_BACKUPS_SECONDS), "backups", at_once=True)
        if settings.mas.url:
            look = desk.homeserver.look_at_accounts
            self._job(look, IntervalTrigger(seconds=_ACCOUNTS_SECONDS), "who keeps the accounts")
        self._job(upkeep.read_again, IntervalTrigger(seconds=_MEMORY_SECONDS), "memory")
        self._job(upkeep.compare_clocks, IntervalTrigger(seconds=_APART_SECONDS), "clocks")
        self._job(upkeep.reach_again, IntervalTrigger(seconds=_REACH_SECONDS), "reached")
        self._job(upkeep.look_back, IntervalTrigger(seconds=BACK_SECONDS), "homeserver put back")
        self._job(upkeep.begin_day, CronTrigger(second=5, timezone="UTC"), "day")
        self._job(desk.reconciler.rooms.try_again, IntervalTrigger(seconds=AGAIN_SECONDS), "what failed")
        # In office hours: a notice at night would wake somebody, and a server that is off at night would send none.
        self._job(self.archive_empty_channels, CronTrigger(minute=30, timezone="UTC"), "empty channels")
        # Again each hour, so that what was interrupted goes on the same night.
        nightly = CronTrigger(minute=20, timezone="UTC")
        self._job(partial(file_closed_matters, desk), nightly, "transcripts", reconciled=True, hours=(1, 5))
        nightly = CronTrigger(minute=40, timezone="UTC")
        self._job(partial(mend_unread, desk), nightly, "unread", reconciled=True, hours=(4, 4))
        # Every minute it is asked what is due, so that what failed or was interrupted goes on the same morning.
        each_minute = CronTrigger(second=0, timezone="UTC")
        self._job(lambda: send_digests(desk, datetime.now(UTC)), each_minute, "digest")
        each_minute = CronTrigger(second=30, timezone="UTC")
        self._job(lambda: check_rooms(desk, self.metrics, datetime.now(UTC)), each_minute, "drift", reconciled=True)
        # Until then nobody knows what is put right.
        told = IntervalTrigger(seconds=TELL_SECONDS)
        self._job(partial(tell_admins, desk), told, "drift told", reconciled=True)
        self._job(desk.reconciler.visits.end_all, IntervalTrigger(seconds=_VISITS_SECONDS), "visits")
        self._job(partial(say_first_lines, desk), IntervalTrigger(seconds=_FIRST_LINES_SECONDS), "first lines")
        self._job(self.filer.run, IntervalTrigger(seconds=_FILING_SECONDS), "filing")
        looked = IntervalTrigger(seconds=_HISTORY_SECONDS)
        self._job(partial(read_histories, desk, self.places), looked, "file histories", reconciled=True)
        self._job(partial(tidy_accounts, desk), IntervalTrigger(seconds=_TIDY_SECONDS), "accounts", reconciled=True)
        for name, work in self.more.items():
            self._job(work, IntervalTrigger(seconds=WATCH_SECONDS), name)
        self.scheduler.start()
        self._clock_watch = asyncio.create_task(self._watch_clock())

    def _job(
        self,
        work: Callable[[], Awaitable[object]],
        trigger: object,
        name: str,
        *,
        reconciled: bool = False,
        hours: tuple[int, int] | None = None,
        at_once: bool = False,
    ) -> None:
        """Do this in these hours of the firm's day, or at any. What needs rooms and accounts that are as they should
        be waits until everything was `reconciled`. The first time is `at_once`, or when the trigger says."""

        async def run() -> None:
            if not self._is_time(reconciled=reconciled, hours=hours):
                return
            try:
                await work()
            except (RequestError, StoreError) as error:
                log.warning("job_failed", job=name, reason=str(error))
            except asyncio.CancelledError:
                if not self._stopping:
                    log.exception("job_cancelled", job=name)
                raise

        # However late: a day whose reconciliation was passed over would leave its walls open.
        job = self.scheduler.add_job(run, trigger, id=name, max_instances=1, coalesce=True, misfire_grace_time=None)
        if at_once:
            # A trigger that begins now would be asked later, and take its beginning for over.
            job.modify(next_run_time=datetime.now(UTC))

    def _is_time(self, *, reconciled: bool, hours: tuple[int, int] | None) -> bool:
        if reconciled and not self.upkeep.stages.is_done(Stage.RECONCILED):
            return False
        return hours is None or is_firm_hour(self.desk.settings.firm, datetime.now(UTC), *hours)

    def stop(self) -> None:
        """Begin none any more, and end those at work."""
        self._stopping = True
        if self._clock_watch is not None:
            self._clock_watch.cancel()
        self.scheduler.shutdown(wait=False)

    async def _watch_clock(self) -> None:
        """Where the clock was set back, let every job come now: the scheduler waits for a time, which is far off then.

        Each of them asks what is due.
        """
        ahead = time.time() - time.monotonic()
        while True:
            await asyncio.sleep(CLOCK_SECONDS)
            before, ahead = ahead, time.time() - time.monotonic()
            if before - ahead > 1:
                log.warning("clock_set_back", seconds=round(before - ahead))
                for job in self.scheduler.get_jobs():
                    job.modify(next_run_time=datetime.now(UTC))

    async def _take_up_replayed(self) -> None:
        await self.inbox.refresh()
        self.outbox.refresh()

    async def _confirm_guard(self) -> None:
        reconciler = self.desk.reconciler
        try:
            if await reconciler.guarding.confirm():
                reconciler.again.hurry()
        finally:
            standings = Counter(one.standing for one in reconciler.guarding.processes)
            for standing in GuardStanding:
                self.metrics.guard_processes.labels(standing.value).set(standings[standing])
        await self.process_watch.look(self.desk)

    async def _take_refusals(self) -> None:
        # Of a guard that is not there it is said elsewhere, and not every few seconds.
        if self.desk.reconciler.guarding.unconfirmed:
            return
        await take_refusals(self.desk, self.metrics, partial(tell_refused, desk=self.desk))
        await tell_of_refusals(self.desk)

    async def _forget_done(self) -> None:
        await self.inbox.forget_handled()
        await self.outbox.forget_sent()
        before = now_ms() - QUEUE_LIMITS.keep_ms
        await self.desk.store.run(forget_told, before)
        await self.desk.store.run(forget_tallies, now_ms() - 2 * TOLD_AGAIN_MS)
        await self.desk.store.run(forget_replaced)
        await self.desk.store.run(forget_parked, before)

    async def archive_empty_channels(self) -> None:
        """Who joined or left while the bridge was away is known after the first pass."""
        if not self._is_time(reconciled=True, hours=(8, 18)):
            return
        try:
            await archive_empty_channels(self.desk, now_ms())
        except RequestError as error:
            self.upkeep.reconcile_later(error)
            raise


def _is_no_end(record: logging.LogRecord) -> bool:
    """Whether apscheduler logs anything but that a job was ended, which it takes for an error of the job."""
    return record.exc_info is None or not isinstance(record.exc_info[1], asyncio.CancelledError)
