"""The database behind one thread: plain peewee in units of work, many of them to one commit.

Whatever units wait when the thread is free are run one after the other in one transaction, each in a savepoint of its
own, and their callers hear of it after the commit. So a commit, the slow part, is shared under load, and one unit's
error undoes that unit only.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import structlog

from bridge.failures import describe, frames
from bridge.store.engine.backends import backend_for
from bridge.store.engine.errors import OwnedElsewhereError, StoreError, as_store_error
from bridge.store.engine.migrating import migrate, require_up_to_date
from bridge.store.engine.processes import LEASE_SECONDS, Process, Reach
from bridge.store.engine.undoing import undone
from bridge.store.engine.unit import ReadUnit, Unit

__all__ = ["OwnedElsewhereError", "Store", "StoreError"]

log = structlog.get_logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

UNITS_PER_COMMIT = 128
SLOW_SECONDS = 10.0
"""What takes longer is worth telling whoever looks after the database."""
TROUBLE_SECONDS = 10.0
"""So long after what failed last it is said that something is wrong, whatever else is done meanwhile."""
CLOSE_SECONDS = 10.0
"""How long the end of what is under way is waited for before it is interrupted."""
_WATCH_SECONDS = 0.5
AGAIN_SECONDS = 0.5
"""Between looks at whether a database that was away is there again."""


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[Unit], Any]
    durable: bool
    reads: bool
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

    def __init__(
        self, url: str, *, reading: bool = False, lease: float = LEASE_SECONDS, reach: Reach | None = None
    ) -> None:
        """`url` is sqlite:///PATH (four slashes for an absolute path) or postgresql://USER:PASSWORD@HOST/NAME.

        Only one process at a time has it open, unless it is for `reading`: then nothing is written, and nobody is kept
        from writing. PostgreSQL tells others where to `reach` this process, and lets them take over from one that is
        silent for longer than the `lease`, in seconds. Raises StoreError for any other URL.
        """
        self._backend = backend_for(url, reading=reading, lease=lease, reach=reach)
        self.reading = reading
        """Whether nothing can be written."""
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._watch: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[Sequence[object]], None]] = []
        self._at_work_since: float | None = None
        """When the transaction under way was begun, on the monotonic clock."""
        self._failed = ""
        """Why the database could not do its work lately; empty where it could."""
        self._failed_at = 0.0
        """When that was, on the monotonic clock."""
        self._hurried = False
        self._on_loss: Callable[[], None] | None = None
        self.lost: OwnedElsewhereError | None = None
        """Why this process owns the database no more. From then on nothing is stored."""

    def listen(self, listener: Callable[[Sequence[object]], None]) -> None:
        """Have what units announce told to `listener` after their commit, in order and before their callers go on."""
        self._listeners.append(listener)

    def on_loss(self, callback: Callable[[], None]) -> None:
        """Have this called when another process took the database over; `lost` says more."""
        self._on_loss = callback

    @property
    def trouble(self) -> str:
        """What is wrong with the database, for health; empty where nothing is."""
        since = self._at_work_since
        seconds = 0.0 if since is None else time.monotonic() - since
        if seconds > SLOW_SECONDS:
            return f"The database {self._backend.name} has not answered for {seconds:.0f} seconds."
        return self._failed

    async def open(self) -> None:
        """Connect and bring the tables up to date.

        Raises OwnedElsewhereError where another process has it open, NotMadeYetError where a database that is to be
        read is not there or not up to date, and StoreError when anything else is in the way or the database is newer
        than this version of the bridge.
        """
        if self._thread is not None:
            return
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
        self._watch = asyncio.create_task(self._keep_watch())

    async def run(self, work: Callable[Concatenate[Unit, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Do work in a unit, wholly or not at all, and return its result once it is committed.

        Committed means: survives a loss of power. Whatever the work raises undoes it and is raised here; StoreError
        where the database failed. Work handed over is done even if the caller is cancelled.
        """
        return await self._hand_over(lambda unit: work(unit, *args, **kwargs))

    async def run_undurable(self, work: Callable[Concatenate[Unit, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for work that would be done again after a loss of power. A crash of the bridge alone loses nothing
        either way."""
        return await self._hand_over(lambda unit: work(unit, *args, **kwargs), durable=False)

    async def run_early(
        self,
        early: Callable[[T], None],
        work: Callable[Concatenate[Unit, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """The same as `run`; `early` is given the result as soon as it is there, while the commit, which may yet fail,
        is under way. Work handed over from then on is done after it."""
        return await self._hand_over(lambda unit: work(unit, *args, **kwargs), early=early)

    async def read(self, work: Callable[Concatenate[ReadUnit, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Do work that only reads, and return its result. It keeps no other process from writing (SQLite)."""
        return await self._hand_over(lambda unit: work(unit, *args, **kwargs), durable=False, reads=True)

    async def rehearse(self, work: Callable[Concatenate[Unit, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Do work, return its result, and undo it. Nobody is told of what it announced."""

        def rehearsed(unit: Unit) -> T:
            with undone(unit):
                return work(unit, *args, **kwargs)

        return await self._hand_over(rehearsed, durable=False)

    async def _hand_over(
        self,
        work: Callable[[Unit], T],
        *,
        durable: bool = True,
        reads: bool = False,
        early: Callable[[T], None] | None = None,
    ) -> T:
        if self._thread is None:
            raise StoreError("The database is not open, so nothing can be read or written.")
        loop = asyncio.get_running_loop()
        job = _Job(work, durable, reads or self.reading, early, loop, loop.create_future())
        self._jobs.put(job)
        return cast("T", await job.done)

    def hurry(self) -> None:
        """Say that the process is about to end: what takes longer than CLOSE_SECONDS is interrupted from now on."""
        self._hurried = True

    def holds(self) -> bool:
        """Whether nobody else can own the database by now, so that what was read from it may be acted on."""
        return self.lost is None and self._backend.holds()

    async def rest(self, seconds: float) -> None:
        """Wait after a failure: so long, or where the database is away, until it is there again."""
        if self.holds() or self.lost is not None:
            await asyncio.sleep(seconds)
        while not self.holds() and self.lost is None:  # noqa: ASYNC110 - it becomes so by time alone, too
            await asyncio.sleep(AGAIN_SECONDS)

    async def processes(self) -> tuple[Process, ...]:
        """The processes that use the database, as far as that is known."""
        return await self.read(lambda _: self._backend.processes())

    async def owner(self) -> str:
        """Which process owns the database, as far as that is known; empty for none. For who only reads."""
        return await self.read(lambda _: self._backend.owner())

    async def close(self) -> None:
        """Finish the units handed over and disconnect. What hangs is interrupted after CLOSE_SECONDS."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._jobs.put(None)
        await asyncio.to_thread(thread.join, CLOSE_SECONDS)
        if thread.is_alive():
            log.warning("database_interrupted", database=self._backend.name, reason="the bridge ends")
            self._backend.interrupt()
            await asyncio.to_thread(thread.join, CLOSE_SECONDS)
        if thread.is_alive():
            log.error("database_left", database=self._backend.name, reason=self.trouble or "it does not answer")
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    async def _keep_watch(self) -> None:
        """Break off what takes longer than it may: without this, one lost packet would hang everything for ever."""
        while (patience := self._backend.patience) is not None:
            await asyncio.sleep(_WATCH_SECONDS)
            since, patience = self._at_work_since, min(patience, CLOSE_SECONDS) if self._hurried else patience
            if since is not None and time.monotonic() - since > patience:
                log.error("database_interrupted", database=self._backend.name, reason=self.trouble)
                self._backend.interrupt()

    def _tell(self, outcomes: list[_Outcome]) -> None:
        news = [item for outcome in outcomes for item in outcome.news]
        listeners = self._listeners if news else ()
        for listener in listeners:
            try:
                listener(news)
            except Exception as error:  # noqa: BLE001 - the others, and those who wait, must hear of the commit
                log.error("listener_failed", reason=describe(error), stack=frames(error))  # noqa: TRY400
        for outcome in outcomes:
            _settle(outcome.job.done, outcome.result, outcome.error)

    def _note_loss(self, error: OwnedElsewhereError) -> None:
        if self.lost is None:
            self.lost = error
            log.error("database_lost", database=self._backend.name, reason=str(error))
            if self._on_loss is not None:
                self._on_loss()

    # What follows runs on the store's thread.

    def _serve(self, loop: asyncio.AbstractEventLoop, opened: asyncio.Future[None]) -> None:
        try:
            self._backend.connect()
            if self.reading:
                require_up_to_date(self._backend)
            else:
                migrate(self._backend)
                self._backend.begin_term()
        except Exception as error:  # noqa: BLE001 - handed to whoever opens the store
            self._backend.close()
            loop.call_soon_threadsafe(_settle, opened, None, as_store_error(error, self._backend.name))
            return
        loop.call_soon_threadsafe(_settle, opened, None, None)
        while group := self._next_group(loop):
            self._at_work_since = time.monotonic()
            try:
                outcomes = self._run_group(group)
            except Exception as error:  # noqa: BLE001 - handed to the callers; a log that fails must not end the thread
                outcomes = [_Outcome(job, error=error) for job in group]
            self._at_work_since = None
            for waiting_loop in {job.loop for job in group}:
                # A loop that has ended has nobody left who waits.
                with contextlib.suppress(RuntimeError):
                    waiting_loop.call_soon_threadsafe(
                        self._tell, [outcome for outcome in outcomes if outcome.job.loop is waiting_loop]
                    )
        with contextlib.suppress(Exception):
            # Whatever is wrong with the connection, the process is about to be without it.
            self._backend.close()

    def _next_group(self, loop: asyncio.AbstractEventLoop) -> list[_Job]:
        """Wait for a unit and take those behind it; empty when the store is closed."""
        first = self._next_job(loop)
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

    def _next_job(self, loop: asyncio.AbstractEventLoop) -> _Job | None:
        while True:
            try:
                return self._jobs.get(timeout=self._backend.renews if self.holds() else AGAIN_SECONDS)
            except queue.Empty:
                self._renew(loop)

    def _renew(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let others see that the owner is there, and see whether it still is."""
        if self.lost is not None:
            return
        self._at_work_since = time.monotonic()
        try:
            self._backend.ensure_connected()
        except Exception as error:  # noqa: BLE001 - said by health; whoever has work is told
            self._note_failure(error, loop)
        self._at_work_since = None

    def _note_failure(self, error: Exception, loop: asyncio.AbstractEventLoop) -> Exception:
        reason = self._explain(error)
        self._note_trouble([reason], wrote=False)
        if isinstance(reason, OwnedElsewhereError):
            # A loop that has ended has nobody left who must hear of it.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._note_loss, reason)
        return reason

    def _run_group(self, group: list[_Job]) -> list[_Outcome]:
        outcomes: list[_Outcome] = []
        if self.lost is not None:
            return [_Outcome(job, error=self.lost) for job in group]
        try:
            durable, reads = any(job.durable for job in group), all(job.reads for job in group)
            with self._backend.transaction(durable=durable, reads=reads):
                alone = len(group) == 1
                outcomes = [self._run(group[0])] if alone else [self._run_in_savepoint(job) for job in group]
        except Exception as error:  # noqa: BLE001 - handed to the callers
            reason = self._note_failure(error, group[0].loop)
            return [_Outcome(job, error=reason) for job in group]
        self._note_trouble([outcome.error for outcome in outcomes], wrote=not reads)
        return outcomes

    def _note_trouble(self, errors: Sequence[Exception | None], *, wrote: bool) -> None:
        """On a full disk some units fail and others do not, those that only read among them."""
        if reason := next((str(error) for error in errors if isinstance(error, StoreError)), ""):
            self._failed, self._failed_at = reason, time.monotonic()
        elif wrote and time.monotonic() - self._failed_at >= TROUBLE_SECONDS:
            self._failed = ""

    def _run_in_savepoint(self, job: _Job) -> _Outcome:
        control = Unit(self._backend.database)
        try:
            control.execute("SAVEPOINT unit")
            outcome = self._run(job)
            control.execute("RELEASE SAVEPOINT unit")
        except Exception as error:
            if not self._backend.in_transaction():
                raise
            control.execute("ROLLBACK TO SAVEPOINT unit")
            control.execute("RELEASE SAVEPOINT unit")
            return _Outcome(job, error=self._explain(error))
        return outcome

    def _run(self, job: _Job) -> _Outcome:
        unit = Unit(self._backend.database)
        try:
            result = job.work(unit)
        finally:
            unit.end()
        if job.early is not None:
            job.loop.call_soon_threadsafe(job.early, result)
        return _Outcome(job, result, news=unit.news)

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
