"""The inbox's rows. Times are milliseconds since the epoch."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import orjson

from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import InboxEvent
from bridge.store.queues.histories import read_again

BODY_AFTERWARDS = b""

_ROW = "(?, ?, ?, ?, 0, 'waiting', '')"
_KNOWN = "SELECT event_id FROM inbox_event WHERE event_id IN ({rows})"
_INSERT = "INSERT INTO inbox_event (event_id, room_id, body, received_at, attempts, status, error) VALUES {rows}"
_DEAD = "SELECT room_id, body FROM inbox_event WHERE event_id = ? AND status = 'dead'"
_MARK_HANDLED = """
    UPDATE inbox_event SET status = 'handled', body = ?, error = ''
    WHERE event_id IN ({event_ids}) AND status = 'waiting' RETURNING event_id
"""


@dataclass(slots=True)
class WaitingEvent:
    """An event that waits to be handled."""

    event_id: str
    room_id: str
    body: bytes
    """The event as JSON."""
    received_at: int
    attempts: int = 0
    """How often handling failed for good reason."""
    pauses: int = 0
    """How often it was put off because the homeserver or the database was away. Not stored."""

    @property
    def key(self) -> str:
        """What it is known by."""
        return self.event_id


@dataclass(frozen=True, slots=True)
class DeadEvent:
    """An event that failed for the last time."""

    position: int
    event_id: str
    room_id: str
    received_at: int
    attempts: int
    error: str


def accept(unit: Unit, events: Iterable[tuple[str, str, bytes]], received_at: int) -> list[WaitingEvent]:
    """Store events, given as event id, room id and JSON, and return in order those that were not known before."""
    given: dict[str, tuple[str, str, bytes]] = {}
    for event in events:
        given.setdefault(event[0], event)
    # Asked first, since an INSERT that returns what it stored takes as many steps as there are events.
    for (event_id,) in unit.rows_for(_KNOWN, "?", [(event_id,) for event_id in given]):
        del given[event_id]
    unit.execute_rows(_INSERT, _ROW, [(*event, received_at) for event in given.values()])
    return [WaitingEvent(*event, received_at) for event in given.values()]


def waiting(unit: ReadUnit) -> list[WaitingEvent]:
    """All events that wait, in order of arrival."""
    rows = unit.tuples(
        InboxEvent.select(
            InboxEvent.event_id,
            InboxEvent.room_id,
            InboxEvent.body,
            InboxEvent.received_at,
            InboxEvent.attempts,
        )
        .where(InboxEvent.status == "waiting")
        .order_by(InboxEvent.position)
    )
    return [
        WaitingEvent(event_id, room_id, bytes(body), received_at, attempts)
        for event_id, room_id, body, received_at, attempts in rows
    ]


def mark_handled(unit: Unit, event_ids: Sequence[str]) -> set[str]:
    """Note that events were handled and forget their bodies. Those that did not wait any more are not in the answer."""
    statement = _MARK_HANDLED.format(event_ids=", ".join("?" * len(event_ids)))
    return {event_id for (event_id,) in unit.execute(statement, BODY_AFTERWARDS, *event_ids).fetchall()}


def record_failure(unit: Unit, event_id: str, error: str, dead: bool) -> None:
    """Count a failed attempt; `dead` makes the event a dead letter, which keeps its body for another try.

    What a dead letter says of a file is looked for in its room's history.
    """
    unit.run(
        InboxEvent.update(
            attempts=InboxEvent.attempts + 1, error=error, status="dead" if dead else InboxEvent.status
        ).where(InboxEvent.event_id == event_id, InboxEvent.status == "waiting")
    )
    found = unit.row(_DEAD, event_id) if dead else None
    if found is not None:
        room_id, body = found
        read_again(unit, room_id, int(orjson.loads(bytes(body)).get("origin_server_ts", 0)))


def dead_letters(unit: ReadUnit) -> list[DeadEvent]:
    """All dead letters, oldest first."""
    rows = InboxEvent.select().where(InboxEvent.status == "dead").order_by(InboxEvent.position)
    return [
        DeadEvent(row.position, row.event_id, row.room_id, row.received_at, row.attempts, row.error)
        for row in unit.all(rows)
    ]


def replay(unit: Unit, positions: Collection[int] | None = None) -> int:
    """Let dead letters wait again, all or the given ones, and return how many. The bridge's next look finds them."""
    query = InboxEvent.update(status="waiting", attempts=0, error="").where(InboxEvent.status == "dead")
    if positions is not None:
        query = query.where(InboxEvent.position.in_(list(positions)))
    return unit.run(query)


def forget_handled(unit: Unit, before_ms: int) -> int:
    """Forget events handled that arrived before then, and return how many. Dead letters stay."""
    return unit.run(InboxEvent.delete().where(InboxEvent.status == "handled", InboxEvent.received_at < before_ms))
