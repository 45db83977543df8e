"""What the bridge has to say: rows of the outbox, sent in order within each room."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

import orjson
import structlog

from bridge import faults
from bridge.failures import backoff
from bridge.lanes import Lanes
from bridge.matrix.attempts import Attempts
from bridge.matrix.errors import TokenRejected
from bridge.matrix.port import Homeserver
from bridge.metrics import Metrics
from bridge.settings import Settings
from bridge.store import outbox as rows
from bridge.store.outbox import WaitingMessage
from bridge.store.store import Store, StoreError

log = structlog.get_logger(__name__)

ROWS_AT_ONCE = 1000
STOP_SECONDS = 10.0
DAY_MS = 86_400_000


class Outbox:
    """Sends what waits in the outbox, also what a crash left there.

    A message sent but not yet marked is sent again after a crash, with the same txn_id: the homeserver knows it.
    """

    def __init__(
        self,
        store: Store,
        homeserver: Homeserver,
        settings: Settings,
        metrics: Metrics,
        pause: Callable[[int], float] = backoff,
    ) -> None:
        """`homeserver.concurrency` rooms are sent to at once; `pause` gives the seconds after the n-th attempt."""
        self._store = store
        self._homeserver = homeserver
        self._metrics = metrics
        self._keep_ms = settings.inbox.keep_days * DAY_MS
        self._pause = pause
        self._attempts = Attempts(store, "message", settings.inbox.max_attempts, rows.record_failure, pause)
        self._lanes: Lanes[WaitingMessage] = Lanes(self._work, settings.homeserver.concurrency)
        self._woken = asyncio.Event()
        self._loaded_up_to = 0
        self._sent: list[int] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._any_sent = asyncio.Event()
        self.stopped_because = ""
        """Why nothing can be sent, for a person; empty while all is well."""
        metrics.outbox_waiting.set_function(lambda: len(self._lanes))

    def __len__(self) -> int:
        """Messages loaded that wait or are being sent."""
        return len(self._lanes)

    async def start(self) -> None:
        """Begin to send, first what was left when the bridge last stopped."""
        self._tasks = [asyncio.create_task(self._load_for_ever()), asyncio.create_task(self._mark_for_ever())]
        self.wake()

    def wake(self) -> None:
        """Say that messages were queued and committed."""
        self._woken.set()

    def refresh(self) -> None:
        """Look again for messages that another process queued or let wait again."""
        self._loaded_up_to = 0
        self.wake()

    async def forget_sent(self) -> int:
        """Forget messages sent more than `inbox.keep_days` ago; returns how many. Raises StoreError."""
        before = _now_ms() - self._keep_ms
        return await self._store.run(lambda: rows.forget_sent(before))

    async def stop(self) -> None:
        """Let the messages being sent come to an end; the others wait in the database."""
        await self._lanes.stop(STOP_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # What cannot be marked is sent again at the next start, with the same txn_id.
        with contextlib.suppress(StoreError):
            await self._mark()

    async def _load_for_ever(self) -> None:
        failures = 0
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self._load()
                failures = 0
            except StoreError as error:
                failures += 1
                log.warning("outbox_waits", error=str(error))
                await asyncio.sleep(self._pause(failures))
                self.wake()

    async def _load(self) -> None:
        while True:
            after = self._loaded_up_to
            messages = await self._store.run(lambda: rows.pending(after, ROWS_AT_ONCE), durable=False)  # noqa: B023
            if after != self._loaded_up_to:
                continue
            unmarked = set(self._sent)
            for message in messages:
                if message.position not in unmarked:
                    self._lanes.add(message)
                self._loaded_up_to = message.position
            if len(messages) < ROWS_AT_ONCE:
                return
            await self._lanes.below(ROWS_AT_ONCE)

    async def _work(self, message: WaitingMessage) -> float | None:
        faults.point("outbox.sending")
        try:
            await self._homeserver.send(
                message.room_id, message.sender, message.event_type, orjson.loads(message.content), message.txn_id
            )
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever goes wrong is recorded with its cause
            return await self._failed(message, error)
        faults.point("outbox.sent")
        self.stopped_because = ""
        self._metrics.messages_sent.inc()
        self._sent.append(message.position)
        self._any_sent.set()
        return None

    async def _mark_for_ever(self) -> None:
        failures = 0
        while True:
            await self._any_sent.wait()
            self._any_sent.clear()
            try:
                await self._mark()
                failures = 0
            except StoreError as error:
                failures += 1
                log.warning("sent_messages_unmarked", count=len(self._sent), error=str(error))
                await asyncio.sleep(self._pause(failures))
                self._any_sent.set()

    async def _mark(self) -> None:
        """Mark in one go what was sent meanwhile. Not durable: after a loss of power it is sent again and known."""
        while self._sent:
            some = self._sent[:ROWS_AT_ONCE]
            now = _now_ms()
            await self._store.run(lambda: rows.mark_sent(some, now), durable=False)  # noqa: B023
            del self._sent[: len(some)]

    async def _failed(self, message: WaitingMessage, error: Exception) -> float | None:
        if isinstance(error, TokenRejected):
            self.stopped_because = (
                "Nothing can be sent, because the homeserver does not accept the bridge's token. Compare"
                " appservice.as_token with the as_token in the homeserver's registration file."
            )
        before = message.attempts
        pause = await self._attempts.failed(message, error)
        self._metrics.messages_failed.inc(message.attempts - before)
        if pause is None:
            self._metrics.messages_dead.inc()
        return pause


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
