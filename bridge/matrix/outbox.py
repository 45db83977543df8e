"""What the bridge has to say: rows of the outbox, sent in order within each room."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import orjson
import structlog

from bridge import faults
from bridge.failures import backoff, describe
from bridge.matrix.attempts import Attempts
from bridge.matrix.errors import TokenRejectedError
from bridge.matrix.port import PersonRequests
from bridge.metrics import Metrics
from bridge.room_queues import RoomQueues
from bridge.settings import Settings
from bridge.store.engine.store import Store, StoreError
from bridge.store.engine.write_behind import WriteBehind
from bridge.store.queues import outbox as rows
from bridge.store.queues.limits import QUEUE_LIMITS, QueueLimits
from bridge.store.queues.outbox import Said, WaitingMessage, transaction_id

log = structlog.get_logger(__name__)

ROWS_AT_ONCE = 1000
STOP_SECONDS = 10.0


class Outbox:
    """Sends what waits in the outbox, also what a crash left there.

    A message sent but not yet marked is sent again after a crash, with the same txn_id: the homeserver knows it.
    """

    def __init__(
        self,
        store: Store,
        homeserver: PersonRequests,
        settings: Settings,
        metrics: Metrics,
        pause: Callable[[int], float] = backoff,
        limits: QueueLimits = QUEUE_LIMITS,
    ) -> None:
        """`homeserver.concurrency` rooms are sent to at once; `pause` gives the seconds after the n-th attempt."""
        self._store = store
        self._homeserver = homeserver
        self._metrics = metrics
        self._limits = limits
        self._pause = pause
        self._attempts = Attempts(store, "message", limits.max_attempts, rows.record_failure, pause)
        self._lanes: RoomQueues[WaitingMessage] = RoomQueues(self._work, settings.homeserver.concurrency)
        self._woken = asyncio.Event()
        self.caught_up = False
        self._sent = WriteBehind(
            store, "sent messages", lambda unit, txn_ids: rows.mark_sent(unit, txn_ids, _now_ms()), pause
        )
        self._past_the_rows = asyncio.Semaphore(settings.homeserver.concurrency)
        self._loading: asyncio.Task[None] | None = None
        self.stopped_because = ""
        """Why nothing can be sent, for a person; empty while all is well."""
        metrics.outbox_waiting.set_function(lambda: len(self._lanes))

    def __len__(self) -> int:
        """Messages loaded that wait or are being sent."""
        return len(self._lanes)

    async def start(self) -> None:
        """Begin to send, first what was left when the bridge last stopped."""
        self._store.listen(self._hear)
        self._loading = asyncio.create_task(self._load_for_ever())
        self.refresh()

    def refresh(self) -> None:
        """Look for messages that another process queued or let wait again."""
        self.caught_up = False
        self._woken.set()

    def _hear(self, news: Sequence[object]) -> None:
        """Take up what was just committed, unless older messages or too many are still to be loaded."""
        for message in news:
            if not isinstance(message, WaitingMessage):
                continue
            if self.caught_up and len(self._lanes) < ROWS_AT_ONCE:
                self._lanes.add(message)
            else:
                self.refresh()

    async def forget_sent(self) -> int:
        """Forget messages sent more than `keep_days` ago; returns how many. Raises StoreError."""
        before = _now_ms() - self._limits.keep_ms
        return await self._store.run(rows.forget_sent, before)

    async def stop(self) -> None:
        """Let the messages being sent come to an end; the others wait in the database."""
        await self._lanes.stop(STOP_SECONDS)
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)
        await self._sent.stop()

    async def say(self, said: Said) -> bool:
        """Send a message at once, where nothing waits before it in its room; whether the homeserver has it.

        Where it has not, or nobody knows, the message is to be queued: the txn_id is the same.
        """
        if not self.caught_up or self._lanes.busy(said.room_id):
            return False
        txn_id = transaction_id(said.key, said.sender)
        try:
            async with self._past_the_rows:
                await self._homeserver.send(said.room_id, said.sender, said.event_type, said.content, txn_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is recorded where the message fails as a row
            log.info("not_sent_at_once", room_id=said.room_id, error=describe(error))
            return False
        self._count_sent()
        return True

    def _count_sent(self) -> None:
        self.stopped_because = ""
        self._metrics.messages_sent.inc()

    async def _load_for_ever(self) -> None:
        failures = 0
        while True:
            await self._woken.wait()
            try:
                await self._load()
                failures = 0
            except StoreError as error:
                failures += 1
                log.warning("outbox_waits", error=str(error))
                await self._store.rest(self._pause(failures))
                self.refresh()

    async def _load(self) -> None:
        """Take up everything that waits, page by page; what is committed after the last page is heard of."""
        self._woken.clear()
        after = 0
        while True:
            page = await self._store.run_undurable(rows.pending, after, ROWS_AT_ONCE)
            for message in page:
                if message.txn_id not in self._sent:
                    self._lanes.add(message)
            if len(page) < ROWS_AT_ONCE:
                break
            after = page[-1].position
            await self._lanes.below(ROWS_AT_ONCE)
        self.caught_up = not self._woken.is_set()

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
        self._count_sent()
        self._sent.add(message.txn_id)
        return None

    async def _failed(self, message: WaitingMessage, error: Exception) -> float | None:
        if isinstance(error, TokenRejectedError):
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
