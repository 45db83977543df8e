"""What is done again and again: every few seconds, every hour, every morning and every night.

Whatever a job finds undone because of a crash, or because it failed before, it does then.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bridge.care.digest import send_digests
from bridge.care.drift import check_rooms
from bridge.care.files import read_histories
from bridge.care.quiet import archive_empty_channels
from bridge.care.refusals import take_refusals
from bridge.care.telling_admins import tell_admins
from bridge.care.telling_refusals import tell_of_refusals
from bridge.care.transcripts import file_closed_matters
from bridge.commands.table import Desk
from bridge.filing.filer import Filer
from bridge.handlers.inbox import DAY_MS, Inbox
from bridge.handlers.places import Places
from bridge.matrix.errors import HomeserverError
from bridge.matrix.outbox import Outbox
from bridge.metrics import Metrics
from bridge.store.conversations import now_ms
from bridge.store.drift import forget_told
from bridge.store.refusals import TOLD_AGAIN_MS, forget_tallies
from bridge.store.store import StoreError

log = structlog.get_logger(__name__)
_TELL_SECONDS = 10
"""Between messages about what was changed behind the bridge's back."""
_FILING_SECONDS = 5
"""Between looks at which files are to be filed."""
_HISTORY_SECONDS = 10
"""Between looks for rooms whose files from before are not known."""
_AGAIN_SECONDS = 2
"""Between looks at what failed and is due again."""
_GUARD_SECONDS = 30
"""Between looks at whether the guard still knows what it was told."""
_REFUSALS_SECONDS = 5
"""Between looks at what the guard refused."""


@dataclass(frozen=True)
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
    reconcile_daily: Callable[[], Awaitable[None]]
    try_again: Callable[[], Awaitable[None]]
    """Tries what failed about single rooms and accounts and is due."""
    reconcile_later: Callable[[HomeserverError], None]
    """Has everything made as it should be as soon as the homeserver lets it."""
    _scheduler: AsyncIOScheduler = field(default_factory=AsyncIOScheduler)

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
        # After midnight the firm's day has changed, and with it the walls that begin or end.
        self._job(self.reconcile_daily, CronTrigger(hour=0, minute=1, timezone=settings.firm.timezone), "reconcile")
        self._job(self.try_again, IntervalTrigger(seconds=_AGAIN_SECONDS), "what failed")
        # In office hours: a notice at night would wake somebody, and a server that is off at night would send none.
        hourly = CronTrigger(hour="8-18", minute=30, timezone=settings.firm.timezone)
        self._job(self._archive_empty_channels, hourly, "empty channels")
        # Again each hour, so that what was interrupted goes on the same night.
        nightly = CronTrigger(hour="1-5", minute=20, timezone=settings.firm.timezone)
        self._job(self._file_transcripts, nightly, "transcripts")
        # Every minute it is asked what is due, so that what failed or was interrupted goes on the same morning.
        self._job(self._send_digests, CronTrigger(second=0, timezone="UTC"), "digest")
        self._job(self._check_rooms, CronTrigger(second=30, timezone="UTC"), "drift")
        self._job(self._tell_admins, IntervalTrigger(seconds=_TELL_SECONDS), "drift told")
        self._job(self.filer.run, IntervalTrigger(seconds=_FILING_SECONDS), "filing")
        self._job(self._read_histories, IntervalTrigger(seconds=_HISTORY_SECONDS), "file histories")
        self._scheduler.start()

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
        self._scheduler.shutdown(wait=False)

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
        await take_refusals(self.desk, self.metrics)
        await tell_of_refusals(self.desk)

    async def _forget_done(self) -> None:
        await self.inbox.forget_handled()
        await self.outbox.forget_sent()
        before = now_ms() - self.desk.settings.inbox.keep_days * DAY_MS
        await self.desk.store.run(lambda: forget_told(before))
        await self.desk.store.run(lambda: forget_tallies(now_ms() - 2 * TOLD_AGAIN_MS))

    async def _archive_empty_channels(self) -> None:
        # Who joined or left while the bridge was away is known after the first pass.
        if self.health["reconciled"]:
            return
        try:
            await archive_empty_channels(self.desk, now_ms())
        except HomeserverError as error:
            self.reconcile_later(error)
            raise

    async def _file_transcripts(self) -> None:
        # Before the first pass a matter's rooms may be missing.
        if not self.health["reconciled"]:
            await file_closed_matters(self.desk)

    async def _check_rooms(self) -> None:
        if self.health["reconciled"]:
            return
        await check_rooms(self.desk, self.metrics, datetime.now(UTC))

    async def _read_histories(self) -> None:
        # Until then rooms are still made and found.
        if not self.health["reconciled"]:
            await read_histories(self.desk, self.places)

    async def _tell_admins(self) -> None:
        # Before the first pass nobody knows what is put right.
        if not self.health["reconciled"]:
            await tell_admins(self.desk)

    async def _send_digests(self) -> None:
        await send_digests(self.desk, datetime.now(UTC))
