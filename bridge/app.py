"""The running bridge, where everything is put together."""

from __future__ import annotations

import asyncio
import gc
import math
import signal
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import cached_property, partial
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING, Any

import structlog
import uvloop
from aiohttp import web

from bridge.care.mentions import tell_of_mentions
from bridge.clock import seconds_since
from bridge.desk import Desk
from bridge.directory.sources.known import asked_sources
from bridge.filing.cabinet import require_backend
from bridge.filing.filer import Filer
from bridge.guard.creation import CreationRequest
from bridge.handlers.creation import room_asked_for
from bridge.handlers.file_rules import judge_bytes_of
from bridge.handlers.inbox import Effect, Inbox
from bridge.handlers.passing.activity import Activity
from bridge.handlers.passing.receipts import Receipts
from bridge.handlers.places import Places
from bridge.handlers.router import Router
from bridge.jobs import Jobs
from bridge.logs import set_up_logging
from bridge.mapping.event import Event
from bridge.matrix.errors import RequestError
from bridge.matrix.outbox import Outbox
from bridge.metrics import count_reading
from bridge.operations.tokens import add_token, end_token
from bridge.operations.webhooks.subscribing import add_webhook, end_webhook, replay_webhook
from bridge.refusal import CommandError
from bridge.service import FirmService, open_firm
from bridge.settings import Settings
from bridge.store.engine.backends import is_shared
from bridge.store.engine.store import OwnedElsewhereError, StoreError
from bridge.store.queues.outbox import replay_all
from bridge.store.record.drift import DriftEntry
from bridge.store.rooms.made import alias_is_ours
from bridge.upkeep import systemd
from bridge.upkeep.company import Company
from bridge.upkeep.directory import DirectoryChanges
from bridge.upkeep.health import health, leaving_held, scim_words
from bridge.upkeep.passes import Upkeep
from bridge.upkeep.stages import Stage
from bridge.upkeep.standing_by import StandBy
from bridge.web.app import make_app, open_door, serve
from bridge.web.creation import creation_route
from bridge.web.shell import Positions, Shell, shell_route
from bridge.webhooks.delivering import Deliverer

if TYPE_CHECKING:
    from bridge.oidc.provider import Provider
    from bridge.web.panel.live import Live

Json = dict[str, Any]
log = structlog.get_logger(__name__)
_SOON_SECONDS = 300
"""Two failures to work within this time are of one cause; later the server was restarted another time."""


class Bridge:
    """The running bridge: endpoints, inbox, outbox, jobs, and what keeps the firm as it should be.

    What a firm may do without is loaded where it is made, so that a firm without it pays neither time nor memory.
    """

    sign_on: Provider | None = None

    def __init__(self, firm: FirmService) -> None:
        self._firm = firm
        settings = firm.settings
        self.places = Places(firm.store, settings.homeserver.server_name)
        self.outbox = Outbox(firm.store, firm.homeserver, settings, firm.metrics)
        self.upkeep = Upkeep(firm, self.places)
        self.directory = DirectoryChanges(firm, self.upkeep)
        self._desk = Desk(
            settings=settings,
            store=firm.store,
            homeserver=firm.homeserver,
            reconciler=firm.reconciler,
            firm=lambda: firm.firm,
            confirm_directory=self.directory.confirm,
            directory_status=firm.directory.status,
            undo_directory=self.directory.undo,
            foresee_directory=self.directory.foresee,
            origin=firm.directory.origin,
        )
        self.router = Router(self._desk, self.places)
        self.receipts = Receipts(self.places, firm.store)
        if settings.sign_on.issuer:
            from bridge.oidc.provider import Provider

            self.sign_on = Provider(settings.sign_on, settings.sign_on_back)
        self.inbox = Inbox(
            firm.store,
            self.router.handle,
            firm.metrics,
            at_once=self.router.at_once,
            say=self.outbox.say,
            own_before=self.router.context.own_before,
        )
        self.asked = asked_sources(settings, firm.store, partial(count_reading, firm.metrics))
        notes = next((one.notes for one in self.asked if one.notes is not None), None)
        self.activity = Activity(self.places, settings.bot_id, firm.store, mentions=notes is not None)
        self.scim = None
        if "scim" in settings.directory.sources:
            from bridge.directory.scim.running import Scim

            scim = Scim(
                settings.scim,
                firm.store,
                partial(count_reading, firm.metrics, "scim"),
                lambda why: firm.metrics.scim_refused.labels(why).inc(),
            )
            self.scim = scim
            firm.metrics.scim_push_age.set_function(lambda: seconds_since(scim.resources.pushed_at))
            firm.metrics.scim_held.set_function(lambda: leaving_held(firm.directory))
        judge = partial(judge_bytes_of, self._desk)
        self.filer = Filer(firm.store, firm.homeserver, settings, lambda: firm.firm, firm.metrics, judge=judge)
        self.webhooks = Deliverer(self._desk, firm.metrics)
        self.jobs = Jobs(
            self._desk, firm.metrics, self.places, self.inbox, self.outbox, self.filer, self.upkeep, self.receipts
        )
        if self.sign_on is not None:
            self.jobs.sign_on = self.sign_on.look
        self.processes = Company(firm.store, firm.metrics)
        self.jobs.more["processes"] = self.processes.look
        self.jobs.backups = firm.backups.look
        for one in self.asked:
            self.jobs.more[one.name] = one.run
        if notes is not None:
            self.jobs.more["notes"] = partial(tell_of_mentions, self._desk, notes, firm.metrics)
        if self.scim is not None:
            self.jobs.more["scim"] = self.scim.run
        reconciler = firm.reconciler
        firm.metrics.not_reconciled.set_function(lambda: len(reconciler.again) + len(reconciler.passes.needs_person))
        firm.store.listen(self._count_drift)

    def health(self) -> dict[str, str]:
        """What is wrong, by check; an empty sentence where all is well."""
        found = health(self._firm, self.upkeep, self.outbox, self.filer, self.webhooks)
        silent = [f"{one.called} tells of no changes: {one.no_webhooks}" for one in self.asked if one.no_webhooks]
        notes = [(one.called, one.notes.trouble) for one in self.asked if one.notes is not None]
        silent += [f"{called} did not take the last note: {trouble}" for called, trouble in notes if trouble]
        found["sources"] = " ".join(filter(None, (found["sources"], *silent)))
        if self.scim is not None:
            found["scim"] = scim_words(self._firm.directory, self.scim.refusals.words(), self.scim.resources.pushed_at)
        return found if self.sign_on is None else {**found, "sign_on": self.sign_on.trouble}

    @cached_property
    def live(self) -> Live:
        """The panel's open pages."""
        from bridge.web.panel.live import Live

        return Live(self._desk)

    def web_app(self) -> web.Application:
        """Everything that this bridge answers to."""
        return make_app(
            self._firm.settings.appservice,
            inbox=self.inbox,
            kept=self.router.kept,
            news=self._news,
            beside=self.receipts.heard,
            user_known=self._user_known,
            alias_known=self._alias_known,
            health=self.health,
            processes=self.processes.told,
            metrics=self._firm.metrics,
            more=self._more_routes(),
        )

    def panel_app(self) -> web.Application:
        """Everything that the panel and the API answer to, from when those are shut out who must be."""
        from bridge.web.api.app import make_api
        from bridge.web.api.table import API_PATH
        from bridge.web.panel.app import make_panel

        def begun() -> bool:
            return self.upkeep.stages.is_done(Stage.SHUT_OUT)

        app = make_panel(self._desk, self.live, begun, self.health, self.sign_on)
        app.add_subapp(API_PATH, make_api(self._desk, begun, self._firm.metrics))
        if self.asked:
            from bridge.web.sources import SOURCES_PATH, webhook_app

            app.add_subapp(
                SOURCES_PATH, webhook_app({one.address: one.webhook for one in self.asked}, self._firm.metrics)
            )
        if self.scim is not None:
            from bridge.web.bearer import SCIM_PATH
            from bridge.web.scim import make_scim

            app.add_subapp(SCIM_PATH, make_scim(self._desk, self.scim, begun, self._firm.metrics))
        return app

    async def run(self, stop: asyncio.Event, doors: Sequence[socket.socket] = ()) -> None:
        """Serve until `stop` is set. Raises ListenError when the port cannot be had, and BackendMissingError.

        Where there are `doors`, they are served: the application service's, and the panel's if it has one.
        """
        settings = self._firm.settings
        if settings.filing.mode != "off":
            require_backend(settings.filing.url.get_secret_value())
        await self.places.refresh()
        self.inbox.hold()
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(
                serve(self.web_app(), settings.appservice, door=doors[0] if doors else None)
            )
            if settings.panel.url:
                await stack.enter_async_context(
                    serve(self.panel_app(), settings.panel, "panel", doors[1] if doors else None)
                )
            for one in self.asked:
                stack.push_async_callback(one.close)
            stack.push_async_callback(self.inbox.stop)
            stack.push_async_callback(self.outbox.stop)
            stack.push_async_callback(self.webhooks.stop)
            self.jobs.start()
            stack.callback(self.jobs.stop)
            stack.push_async_callback(self.receipts.stop)
            self.upkeep.start(sending=self._begin_to_tell, hearing=self.inbox.start)
            stack.push_async_callback(self.upkeep.stop)
            log.info("listening", host=settings.appservice.listen_host, port=settings.appservice.listen_port)
            systemd.serving()
            await stop.wait()
            log.info("stopping")
            self._firm.store.hurry()

    async def _begin_to_tell(self) -> None:
        await self.outbox.start()
        self.webhooks.start()

    async def _news(self, events: list[Event]) -> Effect | None:
        if self._firm.settings.panel.url:
            self.live.heard(events)
        self.receipts.came(events)
        return await self.activity.news(events)

    def _more_routes(self) -> list[web.RouteDef]:
        settings = self._firm.settings
        shell = Shell(
            self.directory.confirm,
            partial(self.directory.undo, to_admin=False),
            self._replay,
            lambda wanted: add_token(self._firm.store, settings, wanted),
            partial(end_token, self._firm.store),
            lambda wanted: add_webhook(self._firm.store, settings, wanted),
            partial(end_webhook, self._firm.store),
            partial(replay_webhook, self._firm.store),
        )
        routes = [shell_route(settings.security.alias_key.get_secret_value(), shell)]
        if settings.guarded:
            routes.append(creation_route(settings.guard.key.get_secret_value(), self.create))
        return routes

    async def _replay(self, incoming: Positions, outgoing: Positions) -> int:
        replayed = await self._firm.store.run(replay_all, incoming, outgoing)
        await self.inbox.refresh()
        self.outbox.refresh()
        return replayed

    async def create(self, wanted: CreationRequest) -> str:
        """The id of the room that somebody wants by their client's own button. Raises CommandError and StoreError."""
        if not self.upkeep.stages.is_done(Stage.SHUT_OUT):
            raise CommandError("The firm's messages are just starting. Try again in a minute.")
        try:
            return await room_asked_for(wanted, self._desk)
        except RequestError as error:
            log.warning("room_not_made", reason=str(error))
            self.upkeep.reconcile_later(error)
            raise CommandError("The firm's server is busy. What you asked for comes into being by itself.") from error

    def _count_drift(self, news: Sequence[object]) -> None:
        for one in news:
            if isinstance(one, DriftEntry):
                self._firm.metrics.drift_found.labels(one.kind).inc()

    async def _user_known(self, user_id: str) -> bool:
        return user_id == self._firm.settings.bot_id or await self.places.staff_id(user_id) is not None

    async def _alias_known(self, alias: str) -> bool:
        # From the store: the homeserver asks this while it resolves the alias itself.
        localpart, _, server_name = alias.removeprefix("#").partition(":")
        ours = server_name == self._firm.settings.homeserver.server_name
        return ours and await self._firm.store.read(alias_is_ours, localpart)


def run(settings: Settings) -> None:
    """Run the bridge until it is told to stop by SIGTERM or Ctrl-C."""
    set_up_logging(settings.log)
    if settings.panel.url:
        # Else whoever stands by would load it when it has to take over.
        for part in ("panel", "api"):
            import_module(f"bridge.web.{part}.app")
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
    alive = asyncio.create_task(systemd.alive())
    try:
        if is_shared(settings.database.url.get_secret_value()):
            await take_turns(settings, stop)
        else:
            await _alone(settings, stop)
    finally:
        alive.cancel()


async def _alone(settings: Settings, stop: asyncio.Event) -> None:
    async with open_firm(settings) as firm:
        # Whatever it did from then on would be undone by who has it now, or undo that.
        firm.store.on_loss(stop.set)
        await Bridge(firm).run(stop)
        if firm.store.lost is not None:
            raise firm.store.lost


async def take_turns(settings: Settings, stop: asyncio.Event) -> None:
    """Work whenever no other process does, and stand by while one does."""
    async with AsyncExitStack() as stack:
        standing_by = StandBy(settings, _doors(settings, stack))
        await standing_by.open(stack)
        systemd.serving()
        failed_at = -math.inf
        while not stop.is_set():
            await standing_by.until_free(stop)
            if stop.is_set():
                return
            try:
                await work(settings, stop, standing_by)
            except OwnedElsewhereError as error:
                log.warning("another_works", reason=str(error))
            except StoreError as error:
                # A server that was restarted may be there again by now, so only what fails again soon will not pass.
                failed_before, failed_at = failed_at, monotonic()
                if failed_at - failed_before < _SOON_SECONDS and await standing_by.can_look():
                    raise
                log.warning("database_away", reason=str(error))
            else:
                failed_at = -math.inf


async def work(settings: Settings, stop: asyncio.Event, standing_by: StandBy) -> None:
    """Work until `stop` is set or another process takes over: then nothing that this one remembers is kept."""
    async with open_firm(settings, reach=standing_by.reach) as firm:
        over = asyncio.Event()
        firm.store.on_loss(over.set)

        async def end() -> None:
            await stop.wait()
            over.set()

        ending = asyncio.create_task(end())
        try:
            await Bridge(firm).run(over, standing_by.doors)
        finally:
            ending.cancel()


def _doors(settings: Settings, stack: AsyncExitStack) -> tuple[socket.socket, ...]:
    doors = [stack.enter_context(open_door(settings.appservice, "appservice"))]
    if settings.panel.url:
        doors.append(stack.enter_context(open_door(settings.panel, "panel")))
    return tuple(doors)
