"""What waits to be told by webhooks (A3). Times are milliseconds.

Of each lane of a webhook the first that waits is due at some time; the others come behind it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import WebhookDelivery
from bridge.store.record.happenings import WebhooksWait

_NEXT = """
    UPDATE webhook_delivery SET due_at = ? WHERE position = (
        SELECT position FROM webhook_delivery WHERE webhook_id = ? AND lane = ? AND status = 'waiting'
        ORDER BY position LIMIT 1
    ) AND due_at IS NULL
"""
_ERROR_MOST = 300


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something that a webhook is to be told of."""

    delivery_id: str
    webhook_id: str
    lane: str
    type: str
    subject: str
    person: str
    actor: str
    room_id: str
    event_id: str
    at_ms: int
    since_ms: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """How it stands with what a webhook is to be told."""

    waiting: int = 0
    parked: int = 0
    error: str = ""
    """Of the last attempt at what waits longest."""


def due(unit: ReadUnit, now: int, busy: Collection[str], full: Collection[str], limit: int) -> list[Delivery]:
    """What is due, the longest due first, but what is `busy` (delivery ids) and what is of webhooks that are `full`."""
    row = WebhookDelivery
    query = row.select().where(row.status == "waiting", row.due_at <= now)
    if full:
        query = query.where(row.webhook_id.not_in(list(full)))
    if busy:
        query = query.where(row.delivery_id.not_in(list(busy)))
    return [_delivery(one) for one in unit.all(query.order_by(row.due_at, row.position).limit(limit))]


def next_due(unit: ReadUnit, after: int) -> int | None:
    """When something is due next, after that moment."""
    (found,) = unit.row("SELECT MIN(due_at) FROM webhook_delivery WHERE status = 'waiting' AND due_at > ?", after)
    return None if found is None else int(found)


def note_delivered(unit: Unit, one: Delivery, now: int) -> None:
    """Forget what the receiver has, or must not hear of, and let the next of its lane come."""
    unit.run(WebhookDelivery.delete().where(WebhookDelivery.delivery_id == one.delivery_id))
    unit.execute(_NEXT, now, one.webhook_id, one.lane)


def note_not_delivered(unit: Unit, one: Delivery, due_at: int, error: str) -> None:
    """Note an attempt that failed, and when the next is due."""
    row = WebhookDelivery
    unit.run(
        row.update(attempts=row.attempts + 1, due_at=due_at, error=error[:_ERROR_MOST]).where(
            row.delivery_id == one.delivery_id, row.status == "waiting"
        )
    )


def park(unit: Unit, one: Delivery, error: str, now: int) -> bool:
    """Put it aside, and let the next of its lane come. Whether it is the only one of its webhook put aside."""
    row = WebhookDelivery
    parked = row.webhook_id == one.webhook_id, row.status == "parked"
    first = not unit.exists(row.select().where(*parked))
    changed = unit.run(
        row.update(attempts=row.attempts + 1, due_at=None, status="parked", error=error[:_ERROR_MOST]).where(
            row.delivery_id == one.delivery_id, row.status == "waiting"
        )
    )
    unit.execute(_NEXT, now, one.webhook_id, one.lane)
    return first and bool(changed)


def replay(unit: Unit, webhook_id: str, now: int) -> int:
    """Let what was put aside wait again, in its order; how much that is. Announces WebhooksWait."""
    row = WebhookDelivery
    of_webhook = row.webhook_id == webhook_id, row.status == "parked"
    lanes = {lane for (lane,) in unit.tuples(row.select(row.lane).where(*of_webhook).distinct())}
    count = unit.run(row.update(status="waiting", attempts=0, since_ms=now, error="").where(*of_webhook))
    for lane in lanes:
        waiting = row.webhook_id == webhook_id, row.lane == lane, row.status == "waiting"
        if not unit.exists(row.select().where(*waiting, row.due_at.is_null(False))):
            unit.execute(_NEXT, now, webhook_id, lane)
    unit.announce(WebhooksWait())
    return count


def hurry(unit: Unit, webhook_id: str, now: int) -> None:
    """Have what waits for another attempt tried now. Announces WebhooksWait."""
    row = WebhookDelivery
    unit.run(row.update(due_at=now).where(row.webhook_id == webhook_id, row.due_at > now))
    unit.announce(WebhooksWait())


def backlogs(unit: ReadUnit) -> dict[str, Backlog]:
    """How it stands with each webhook that anything waits for, by id."""
    found: dict[str, Backlog] = {}
    counted = "SELECT webhook_id, status, COUNT(*) FROM webhook_delivery GROUP BY webhook_id, status"
    numbers = {(webhook_id, status): int(count) for webhook_id, status, count in unit.rows(counted)}
    for webhook_id in {one for one, _ in numbers}:
        error = unit.row(
            "SELECT error FROM webhook_delivery WHERE webhook_id = ? AND error <> '' ORDER BY position LIMIT 1",
            webhook_id,
        )
        found[webhook_id] = Backlog(
            numbers.get((webhook_id, "waiting"), 0),
            numbers.get((webhook_id, "parked"), 0),
            "" if error is None else str(error[0]),
        )
    return found


def forget_parked(unit: Unit, before_ms: int) -> int:
    """Forget what was put aside of before then, and return how much."""
    row = WebhookDelivery
    return unit.run(row.delete().where(row.status == "parked", row.since_ms < before_ms))


def _delivery(row: Any) -> Delivery:
    return Delivery(
        row.delivery_id,
        row.webhook_id,
        row.lane,
        row.type,
        row.subject,
        row.person,
        row.actor,
        row.room_id,
        row.event_id,
        row.at_ms,
        row.since_ms,
        row.attempts,
    )
