"""The database behind one thread: plain peewee in units of work, many units to one commit.

Whatever units wait when the thread is free are run one after the other in one transaction, each in a savepoint of its
own, and their callers hear of it after the commit. So a commit, the slow part, is shared under load, and one unit's
error undoes that unit only.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import structlog
from playhouse.migrations import Runner

from bridge.store import models
from bridge.store.backends import Backend, StoreError, as_store_error, backend_for
from bridge.store.news import take_news
from bridge.store.sql import execute

__all__ = ["Store", "StoreError"]

log = structlog.get_logger(__name__)
T = TypeVar("T")

MIGRATIONS = Path(__file__).with_name("migrations")
UNITS_PER_COMMIT = 128


@dataclass(frozen=True, slots=True)
class _Job:
    unit: Callable[[], Any]
    durable: bool
    early: Callable[[Any], None] | None
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    job: _Job
    result: Any = None
    error: Exception | None = None
    news: Sequence[object] = ()


class Store:
    """The bridge's database. `open` it, `run` units of work on it, `close` it."""

    def __init__(self, url: str) -> None:
        """`url` is sqlite:///PATH (four slashes for an absolute path) or postgresql://USER:PASSWORD@HOST/NAME.

        Raises StoreError for any other.
        """
        self._backend = backend_for(url)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._listeners: list[Callable[[Sequence[object]], None]] = []

    def listen(self, listener: Callable[[Sequence[object]], None]) -> None:
        """Have what units announce told to `listener` after their commit, in order and before their callers go on."""
        self._listeners.append(listener)

    async def open(self) -> None:
        """Connect and bring the tables up to date.

        Raises StoreError when that cannot be done or the database is newer than this version of the bridge.
        """
        if self._thread is not None:
            return
        models.database.initialize(self._backend.database)
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = loop.create_future()
        self._jobs = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, args=(loop, opened), name="store", daemon=True)
        self._thread.start()
        try:
            await opened
        except Exception:
            self._thread = None
            raise

    async def run(self, unit: Callable[[], T], *, durable: bool = True, early: Callable[[T], None] | None = None) -> T:
        """Run a unit of work, wholly or not at all, and return its result once it is committed.

        Committed means: survives a loss of power. `durable=False` is for work that would be done again after one (a
        crash of the bridge alone loses nothing either way). Whatever the unit raises undoes it and is raised here;
        StoreError where the database failed. A unit handed over runs even if the caller is cancelled.

        `early` is given the result as soon as it is there, while the commit, which may yet fail, is under way. Units
        handed over from then on run after it.
        """
        if self._thread is None:
            raise StoreError("The database is not open, so nothing can be read or written.")
        loop = asyncio.get_running_loop()
        job = _Job(unit, durable, early, loop, loop.create_future())
        self._jobs.put(job)
        return cast("T", await job.done)

    async def close(self) -> None:
        """Finish the units handed over and disconnect."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            await asyncio.to_thread(thread.join)

    def _tell(self, outcomes: list[_Outcome]) -> None:
        news = [item for outcome in outcomes for item in outcome.news]
        for listener in self._listeners if news else ():
            listener(news)
        for outcome in outcomes:
            _settle(outcome.job.done, outcome.result, outcome.error)

    # What follows runs on the store's thread.

    def _serve(self, loop: asyncio.AbstractEventLoop, opened: asyncio.Future[None]) -> None:
        try:
            self._backend.connect()
            migrate(self._backend)
        except Exception as error:  # noqa: BLE001 - handed to whoever opens the store
            self._backend.database.close()
            loop.call_soon_threadsafe(_settle, opened, None, as_store_error(error, self._backend.name))
            return
        loop.call_soon_threadsafe(_settle, opened, None, None)
        while group := self._next_group():
            try:
                outcomes = self._run_group(group)
            except Exception as error:  # noqa: BLE001 - handed to the callers; a log that fails must not end the thread
                outcomes = [_Outcome(job, error=error) for job in group]
            for waiting_loop in {job.loop for job in group}:
                # A loop that has ended has nobody left who waits.
                with contextlib.suppress(RuntimeError):
                    waiting_loop.call_soon_threadsafe(
                        self._tell, [outcome for outcome in outcomes if outcome.job.loop is waiting_loop]
                    )
        self._backend.database.close()

    def _next_group(self) -> list[_Job]:
        """Wait for a unit and take those behind it; empty when the store is closed."""
        first = self._jobs.get()
        group = [first] if first is not None else []
        while group and len(group) < UNITS_PER_COMMIT:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                self._jobs.put(None)
                break
            group.append(job)
        return group

    def _run_group(self, group: list[_Job]) -> list[_Outcome]:
        try:
            self._backend.ensure_connected()
            with self._backend.transaction(durable=any(job.durable for job in group)):
                if len(group) == 1:
                    return [_run(group[0])]
                return [self._run_in_savepoint(job) for job in group]
        except Exception as error:  # noqa: BLE001 - handed to the callers
            reason = self._explain(error)
            return [_Outcome(job, error=reason) for job in group]

    def _run_in_savepoint(self, job: _Job) -> _Outcome:
        try:
            execute("SAVEPOINT unit")
            outcome = _run(job)
            execute("RELEASE SAVEPOINT unit")
        except Exception as error:
            if not self._backend.in_transaction():
                raise
            execute("ROLLBACK TO SAVEPOINT unit")
            execute("RELEASE SAVEPOINT unit")
            return _Outcome(job, error=self._explain(error))
        return outcome

    def _explain(self, error: Exception) -> Exception:
        explained = as_store_error(error, self._backend.name)
        if explained is not error:
            log.warning("database_failed", database=self._backend.name, reason=str(explained))
        return explained


def _settle(future: asyncio.Future[Any], result: object, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def _run(job: _Job) -> _Outcome:
    take_news()
    result = job.unit()
    if job.early is not None:
        job.loop.call_soon_threadsafe(job.early, result)
    return _Outcome(job, result, news=take_news())


def migrate(backend: Backend, directory: Path = MIGRATIONS) -> None:
    """Apply the migrations that the database has not had yet. Raises StoreError where it has had ones unknown here."""
    runner = Runner(backend.database, str(directory))
    unknown = [migration.name for migration in runner.status() if migration.path is None]
    if unknown:
        raise StoreError(
            f"The database {backend.name} was written by a newer firm-bridge: it has the change {unknown[-1]}, which"
            " this version does not know. Start that version again, or restore a backup from before the upgrade."
        )
    applied = runner.up()
    if applied:
        log.info("database_migrated", database=backend.name, migrations=applied)
