"""The running bridge, where everything is put together."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import date
from functools import partial
from typing import Any

import structlog
import uvloop
from aiohttp import web

from bridge.care.telling_directory import tell_of_directory, trouble_of
from bridge.clock import now_ms
from bridge.commands.walls.telling import end_over, tell_of_walls
from bridge.desk import Desk, Foreseen
from bridge.failures import describe, frames
from bridge.filing.cabinet import require_backend
from bridge.filing.filer import Filer
from bridge.firm.model import Firm
from bridge.guard.creation import Wish
from bridge.handlers.activity import Activity
from bridge.handlers.creation import room_wished_for
from bridge.handlers.file_rules import judge_bytes_of
from bridge.handlers.inbox import Inbox
from bridge.handlers.places import Places
from bridge.handlers.router import Router
from bridge.jobs import Jobs
from bridge.logs import set_up_logging
from bridge.matrix.errors import HomeserverError, NotFound
from bridge.matrix.outbox import Outbox
from bridge.reconcile.watermark import Watermark
from bridge.refusal import CommandError
from bridge.service import FirmService, NotServerAdminError, introduce_bot, open_firm
from bridge.settings import Settings
from bridge.store.engine.store import StoreError
from bridge.store.queues.outbox import replay_all
from bridge.store.record.drift import Noted, mark_all_put_back
from bridge.store.record.homeserver_time import HOMESERVER_TIME, clocks_apart
from bridge.store.record.kept import DAY_DONE, keep
from bridge.store.rooms.conversations import alias_is_ours
from bridge.web.app import make_app, serve
from bridge.web.creation import creation_route
from bridge.web.panel.app import make_panel
from bridge.web.panel.live import Live
from bridge.web.shell import Positions, Shell, shell_route

Json = dict[str, Any]
log = structlog.get_logger(__name__)
_RETRY_SECONDS = 5.0


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
            undo_directory=self._undo_directory,
            foresee_directory=self._foresee_directory,
        )
        self.router = Router(self._desk, self.places)
        self.activity = Activity(self.places, settings.bot_id, firm.store)
        self.live = Live(self._desk)
        self.inbox = Inbox(
            firm.store,
            self.router.handle,
            settings.inbox,
            firm.metrics,
            at_once=self.router.at_once,
            say=self.outbox.say,
        )
        self._health: dict[str, str] = {
            "homeserver": "not asked yet",
            "shut_out": "not yet",
            "reconciled": "not yet",
            "clock": "",
        }
        judge = partial(judge_bytes_of, self._desk)
        self.filer = Filer(firm.store, firm.homeserver, settings, lambda: firm.firm, firm.metrics, judge=judge)
        self.jobs = Jobs(
            desk=self._desk,
            metrics=firm.metrics,
            places=self.places,
            inbox=self.inbox,
            outbox=self.outbox,
            filer=self.filer,
            health=self._health,
            follow_directory=self._follow_directory,
            read_again=self._read_again,
            compare_clocks=self._compare_clocks,
            look_back=self._look_back,
            reconcile_daily=self._reconcile_again,
            try_again=self._try_again,
            reconcile_later=self._reconcile_until_done,
        )
        firm.reconciler.guarding.on_put_back = self._homeserver_put_back
        self._watermark = Watermark(firm.homeserver, settings.bot_id)
        self._at_work: asyncio.Task[None] | None = None
        """Goes on until the homeserver has answered and everything is as it should be."""
        self._followed: tuple[Firm, date] | None = None
        """The firm, and its day, that everything was last made to agree with, or is being made to."""
        reconciler = firm.reconciler
        firm.metrics.not_reconciled.set_function(lambda: len(reconciler.again) + len(reconciler.needs_person))
        self._following = asyncio.Lock()
        firm.store.listen(self._count_drift)

    def health(self) -> dict[str, str]:
        """What is wrong, by check; an empty sentence where all is well."""
        trouble = trouble_of(self._firm.directory)
        reconciler = self._firm.reconciler
        return {
            **self._health,
            "guard": self._health.get("guard", "") or str(reconciler.guarding.away or ""),
            "rooms": reconciler.again.words(),
            "database": self._firm.store.trouble,
            "outbox": self._health.get("outbox", "") or self.outbox.stopped_because,
            "filing": self.filer.stopped_because,
            "directory": "" if trouble is None else trouble.short,
        }

    def web_app(self) -> web.Application:
        """Everything that this bridge answers to."""
        return make_app(
            self._firm.settings.appservice,
            inbox=self.inbox,
            kept=self.router.kept,
            news=self._news,
            user_known=self._user_known,
            alias_known=self._alias_known,
            health=self.health,
            metrics=self._firm.metrics,
            more=self._more_routes(),
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set. Raises ListenError when the port cannot be had, and BackendMissing."""
        settings = self._firm.settings
        if settings.filing.mode != "off":
            require_backend(settings.filing.url.get_secret_value())
        await self.places.refresh()
        self.inbox.hold()
        async with AsyncExitStack() as stack:
            own, panel = settings.appservice, settings.panel
            await stack.enter_async_context(serve(self.web_app(), own.listen_host, own.listen_port))
            if panel.url:
                app = make_panel(self._desk, self.live, lambda: not self._health["shut_out"])
                await stack.enter_async_context(serve(app, panel.listen_host, panel.listen_port, "panel"))
            stack.push_async_callback(self.inbox.stop)
            stack.push_async_callback(self.outbox.stop)
            self.jobs.start()
            stack.callback(self.jobs.stop)
            self._at_work = asyncio.create_task(self._first_steps())
            stack.push_async_callback(self._end_work)
            log.info("listening", host=settings.appservice.listen_host, port=settings.appservice.listen_port)
            await stop.wait()
            log.info("stopping")
            self._firm.store.hurry()

    async def _news(self, events: list[Json]) -> Callable[[], None] | None:
        self.live.heard(events)
        return await self.activity.news(events)

    def _more_routes(self) -> list[web.RouteDef]:
        settings = self._firm.settings
        shell = Shell(self._confirm_directory, partial(self._undo_directory, to_admin=False), self._replay)
        routes = [shell_route(settings.security.alias_key.get_secret_value(), shell)]
        if settings.guarded:
            routes.append(creation_route(settings.guard.key.get_secret_value(), self.create))
        return routes

    async def _replay(self, incoming: Positions, outgoing: Positions) -> int:
        replayed = await self._firm.store.run(lambda: replay_all(incoming, outgoing))
        await self.inbox.refresh()
        self.outbox.refresh()
        return replayed

    async def _first_steps(self) -> None:
        """Meet the homeserver, shut out who must be out, begin to answer, and make everything as it should be.

        Each is tried again until it is done.
        """
        await self._until_done("homeserver", self._meet)
        await self._until_done("shut_out", self._shut_out)
        # What waited to be said is about rooms in which somebody was who must not be.
        await self._until_done("outbox", self.outbox.start)
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
        await self._compare_clocks()

    async def _compare_clocks(self) -> None:
        """See how far the homeserver's clock is from the bridge's, for health and for what is stamped in its time."""
        try:
            HOMESERVER_TIME.take_date(*await self._firm.homeserver.clock())
        except NotFound as error:
            log.info("clock_not_known", reason=str(error))
        said = clocks_apart()
        if said and not self._health["clock"]:
            log.warning("clocks_apart", seconds=round(HOMESERVER_TIME.bridge_ahead_seconds()))
        self._health["clock"] = said

    async def _read_again(self) -> None:
        """Read again what decides about access, and act on what was stored without this process hearing of it."""
        if not await self._firm.in_force.load():
            return
        log.warning("memory_was_behind")
        try:
            # Who is stored to be in a conversation has changed as well, so that the firm before and now is not all.
            await self._shut_out()
        except HomeserverError as error:
            self._reconcile_until_done(error)
            raise
        await self._follow_directory()

    async def _shut_out(self) -> None:
        await self._firm.in_force.load()
        firm, today = self._firm.firm, self._firm.reconciler.today()
        await self._firm.reconciler.shut_out()
        if self._followed is None:
            # What changes from here on is followed at once, however long the first pass takes.
            self._followed = firm, today

    async def _reconcile(self) -> None:
        settings, today = self._firm.settings, self._firm.reconciler.today()
        await self._firm.in_force.load()
        await self._firm.store.run(partial(end_over, self._firm.firm, settings, today))
        firm = self._firm.firm
        begun = now_ms()
        outcome = await self._firm.reconciler.sync()
        if not outcome.failed:
            # Also what a crash left noted as not put right.
            await self._firm.store.run(lambda: mark_all_put_back(begun))
        await tell_of_walls(self._firm.store, firm, settings)
        await self._firm.store.run(partial(keep, DAY_DONE, today.isoformat()))
        await self.places.refresh()
        log.info("reconciled", steps=outcome.done, failed=len(outcome.failed))

    async def _reconcile_again(self) -> None:
        try:
            # What begins with the day is in force before all rooms are read.
            await self._follow()
            await self._reconcile()
        except HomeserverError as error:
            self._reconcile_until_done(error)
            raise

    async def _try_again(self) -> None:
        await self._firm.reconciler.try_again()

    async def _look_back(self) -> None:
        """See whether the homeserver was put back since the last look: its guard may be none, or as new as before."""
        if self._health["homeserver"]:
            return
        if await self._watermark.is_behind():
            log.error("homeserver_put_back")
            self._homeserver_put_back()
        await self._watermark.move_on()

    def _homeserver_put_back(self) -> None:
        """Shut out at once who was in a room or had a session when the homeserver's backup was made (R3)."""
        said = "The homeserver was put back from a backup; everything is being made as it should be again."
        if self._health["shut_out"] == said:
            return
        self._health["shut_out"] = self._health["reconciled"] = said
        self._at_work = asyncio.create_task(self._once_more(self._at_work))

    async def _once_more(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.gather(before, return_exceptions=True)
        await self._until_done("homeserver", self._meet)
        await self._until_done("shut_out", self._shut_out)
        await self._until_done("reconciled", self._reconcile)

    def _reconcile_until_done(self, error: HomeserverError) -> None:
        self._health["reconciled"] = str(error)
        if self._at_work is None or self._at_work.done():
            self._at_work = asyncio.create_task(self._until_done("reconciled", self._reconcile))

    async def _follow_directory(self) -> None:
        directory = self._firm.directory
        try:
            await directory.refresh()
            await tell_of_directory(self._firm.store, self._firm.settings.bot_id, trouble_of(directory))
        finally:
            # Whatever is wrong with the files or the database, walls begin with their day.
            await self._follow_or_later()

    async def _follow_or_later(self) -> None:
        try:
            await self._follow()
        except HomeserverError as error:
            self._reconcile_until_done(error)
            raise

    async def _follow(self) -> None:
        """Follow what changed in the firm, or with the day, since it was last followed, also while a pass goes on."""
        async with self._following:
            firm, today = self._firm.firm, self._firm.reconciler.today()
            if self._followed is None:
                return
            before, then = self._followed
            if firm is before and today == then:
                return
            outcome = await self._firm.reconciler.follow(before, then)
            self._followed = firm, today
            await self.places.follow()
            log.info("directory_followed", steps=outcome.done, failed=len(outcome.failed))

    async def create(self, wish: Wish) -> str:
        """The id of the room that somebody wants by their client's own button. Raises CommandError and StoreError."""
        if self._health["shut_out"]:
            raise CommandError("The firm's messages are just starting. Try again in a minute.")
        try:
            return await room_wished_for(wish, self._desk)
        except HomeserverError as error:
            log.warning("room_not_made", reason=str(error))
            self._reconcile_until_done(error)
            raise CommandError("The firm's server is busy. What you asked for comes into being by itself.") from error

    def _count_drift(self, news: Sequence[object]) -> None:
        for one in news:
            if isinstance(one, Noted):
                self._firm.metrics.drift_found.labels(one.kind).inc()

    async def _confirm_directory(self, staff_id: str, fingerprint: str = "") -> str:
        text = await self._firm.directory.confirm_held(staff_id, fingerprint)
        try:
            await self._follow_directory()
        except HomeserverError as error:
            # It is confirmed, and tried again until it is done.
            log.warning("directory_not_followed", reason=str(error))
        return text

    async def _undo_directory(self, by: str, fingerprint: str = "", *, to_admin: bool = True) -> str:
        # What is being followed ends first: it would go on to take away what this gives back.
        async with self._following:
            undone = await self._firm.directory.undo(by, fingerprint, to_admin=to_admin)
        try:
            await self._follow_directory()
            if undone.conversations:
                # Who is in them may be all that changed, where the files had been put right before.
                await self._firm.reconciler.converge(*undone.conversations)
        except HomeserverError as error:
            self._reconcile_until_done(error)
            log.warning("directory_not_followed", reason=str(error))
        return undone.told

    async def _foresee_directory(self, staff_id: str) -> Foreseen | None:
        held = self._firm.directory.held
        if held is None:
            return None
        found, sees = await self._firm.foresee(), self._firm.directory.sight(staff_id)
        shown = tuple(one for one in found if not one.matter_id or sees("matter", one.matter_id))
        return Foreseen(held.fingerprint(), shown)

    async def _directory_status(self, staff_id: str) -> str:
        return await self._firm.directory.status(staff_id)

    async def _user_known(self, user_id: str) -> bool:
        return user_id == self._firm.settings.bot_id or await self.places.staff_id(user_id) is not None

    async def _alias_known(self, alias: str) -> bool:
        # From the store: the homeserver asks this while it resolves the alias itself.
        localpart, _, server_name = alias.removeprefix("#").partition(":")
        ours = server_name == self._firm.settings.homeserver.server_name
        return ours and await self._firm.store.read(lambda: alias_is_ours(localpart))


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
        # Whatever it did from then on would be undone by who has it now, or undo that.
        firm.store.on_loss(stop.set)
        await Bridge(firm).run(stop)
        if firm.store.lost is not None:
            raise firm.store.lost
