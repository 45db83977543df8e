"""Where everything is put together: the firm's service for the command line, and the running bridge."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import structlog
import uvloop
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from prometheus_client import CollectorRegistry

from bridge.care.digest import send_digests
from bridge.care.drift import check_rooms
from bridge.care.files import read_histories
from bridge.care.quiet import archive_empty_channels
from bridge.care.refusals import take_refusals
from bridge.care.telling_admins import tell_admins
from bridge.care.telling_refusals import tell_of_refusals
from bridge.care.transcripts import file_closed_matters
from bridge.commands.errors import CommandError
from bridge.commands.table import Desk
from bridge.commands.wall_told import end_over, tell_of_walls
from bridge.directory.file import DirectoryFile
from bridge.directory.in_force import InForce
from bridge.failures import describe, frames
from bridge.filing.cabinet import require_backend
from bridge.filing.filer import Filer
from bridge.firm.model import Firm
from bridge.guard.creation import Wish
from bridge.handlers.activity import Activity
from bridge.handlers.creation import room_wished_for
from bridge.handlers.file_rules import judge_bytes_of
from bridge.handlers.inbox import DAY_MS, Inbox
from bridge.handlers.matter_status import tell_of_status
from bridge.handlers.places import Places
from bridge.handlers.router import Router
from bridge.logs import set_up_logging
from bridge.matrix.acting import FirmDecides
from bridge.matrix.client import MatrixClient
from bridge.matrix.errors import HomeserverError, UserTaken
from bridge.matrix.outbox import Outbox
from bridge.matrix.port import Homeserver
from bridge.metrics import Metrics
from bridge.reconcile.first_things import shut_out
from bridge.reconcile.handouts import take_back
from bridge.reconcile.plan import Plan
from bridge.reconcile.service import Reconciler, firm_today
from bridge.reconcile.tally import Outcome, Progress
from bridge.settings import Settings
from bridge.store.conversations import alias_is_ours, now_ms
from bridge.store.drift import Noted, forget_told, mark_all_put_back
from bridge.store.refusals import TOLD_AGAIN_MS, forget_tallies
from bridge.store.store import Store, StoreError
from bridge.web.app import make_app, serve
from bridge.web.creation import creation_route

log = structlog.get_logger(__name__)
_RETRY_SECONDS = 5.0
_TELL_SECONDS = 10
"""Between messages about what was changed behind the bridge's back."""
_FILING_SECONDS = 5
"""Between looks at which files are to be filed."""
_HISTORY_SECONDS = 10
"""Between looks for rooms whose files from before are not known."""
_GUARD_SECONDS = 30
"""Between looks at whether the guard still knows what it was told."""
_REFUSALS_SECONDS = 5
"""Between looks at what the guard refused."""


class NotServerAdminError(Exception):
    """The bot is not a server admin."""

    def __init__(self, bot_id: str) -> None:
        super().__init__(
            f"{bot_id} is not a server admin, so accounts cannot be made."
            " Let a server admin grant it (docs/admin-guide.md, Give the bot admin rights)."
        )


@dataclass(frozen=True)
class FirmService:
    """The firm, its store and its homeserver, for one command of the CLI or for the running bridge."""

    settings: Settings
    store: Store
    homeserver: Homeserver
    directory: DirectoryFile
    in_force: InForce
    reconciler: Reconciler
    metrics: Metrics

    @property
    def firm(self) -> Firm:
        """The directory's firm with what firm admins set by command; the same object until either changes."""
        return self.in_force.now(self.directory.firm)

    async def plan(self) -> Plan:
        """What a sync would change."""
        return await self.reconciler.plan()

    async def sync(self, on_progress: Progress | None = None) -> Outcome:
        """Make everything as it should be."""
        await introduce_bot(self.homeserver, self.settings)
        return await self.reconciler.sync(on_progress)


@asynccontextmanager
async def open_firm(settings: Settings) -> AsyncIterator[FirmService]:
    """Open the store, read the directory and connect to the homeserver; close all at the end.

    Raises StoreError when the database cannot be opened. An invalid directory leaves the last accepted firm in force.
    """
    metrics = Metrics(CollectorRegistry())
    async with AsyncExitStack() as stack:
        store = Store(settings.database.url.get_secret_value())
        await store.open()
        stack.push_async_callback(store.close)
        in_force = InForce(store)
        await in_force.load()
        directory = DirectoryFile(
            settings.directory,
            store,
            today=lambda: firm_today(settings.firm),
            with_change=partial(tell_of_status, bot_id=settings.bot_id),
            over=in_force.over,
        )
        await directory.load()
        await directory.refresh()

        def firm() -> Firm:
            return in_force.now(directory.firm)

        decides = FirmDecides(store, settings.homeserver.server_name, firm, lambda: firm_today(settings.firm))
        homeserver = MatrixClient(settings.homeserver, settings.appservice, decides, metrics.request)
        stack.push_async_callback(homeserver.close)
        reconciler = Reconciler(store, homeserver, settings, firm)
        yield FirmService(settings, store, homeserver, directory, in_force, reconciler, metrics)


async def introduce_bot(homeserver: Homeserver, settings: Settings) -> None:
    """Register the bot, give it its name, and see that it is a server admin. Raises NotServerAdminError."""
    try:
        await homeserver.register(settings.appservice.bot_localpart)
    except UserTaken:
        log.debug("bot_known", bot=settings.bot_id)
    await homeserver.ensure_device(settings.bot_id)
    try:
        account = await homeserver.admin_user(settings.bot_id)
    except HomeserverError as error:
        if error.status == 403:
            raise NotServerAdminError(settings.bot_id) from error
        raise
    if account is not None and account.get("displayname") != settings.appservice.bot_name:
        await homeserver.admin_put_user(settings.bot_id, {"displayname": settings.appservice.bot_name})


class Bridge:
    """The running bridge: endpoints, inbox, outbox, jobs, and the first reconciliation."""

    def __init__(self, firm: FirmService) -> None:
        self._firm = firm
        settings = firm.settings
        self.places = Places(firm.store, settings.homeserver.server_name)
        self.outbox = Outbox(firm.store, firm.homeserver, settings, firm.metrics)
        self._desk = Desk(
            settings=settings,
            store=firm.store,
            homeserver=firm.homeserver,
            reconciler=firm.reconciler,
            firm=lambda: firm.firm,
            confirm_directory=self._confirm_directory,
            directory_status=self._directory_status,
        )
        self.router = Router(self._desk, self.places)
        self.activity = Activity(self.places, settings.bot_id)
        self.inbox = Inbox(firm.store, self.router.handle, settings.inbox, firm.metrics)
        self._health: dict[str, str] = {"homeserver": "not asked yet", "shut_out": "not yet", "reconciled": "not yet"}
        judge = partial(judge_bytes_of, self._desk)
        self.filer = Filer(firm.store, firm.homeserver, settings, lambda: firm.firm, firm.metrics, judge=judge)
        self._jobs = AsyncIOScheduler()
        self._at_work: asyncio.Task[None] | None = None
        """Goes on until the homeserver has answered and everything is as it should be."""
        self._followed: Firm | None = None
        """The firm that everything was last made to agree with."""
        self._following = asyncio.Lock()
        firm.store.listen(self._count_drift)

    def health(self) -> dict[str, str]:
        """What is wrong, by check; an empty sentence where all is well."""
        problems = self._firm.directory.problems
        return {
            **self._health,
            "outbox": self.outbox.stopped_because,
            "filing": self.filer.stopped_because,
            "directory": f"{len(problems)} problems; `firm-bridge check` lists them" if problems else "",
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set. Raises ListenError when the port cannot be had, and BackendMissing."""
        settings = self._firm.settings
        if settings.filing.mode != "off":
            require_backend(settings.filing.url.get_secret_value())
        await self.places.refresh()
        app = make_app(
            settings.appservice,
            inbox=self.inbox,
            interesting=self.router.interesting,
            news=self.activity.news,
            user_known=self._user_known,
            alias_known=self._alias_known,
            health=self.health,
            metrics=self._firm.metrics,
            more=[creation_route(settings.guard.key.get_secret_value(), self.create)] if settings.guarded else (),
        )
        self.inbox.hold()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(serve(app, settings.appservice))
            stack.push_async_callback(self.inbox.stop)
            await self.outbox.start()
            stack.push_async_callback(self.outbox.stop)
            self._schedule()
            stack.callback(self._jobs.shutdown, wait=False)
            self._at_work = asyncio.create_task(self._first_steps())
            stack.push_async_callback(self._end_work)
            log.info("listening", host=settings.appservice.listen_host, port=settings.appservice.listen_port)
            await stop.wait()
            log.info("stopping")

    async def _first_steps(self) -> None:
        """Meet the homeserver, shut out who must be out, begin to answer, and make everything as it should be.

        Each is tried again until it is done.
        """
        await self._until_done("homeserver", self._meet)
        await self._until_done("shut_out", self._shut_out)
        await self._until_done("inbox", self.inbox.start)
        await self._until_done("reconciled", self._reconcile)

    async def _until_done(self, check: str, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except (HomeserverError, NotServerAdminError, StoreError) as error:
                self._health[check] = str(error)
                log.warning("not_yet", check=check, reason=str(error))
            except Exception as error:  # noqa: BLE001 - nobody else would hear of it
                self._health[check] = describe(error)
                log.error("not_yet", check=check, reason=describe(error), stack=frames(error))  # noqa: TRY400
            else:
                self._health[check] = ""
                return
            await asyncio.sleep(_RETRY_SECONDS)

    async def _end_work(self) -> None:
        if self._at_work is not None:
            self._at_work.cancel()
            await asyncio.gather(self._at_work, return_exceptions=True)

    async def _meet(self) -> None:
        await introduce_bot(self._firm.homeserver, self._firm.settings)
        milliseconds = await self._firm.homeserver.ping("start")
        log.info("homeserver_answers", ping_ms=milliseconds)

    async def _shut_out(self) -> None:
        await shut_out(self._firm.reconciler, self._firm.homeserver, self._firm.store)

    async def _reconcile(self) -> None:
        settings, today = self._firm.settings, self._firm.reconciler.today()
        await self._firm.store.run(partial(end_over, self._firm.firm, settings, today))
        firm = self._firm.firm
        begun = now_ms()
        outcome = await self._firm.reconciler.sync()
        if not outcome.failed:
            # Also what a crash left noted as not put right.
            await self._firm.store.run(lambda: mark_all_put_back(begun))
        self._followed = firm
        await take_back(self._firm.store, self._firm.homeserver, firm, today)
        await self._firm.store.run(partial(tell_of_walls, firm, settings))
        await self.places.refresh()
        log.info("reconciled", steps=outcome.done, failed=len(outcome.failed))

    def _schedule(self) -> None:
        # A job that is still at work when its time comes again is passed over, which is no news.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        settings = self._firm.settings
        every = IntervalTrigger(seconds=settings.directory.watch_seconds)
        self._job(self._follow_directory, every, "directory")
        self._job(self._take_up_replayed, IntervalTrigger(seconds=5), "replayed")
        self._job(self._confirm_guard, IntervalTrigger(seconds=_GUARD_SECONDS), "guard")
        if settings.guarded:
            self._job(self._take_refusals, IntervalTrigger(seconds=_REFUSALS_SECONDS), "refusals")
        self._job(self._forget_done, IntervalTrigger(hours=6), "retention")
        # After midnight the firm's day has changed, and with it the walls that begin or end.
        self._job(self._reconcile_daily, CronTrigger(hour=0, minute=1, timezone=settings.firm.timezone), "reconcile")
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
        self._jobs.start()

    def _job(self, work: Callable[[], Awaitable[object]], trigger: object, name: str) -> None:
        async def run() -> None:
            try:
                await work()
            except (HomeserverError, StoreError) as error:
                log.warning("job_failed", job=name, reason=str(error))

        # However late: a day whose reconciliation was passed over would leave its walls open.
        self._jobs.add_job(run, trigger, id=name, max_instances=1, coalesce=True, misfire_grace_time=None)

    async def _reconcile_daily(self) -> None:
        try:
            await self._reconcile()
        except HomeserverError as error:
            self._reconcile_until_done(error)
            raise

    def _reconcile_until_done(self, error: HomeserverError) -> None:
        self._health["reconciled"] = str(error)
        if self._at_work is None or self._at_work.done():
            self._at_work = asyncio.create_task(self._until_done("reconciled", self._reconcile))

    async def _follow_directory(self) -> None:
        async with self._following:
            await self._firm.directory.refresh()
            firm, before = self._firm.firm, self._followed
            # What changes while a whole pass is under way is followed after it.
            if before is None or firm is before or self._health["reconciled"]:
                return
            try:
                outcome = await self._firm.reconciler.follow(before)
                await take_back(self._firm.store, self._firm.homeserver, firm, self._firm.reconciler.today())
            except HomeserverError as error:
                self._reconcile_until_done(error)
                raise
            self._followed = firm
            await self.places.refresh()
            log.info("directory_followed", steps=outcome.done, failed=len(outcome.failed))

    async def create(self, wish: Wish) -> str:
        """The id of the room that somebody wants by their client's own button. Raises CommandError and StoreError."""
        try:
            return await room_wished_for(wish, self._desk)
        except HomeserverError as error:
            log.warning("room_not_made", reason=str(error))
            self._reconcile_until_done(error)
            raise CommandError("The firm's server is busy. What you asked for comes into being by itself.") from error

    async def _take_up_replayed(self) -> None:
        await self.inbox.refresh()
        self.outbox.refresh()

    async def _confirm_guard(self) -> None:
        try:
            await self._firm.reconciler.guarding.confirm()
        except HomeserverError as error:
            self._health["guard"] = str(error)
            raise
        self._health["guard"] = ""

    async def _take_refusals(self) -> None:
        # Of a guard that is not there it is said elsewhere, and not every few seconds.
        if self._health.get("guard"):
            return
        await take_refusals(self._desk, self._firm.metrics)
        await tell_of_refusals(self._desk)

    async def _forget_done(self) -> None:
        await self.inbox.forget_handled()
        await self.outbox.forget_sent()
        before = now_ms() - self._firm.settings.inbox.keep_days * DAY_MS
        await self._firm.store.run(lambda: forget_told(before))
        await self._firm.store.run(lambda: forget_tallies(now_ms() - 2 * TOLD_AGAIN_MS))

    async def _archive_empty_channels(self) -> None:
        # Who joined or left while the bridge was away is known after the first pass.
        if self._health["reconciled"]:
            return
        try:
            await archive_empty_channels(self._desk, time.time_ns() // 1_000_000)
        except HomeserverError as error:
            self._reconcile_until_done(error)
            raise

    async def _file_transcripts(self) -> None:
        # Before the first pass a matter's rooms may be missing.
        if not self._health["reconciled"]:
            await file_closed_matters(self._desk)

    async def _check_rooms(self) -> None:
        if self._health["reconciled"]:
            return
        await check_rooms(self._desk, self._firm.metrics, datetime.now(UTC))

    async def _read_histories(self) -> None:
        # Until then rooms are still made and found.
        if not self._health["reconciled"]:
            await read_histories(self._desk, self.places)

    async def _tell_admins(self) -> None:
        # Before the first pass nobody knows what is put right.
        if not self._health["reconciled"]:
            await tell_admins(self._desk)

    def _count_drift(self, news: Sequence[object]) -> None:
        for one in news:
            if isinstance(one, Noted):
                self._firm.metrics.drift_found.labels(one.kind).inc()

    async def _send_digests(self) -> None:
        await send_digests(self._desk, datetime.now(UTC))

    async def _confirm_directory(self, staff_id: str) -> str:
        text = await self._firm.directory.confirm_held(staff_id)
        try:
            await self._follow_directory()
        except HomeserverError as error:
            # It is confirmed, and tried again until it is done.
            log.warning("directory_not_followed", reason=str(error))
        return text

    async def _directory_status(self, staff_id: str) -> str:
        return await self._firm.directory.status(staff_id)

    async def _user_known(self, user_id: str) -> bool:
        return user_id == self._firm.settings.bot_id or await self.places.staff_id(user_id) is not None

    async def _alias_known(self, alias: str) -> bool:
        # From the store: the homeserver asks this while it resolves the alias itself.
        localpart, _, server_name = alias.removeprefix("#").partition(":")
        ours = server_name == self._firm.settings.homeserver.server_name
        return ours and await self._firm.store.run(lambda: alias_is_ours(localpart))


def run(settings: Settings) -> None:
    """Run the bridge until it is told to stop by SIGTERM or Ctrl-C."""
    set_up_logging(settings.log)
    # What is loaded by now stays; looking through it again and again would take a tenth of the time under load.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    uvloop.run(_run(settings))


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with open_firm(settings) as firm:
        await Bridge(firm).run(stop)
