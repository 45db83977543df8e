"""From what waits in the store to receivers that have it: in order within a conversation, each webhook for itself."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
from bridge.store.queues.deliveries import Backlog, Delivery
from bridge.store.queues.falling_behind import fall_behind, fallen_behind, go_on, is_too_much, may_go_on
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
            seconds, looked_at = _LOOK_SECONDS, now_ms()
            try:
                await self._begin_all()
                seconds = min(seconds, await self._until_next(looked_at))
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

    async def _until_next(self, looked_at: int) -> float:
        """Seconds until something is due that was not when it was looked at; and a look at how it stands."""
        backlogs = await self._desk.store.read(rows.backlogs)
        self._metrics.webhooks_waiting.set(sum(one.waiting for one in backlogs.values()))
        parked = {webhook_id: one.parked for webhook_id, one in backlogs.items() if one.parked}
        self._metrics.webhooks_parked.set(sum(parked.values()))
        parked_said = (
            f"{sum(parked.values())} events could not be told to a system in three days and were put aside:"
            f" {', '.join(sorted(parked))}. `firm-bridge webhook list` says why, and `firm-bridge webhook replay` tries"
            " them again."
            if parked
            else ""
        )
        behind = await self._bound(backlogs)
        behind_said = (
            f"So much waits for {', '.join(sorted(behind))} that nothing more is noted for it until it has that."
            if behind
            else ""
        )
        self.trouble = " ".join(filter(None, (parked_said, behind_said)))
        due_at = await self._desk.store.read(rows.next_due, looked_at)
        return _LOOK_SECONDS if due_at is None else max(0.0, due_at / 1000 - time.time())

    async def _bound(self, backlogs: Mapping[str, Backlog]) -> list[str]:
        """Queue nothing more for webhooks for which too much waits, and let those go on that have what waited. Which
        have fallen behind."""
        store = self._desk.store
        for webhook_id in [one for one, waits in backlogs.items() if is_too_much(waits)]:
            await store.run(self._fall_behind, webhook_id)
        behind = await store.read(fallen_behind)
        for webhook_id in behind:
            if may_go_on(backlogs.get(webhook_id, Backlog())):
                await store.run(go_on, webhook_id, now_ms())
                self._woken.set()
        return behind

    def _fall_behind(self, unit: Unit, webhook_id: str) -> None:
        """Queue nothing more, and tell whoever the webhook is of, and the firm admins."""
        now, hook = now_ms(), webhook(unit, webhook_id, now_ms())
        if hook is None or not fall_behind(unit, webhook_id, now):
            return
        log.warning("webhook_fell_behind", webhook=webhook_id)
        said = (
            f"So much waits to be told to the system at {escape(hook.host)} that I note nothing more for it. Once it"
            " has what waits, I go on with what the audit log has from here on. Of messages, files, pins and changes of"
            " the directory it misses this time, and must ask for what it needs. `firm-bridge webhook list` says how"
            f" it stands with {hook.id}."
        )
        self._say(unit, hook, f"{hook.id}/behind/{now}", said, admins=True)

    def _say(self, unit: Unit, hook: Hook, key: str, said: str, *, admins: bool = False) -> None:
        """Tell whoever a webhook is of; the firm admins of one of the firm, and where it is for them too."""
        bot_id, room_id = self._desk.settings.bot_id, room_of(unit, ADMINS_ID)
        if hook.staff_id:
            tell(unit, hook.staff_id, key, said, bot_id)
        if room_id is not None and (admins or not hook.staff_id):
            say_in(unit, room_id, key, said, bot_id)

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
        if failure is not None:
            await self._failed(one, hook, failure.why, failure.asked)
            return
        self._metrics.webhooks_delivered.inc()
        await store.run(rows.note_delivered, one, now_ms())
        faults.point("webhook.noted")

    async def _failed(self, one: Delivery, hook: Hook | None, why: str, asked: float = 0.0) -> None:
        """Note that it is tried again: after a pause, and no sooner than the receiver `asked`, but for the longest of
        pauses."""
        self._metrics.webhooks_failed.inc()
        now = now_ms()
        last = one.since_ms + PATIENCE_MS
        if now < last:
            seconds = max(self._pause(one.attempts + 1), min(asked, _LONGEST_SECONDS))
            due_at = min(now + int(seconds * 1000), last)
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
        self._say(unit, hook, one.delivery_id, said)
