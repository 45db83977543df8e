"""From what waits in the store to receivers that have it: in order within a conversation, each webhook for itself."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from bridge import faults
from bridge.clock import DAY_MS, now_ms
from bridge.desk import Desk
from bridge.failures import describe, frames
from bridge.firm.conversation import ADMINS_ID
from bridge.matrix.errors import RequestError
from bridge.metrics import Metrics
from bridge.operations.telling import say_in, tell
from bridge.operations.webhooks.subscribing import Hook, secret_of
from bridge.operations.webhooks.telling import told
from bridge.store.engine.store import StoreError
from bridge.store.engine.unit import Unit
from bridge.store.people.webhooks import webhook
from bridge.store.queues import deliveries as rows
from bridge.store.queues.deliveries import Delivery
from bridge.store.record.happenings import WebhooksWait
from bridge.store.rooms.made import room_of
from bridge.webhooks.sending import Sender
from bridge.webhooks.signing import signed
from bridge.wording.markdown import escape

log = structlog.get_logger(__name__)
AT_ONCE: Final = 4
"""Requests of one webhook under way. Every webhook has its own, so that none waits for another's receiver."""
PATIENCE_MS: Final = 3 * DAY_MS
"""How long the same event is tried again."""
_PAGE: Final = 200
_LOOK_SECONDS: Final = 30.0
_FIRST_SECONDS: Final = 5.0
_LONGEST_SECONDS: Final = 3 * 3600.0
STOP_SECONDS: Final = 5.0


def pause_after(attempts: int) -> float:
    """Seconds after so many attempts that failed: three times as long each time, up to three hours, and each a little
    different, so that what failed together does not come together again."""
    longest = min(_FIRST_SECONDS * 3.0 ** min(attempts - 1, 10), _LONGEST_SECONDS)
    return longest * random.uniform(0.8, 1.0)  # noqa: S311 - no secret


class Deliverer:
    """Tells receivers what waits for them, again after a crash: what one has but is not noted comes twice, under the
    same id."""

    def __init__(self, desk: Desk, metrics: Metrics, pause: Callable[[int], float] = pause_after) -> None:
        """`pause` gives the seconds after the n-th attempt that failed."""
        self._desk = desk
        self._metrics = metrics
        self._pause = pause
        self._woken = asyncio.Event()
        self._under_way: dict[str, tuple[str, asyncio.Task[None]]] = {}
        """By delivery id: of which webhook, and the work."""
        self._task: asyncio.Task[None] | None = None
        self._sender: Sender | None = None
        self.trouble = ""
        """What is wrong, for health; empty where nothing is."""

    def start(self) -> None:
        """Begin to deliver, first what was left when the bridge last stopped."""
        if self._task is not None:
            return
        self._sender = Sender(self._desk.settings.webhooks.allowed_networks)
        self._desk.store.listen(self._hear)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Let the requests under way come to an end; the others wait in the database."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        at_work = [task for _, task in self._under_way.values()]
        if at_work:
            _, late = await asyncio.wait(at_work, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._sender is not None:
            await self._sender.close()

    def _hear(self, news: Sequence[object]) -> None:
        if any(isinstance(one, WebhooksWait) for one in news):
            self._woken.set()

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            seconds = _LOOK_SECONDS
            try:
                await self._begin_all()
                seconds = min(seconds, await self._until_next())
            except StoreError as error:
                log.warning("webhooks_wait", reason=str(error))
            try:
                async with asyncio.timeout(seconds):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _begin_all(self) -> None:
        """Begin with everything that is due, as far as its webhook has room for it."""
        while True:
            at_work = Counter(webhook_id for webhook_id, _ in self._under_way.values())
            full = [one for one, count in at_work.items() if count >= AT_ONCE]
            found = await self._desk.store.read(rows.due, now_ms(), list(self._under_way), full, _PAGE)
            if not found:
                return
            for one in found:
                if at_work[one.webhook_id] < AT_ONCE:
                    at_work[one.webhook_id] += 1
                    self._under_way[one.delivery_id] = one.webhook_id, asyncio.create_task(self._deliver(one))

    async def _until_next(self) -> float:
        """Seconds until something is due; and a look at how it stands."""
        backlogs = await self._desk.store.read(rows.backlogs)
        self._metrics.webhooks_waiting.set(sum(one.waiting for one in backlogs.values()))
        parked = {webhook_id: one.parked for webhook_id, one in backlogs.items() if one.parked}
        self._metrics.webhooks_parked.set(sum(parked.values()))
        self.trouble = (
            f"{sum(parked.values())} events could not be told to a system in three days and were put aside:"
            f" {', '.join(sorted(parked))}. `firm-bridge webhook list` says why, and `firm-bridge webhook replay` tries"
            " them again."
            if parked
            else ""
        )
        due_at = await self._desk.store.read(rows.next_due, now_ms())
        return _LOOK_SECONDS if due_at is None else max(0.0, due_at / 1000 - time.time())

    async def _deliver(self, one: Delivery) -> None:
        try:
            await self._attempt(one)
        except StoreError as error:
            # What became of it could not be noted: it comes again, and not at once.
            log.warning("webhook_failed", webhook=one.webhook_id, error=describe(error))
            await asyncio.sleep(self._pause(1))
        except Exception as error:  # noqa: BLE001 - logged with its cause; one that always fails must not stop the rest
            log.warning("webhook_failed", webhook=one.webhook_id, error=describe(error), stack=frames(error))
            await self._noted_as_failed(one)
        finally:
            del self._under_way[one.delivery_id]
            self._woken.set()

    async def _noted_as_failed(self, one: Delivery) -> None:
        """Note an attempt at which the bridge itself failed, which no later one may wait for without end."""
        try:
            await self._failed(one, None, "Something is wrong in the bridge. Its log says what.")
        except StoreError as error:
            log.warning("webhook_failed", webhook=one.webhook_id, error=describe(error))
            await asyncio.sleep(self._pause(1))

    async def _attempt(self, one: Delivery) -> None:
        store = self._desk.store
        hook = await store.read(webhook, one.webhook_id, now_ms())
        try:
            body = None if hook is None else await told(self._desk, hook, one)
        except RequestError as error:
            log.info("webhook_waits", webhook=one.webhook_id, reason=str(error))
            await self._failed(one, hook, "The homeserver did not say what was said.")
            return
        if hook is None or body is None:
            # Whoever it sees as may not hear of it, and is told no more of it than of what never was.
            await store.run(rows.note_delivered, one, now_ms())
            return
        assert self._sender is not None
        headers = signed(secret_of(self._desk.settings, hook), one.delivery_id, int(time.time()), body)
        faults.point("webhook.sending")
        failure = await self._sender.send(hook.url, headers, body)
        faults.point("webhook.sent")
        if failure:
            await self._failed(one, hook, failure)
            return
        self._metrics.webhooks_delivered.inc()
        await store.run(rows.note_delivered, one, now_ms())
        faults.point("webhook.noted")

    async def _failed(self, one: Delivery, hook: Hook | None, why: str) -> None:
        self._metrics.webhooks_failed.inc()
        now = now_ms()
        last = one.since_ms + PATIENCE_MS
        if now < last:
            due_at = min(now + int(self._pause(one.attempts + 1) * 1000), last)
            await self._desk.store.run(rows.note_not_delivered, one, due_at, why)
            return
        log.warning("webhook_parked", webhook=one.webhook_id, reason=why)
        await self._desk.store.run(self._park, one, hook, why)

    def _park(self, unit: Unit, one: Delivery, hook: Hook | None, why: str) -> None:
        """Put it aside; of the first, whoever the webhook is of is told."""
        if not rows.park(unit, one, why, now_ms()) or hook is None:
            return
        said = (
            f"For three days the system at {escape(hook.host)} could not be told what happened: {why} What it missed"
            f" is put aside. Whoever runs the server tries it again with `firm-bridge webhook replay {hook.id}`."
        )
        if hook.staff_id:
            tell(unit, hook.staff_id, one.delivery_id, said, self._desk.settings.bot_id)
        elif (room_id := room_of(unit, ADMINS_ID)) is not None:
            say_in(unit, room_id, one.delivery_id, said, self._desk.settings.bot_id)
