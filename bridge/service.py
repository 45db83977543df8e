"""The firm's service: its store, its homeserver and its directory, for the command line and the running bridge."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial

import structlog
from prometheus_client import CollectorRegistry

from bridge.backup.newest import BackupWatch
from bridge.care.telling_matters import tell_of_status
from bridge.clock import firm_today, seconds_since
from bridge.directory.file import DirectoryFile
from bridge.directory.in_force import InForce
from bridge.directory.sources.known import sources_of
from bridge.firm.model import Firm
from bridge.matrix.acting import FirmDecides
from bridge.matrix.client import MatrixClient
from bridge.matrix.errors import HomeserverError, NotServerAdminError, UnreachableError, UserTakenError
from bridge.matrix.port import AccountRequests, Homeserver
from bridge.matrix.retry import PassingError
from bridge.metrics import Metrics
from bridge.reconcile.planning.foreseen import Effect
from bridge.reconcile.service import Reconciler, make_reconciler
from bridge.reconcile.tally import Progress, Result
from bridge.settings import DatabaseSettings, Settings
from bridge.store.engine.errors import NotMadeYetError
from bridge.store.engine.processes import Reach
from bridge.store.engine.store import AGAIN_SECONDS, Store

log = structlog.get_logger(__name__)


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
    backups: BackupWatch

    @property
    def firm(self) -> Firm:
        """The directory's firm with what firm admins set by command; the same object until either changes."""
        return self.in_force.now(self.directory.firm)

    def today(self) -> date:
        """The firm's day."""
        return firm_today(self.settings.firm)

    async def foresee(self) -> tuple[Effect, ...]:
        """What the held change of the directory would lead to; nothing where none is held."""
        held = self.directory.held
        return await self.reconciler.planner.foresee(self.in_force.over(held.new)) if held is not None else ()

    async def sync(self, on_progress: Progress | None = None) -> Result:
        """Make everything as it should be."""
        await introduce_bot(self.homeserver, self.settings)
        return await self.reconciler.passes.sync(on_progress)


@asynccontextmanager
async def open_firm(
    settings: Settings, *, reading: bool = False, reach: Reach | None = None
) -> AsyncIterator[FirmService]:
    """Open the store, read the directory and connect to the homeserver; close all at the end.

    Only one process at a time has it open, unless for `reading`: then nothing is stored, and nobody is in the way.
    Others find this process by its `reach`.

    Raises OwnedElsewhereError where another process has it open, and StoreError when the database cannot be opened. An
    invalid directory leaves the last accepted firm in force.
    """
    metrics, today = Metrics(CollectorRegistry()), partial(firm_today, settings.firm)
    async with AsyncExitStack() as stack:
        store = await _opened(settings.database, reading=reading, reach=reach)
        stack.push_async_callback(store.close)
        in_force = InForce(store)
        await in_force.load()
        directory = DirectoryFile(
            settings.directory,
            store,
            today=today,
            with_change=partial(tell_of_status, bot_id=settings.bot_id),
            over=in_force.over,
            stores=not store.reading,
            sources=sources_of(settings, store),
        )
        await directory.load()
        await directory.refresh()
        metrics.directory_problems.set_function(lambda: len(directory.problems))
        metrics.directory_held.set_function(lambda: directory.held is not None)
        backups = BackupWatch(settings.backup)
        metrics.backup_age.set_function(lambda: backups.newest(datetime.now(UTC)).age_seconds)
        metrics.backup_late.set_function(lambda: backups.newest(datetime.now(UTC)).late)
        if directory.sources is not None:
            for name in directory.sources.names:
                metrics.source_age.labels(name).set_function(partial(_age, directory, name))
                metrics.source_flaws.labels(name).set_function(partial(_flawed, directory, name))

        def firm() -> Firm:
            return in_force.now(directory.firm)

        decides = FirmDecides(store, settings.homeserver.server_name, firm, today)
        homeserver = MatrixClient(
            settings.homeserver,
            settings.appservice,
            decides,
            metrics.request,
            settings.mas,
            partial(must_own, store),
        )
        stack.push_async_callback(homeserver.close)
        reconciler = make_reconciler(store, homeserver, settings, firm)
        yield FirmService(settings, store, homeserver, directory, in_force, reconciler, metrics, backups)


def must_own(store: Store) -> None:
    """Raises PassingError while another process may own the database, so that what is planned here may be outdated,
    and UnreachableError once one does."""
    if store.holds():
        return
    told = "nothing is asked of the homeserver while another process of the bridge may have taken over"
    error = UnreachableError("Any request", 0, "M_UNKNOWN", told)
    raise error if store.lost is not None else PassingError(error, asked=AGAIN_SECONDS)


def _age(directory: DirectoryFile, source: str) -> float:
    """Seconds since this source was last read well; -1 where it never was."""
    read = next((one.read_at for one in directory.standings if one.source == source), None)
    return seconds_since(read)


def _flawed(directory: DirectoryFile, source: str) -> int:
    return sum(one.flawed for one in directory.standings if one.source == source)


async def _opened(settings: DatabaseSettings, *, reading: bool, reach: Reach | None) -> Store:
    url = settings.url.get_secret_value()
    store = Store(url, reading=reading, lease=settings.lease, reach=reach)
    try:
        await store.open()
    except NotMadeYetError:
        # No bridge of this version ever ran on it. Whoever is first makes it, even for reading.
        store = Store(url, lease=settings.lease)
        await store.open()
    return store


async def introduce_bot(homeserver: AccountRequests, settings: Settings) -> None:
    """Register the bot, give it its name, and see that it is a server admin. Raises NotServerAdminError."""
    try:
        await homeserver.register(settings.appservice.bot_localpart)
    except UserTakenError:
        log.debug("bot_known", bot=settings.bot_id)
    await homeserver.ensure_device(settings.bot_id)
    try:
        account = await homeserver.admin_user(settings.bot_id)
    except HomeserverError as error:
        if error.status == 403:
            raise NotServerAdminError(settings.bot_id) from error
        raise
    # The Matrix Authentication Service knows it only when something was written.
    if account is None or account.get("displayname") != settings.appservice.bot_name:
        await homeserver.admin_put_user(settings.bot_id, {"displayname": settings.appservice.bot_name})
