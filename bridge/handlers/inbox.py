"""What arrives from the homeserver: stored before it is answered, then handled in order within each room."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import orjson
import structlog

from bridge import faults
from bridge.clock import now_ms
from bridge.failures import backoff, describe
from bridge.handlers.at_once import FromMemory
from bridge.matrix.attempts import Attempts
from bridge.metrics import Metrics
from bridge.own_before import LOOK_AGAIN_SECONDS, OwnBefore, TooEarlyError
from bridge.room_queues import RoomQueues
from bridge.store.engine.batching import Batches
from bridge.store.engine.store import Store, StoreError
from bridge.store.engine.unit import Unit, later
from bridge.store.engine.write_behind import WriteBehind
from bridge.store.queues import inbox as rows
from bridge.store.queues.histories import read_again
from bridge.store.queues.inbox import WaitingEvent
from bridge.store.queues.limits import QUEUE_LIMITS, QueueLimits
from bridge.store.queues.outbox import Said
from bridge.store.record.homeserver_time import homeserver_ms
from bridge.store.rooms.conversations import are_in

log = structlog.get_logger(__name__)

T = TypeVar("T")
Json = dict[str, Any]
Effect = Callable[[Unit], None]
Handle = Callable[[Json], Awaitable[Effect | None]]
Say = Callable[[Said], Awaitable[bool]]

ROOMS_AT_ONCE = 64
STOP_SECONDS = 10.0


class Inbox:
    """Takes events in, has them handled, and does not forget one in between.

    `handle` is given an event and returns what it caused as an effect: a unit of writes, such as messages queued in
    the outbox, that is stored in the same unit that marks the event handled. After a crash an event may be handled
    again, so what `handle` does beyond the effect must bear being done twice.

    `at_once` is asked before an event is stored whether it can be answered from memory. Its answer is then sent with
    `say` as soon as the event is stored, and the event marked a moment later: after a crash in between it is handled,
    and the answer's txn_id is the same. Where the answer cannot be sent the event is handled too.
    """

    def __init__(
        self,
        store: Store,
        handle: Handle,
        metrics: Metrics,
        pause: Callable[[int], float] = backoff,
        *,
        limits: QueueLimits = QUEUE_LIMITS,
        at_once: Callable[[Json], FromMemory | None] = lambda event: None,
        say: Say | None = None,
        own_before: OwnBefore | None = None,
    ) -> None:
        """`pause` gives the seconds to wait after the n-th attempt; `at_once` needs `say`. `own_before` is told
        what arrived and what was tried."""
        self._store = store
        self.handle = handle
        self._limits = limits
        self._metrics = metrics
        self._attempts = Attempts(store, "event", limits.max_attempts, rows.record_failure, pause)
        # Not durable: after a loss of power it is handled again, and its messages have the same txn_ids.
        self._finish = Batches(store, _finish, durable=False)
        self._answered = WriteBehind(store, "answered events", rows.mark_handled, pause)
        self._at_once = at_once
        self._say = say
        self._own_before = OwnBefore() if own_before is None else own_before
        self._answers: dict[str, FromMemory] = {}
        self._lanes: RoomQueues[WaitingEvent] = RoomQueues(self._work, ROOMS_AT_ONCE)
        self._caught_up = False
        self._held = False
        metrics.inbox_waiting.set_function(lambda: len(self._lanes))

    def __len__(self) -> int:
        """Events that wait or are being handled."""
        return len(self._lanes)

    def hold(self) -> None:
        """Let what is accepted wait in the database until `start`."""
        self._held = True

    async def start(self) -> None:
        """Take up what was left when the bridge last stopped, and what was held. Raises StoreError."""
        await self._store.run_early(self._begin, rows.waiting)
        self._caught_up = True

    async def refresh(self) -> None:
        """Look for events that another process let wait again. Raises StoreError."""
        await self._store.run_early(self.take_up, rows.waiting)

    async def forget_handled(self) -> int:
        """Forget events handled more than `keep_days` ago; returns how many. Raises StoreError."""
        before = now_ms() - self._limits.keep_ms
        return await self._store.run(rows.forget_handled, before)

    async def stop(self) -> None:
        """Let the events being handled come to an end; the others wait in the database."""
        await self._lanes.stop(STOP_SECONDS)
        await self._finish.stop(STOP_SECONDS)
        await self._answered.stop()

    def has_room_for(self, count: int) -> bool:
        """Whether `count` more events fit under the bound."""
        return len(self._lanes) < self._limit(count)

    async def room_for(self, count: int) -> None:
        """Wait until `count` more events fit under the bound."""
        await self._lanes.below(self._limit(count))

    def _limit(self, count: int) -> int:
        return max(1, self._limits.max_waiting - count + 1)

    async def accept(self, events: Sequence[Json], news: Effect | None = None) -> int:
        """Store events and have them handled; returns how many were new. They are safe on disk when it returns.

        `news` is a unit of writes that goes with them; alone it survives a crash of the bridge, but maybe not a loss of
        power.

        Events are known again for `keep_days`; older ones are left out, since nobody can tell whether they were
        handled before (the whole history comes again when the service is registered anew). The files among them are
        found in their rooms' histories (V3). What cannot be stored is left out by itself, since the homeserver would
        send its transaction for ever. Raises StoreError.
        """
        oldest = self._oldest()
        recent = [event for event in events if event["origin_server_ts"] >= oldest]
        if len(recent) < len(events):
            self._metrics.events_late.inc(len(events) - len(recent))
            log.info("events_too_old", count=len(events) - len(recent))
            late = [event for event in events if event["origin_server_ts"] < oldest]
            news = later(_and_read_again, _since(late), news)
        if not recent:
            if news is not None:
                await self._store.run_undurable(news)
            return 0
        written = ((event["event_id"], event["room_id"], _as_json(event)) for event in recent)
        given = [(event_id, room_id, body) for event_id, room_id, body in written if body is not None]
        answers = self._from_memory(recent)
        # Handling begins while the commit waits for the disk. Should it fail, the homeserver sends the events again,
        # and what was handled has no row to be marked, so its effect is left out.
        senders = {event["event_id"]: event["sender"] for event in recent}
        take_up = partial(self._take_up_new, senders)
        fresh, _ = await self._store.run_early(take_up, _accept, given, answers, news)
        faults.point("inbox.accepted")
        self._metrics.events_stored.inc(len(fresh))
        self._metrics.events_duplicate.inc(len(given) - len(fresh))
        return len(fresh)

    async def accept_until(self, end: float, events: Sequence[Json], news: Effect | None) -> None:
        """The same; where the database is away it is waited for until this time of the loop. Raises StoreError."""
        try:
            await self.accept(events, news)
        except StoreError:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(end):
                    await self._store.rest(0.0)
            await self.accept(events, news)

    def _from_memory(self, events: Sequence[Json]) -> dict[str, FromMemory]:
        """By event id, how those are answered that can be answered from memory."""
        answers: dict[str, FromMemory] = {}
        if not self._caught_up:
            return answers
        for event in events:
            answer = _unless_it_fails(partial(self._at_once, event), event["event_id"])
            if answer is not None:
                answers[event["event_id"]] = answer
        return answers

    def _begin(self, waiting: Sequence[WaitingEvent]) -> None:
        # Not a moment earlier: what was accepted before these were looked up is among them, in its place.
        self._held = False
        self.take_up(waiting)

    def take_up(self, events: Sequence[WaitingEvent]) -> None:
        """Have these handled in their turn, but for those that were answered already."""
        if self._held:
            return
        for event in events:
            if event.event_id not in self._answered:
                self._lanes.add(event)

    def _take_up_new(
        self, senders: Mapping[str, str], taken: tuple[Sequence[WaitingEvent], Mapping[str, FromMemory]]
    ) -> None:
        events, answers = taken
        if self._held:
            return
        for event in events:
            # What waits before it may change what the answer has to be.
            if event.event_id in answers and not self._lanes.busy(event.room_id):
                self._answers[event.event_id] = answers[event.event_id]
            self._own_before.arrived(event.event_id, senders[event.event_id])
            self._lanes.add(event)

    def _oldest(self) -> int:
        # By the clock that the events are stamped with: the bridge's own may be far ahead.
        return homeserver_ms() - self._limits.keep_ms

    async def _work(self, event: WaitingEvent) -> float | None:
        try:
            pause = await self._try(event)
        except TooEarlyError:
            # The room waits and not the worker, which what it waits for may need.
            return LOOK_AGAIN_SECONDS
        self._own_before.tried(event.event_id)
        return pause

    async def _try(self, event: WaitingEvent) -> float | None:
        answer = self._answers.pop(event.event_id, None)
        if answer is not None and await self._answer(event, answer):
            return None
        try:
            effect = await self.handle(orjson.loads(event.body))
            await self._finish.run((event.event_id, effect))
        except (asyncio.CancelledError, TooEarlyError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is recorded with its cause
            return await self._failed(event, error)
        faults.point("inbox.handled")
        self._count_handled(event)
        return None

    async def _answer(self, event: WaitingEvent, answer: FromMemory) -> bool:
        """Send an answer from memory; whether the homeserver has it."""
        said = _unless_it_fails(answer.message, event.event_id)
        if said is None or self._say is None:
            return False
        faults.point("inbox.answering")
        if not await self._say(said):
            return False
        faults.point("inbox.answered")
        self._answered.add(event.event_id)
        self._count_handled(event)
        return True

    def _count_handled(self, event: WaitingEvent) -> None:
        self._metrics.events_handled.inc()
        self._metrics.event_seconds.observe(max(0.0, time.time() - event.received_at / 1000))

    async def _failed(self, event: WaitingEvent, error: Exception) -> float | None:
        before = event.attempts
        pause = await self._attempts.failed(event, error)
        self._metrics.events_failed.inc(event.attempts - before)
        if pause is None:
            self._metrics.events_dead.inc()
        return pause


def _accept(
    unit: Unit, given: Sequence[tuple[str, str, bytes]], answers: Mapping[str, FromMemory], news: Effect | None
) -> tuple[list[WaitingEvent], Mapping[str, FromMemory]]:
    """The events that are new, and the answers that may be given."""
    if news is not None:
        news(unit)
    fresh = rows.accept(unit, given, now_ms())
    asking = {(answer.conversation_id, answer.staff_id) for answer in answers.values()}
    return fresh, answers if are_in(unit, asking) else {}


def _since(late: Sequence[Json]) -> dict[str, int]:
    """When the first of these events was sent, by room, in milliseconds."""
    since: dict[str, int] = {}
    for event in late:
        at_ms = int(event["origin_server_ts"])
        since[event["room_id"]] = min(since.get(event["room_id"], at_ms), at_ms)
    return since


def _and_read_again(unit: Unit, since: Mapping[str, int], news: Effect | None) -> None:
    for room_id, at_ms in since.items():
        read_again(unit, room_id, at_ms)
    if news is not None:
        news(unit)


def _unless_it_fails(step: Callable[[], T | None], event_id: str) -> T | None:
    """What a step towards an answer from memory gives. Where it fails the event is handled, where failures count."""
    try:
        return step()
    except Exception as error:  # noqa: BLE001 - see above
        log.warning("not_answered_at_once", event_id=event_id, error=describe(error))
        return None


def _finish(unit: Unit, handled: Sequence[tuple[str, Effect | None]]) -> None:
    marked = rows.mark_handled(unit, [event_id for event_id, _ in handled])
    for event_id, effect in handled:
        if event_id in marked and effect is not None:
            effect(unit)


def _as_json(event: Json) -> bytes | None:
    """The event as it is stored; None where it cannot be, being nested too deeply. Synapse refuses such events."""
    try:
        return orjson.dumps(event)
    except orjson.JSONEncodeError as error:
        log.error("event_left_out", event_id=event["event_id"], error=describe(error))  # noqa: TRY400
        return None
