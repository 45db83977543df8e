"""What systems are to be told of, queued in the unit that changes something (A3). Times are milliseconds.

A row for each webhook that asks for such events. It has ids alone, never what anybody wrote; who may be told is asked
when it is delivered.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from bridge import faults
from bridge.clock import now_ms
from bridge.firm.webhooks import EventType
from bridge.store.engine.unit import ReadUnit, Unit

_HOOKS = "SELECT id, events FROM webhook WHERE ended_at IS NULL AND behind IS NULL"
_WAITS = "SELECT 1 FROM webhook_delivery WHERE webhook_id = ? AND lane = ? AND status = 'waiting' LIMIT 1"
_INSERT = """
    INSERT INTO webhook_delivery
    (delivery_id, webhook_id, lane, type, subject, person, actor, room_id, event_id, at_ms, since_ms, due_at, attempts,
    status, error)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 'waiting', '') ON CONFLICT (delivery_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class WebhooksWait:
    """News for those who listen to the store: something waits to be delivered."""


@dataclass(frozen=True, slots=True)
class ToTell:
    """What happened, by ids."""

    type: EventType
    subject: str
    """A conversation, matter, wall, or the fingerprint of a change of the directory; empty for people."""
    person: str = ""
    """Whom it concerns, or who did it where it is about a message. A staff id."""
    actor: str = ""
    """Who did it. A staff id, or nothing that one knows."""
    room_id: str = ""
    event_id: str = ""
    """Of a message, which is told once however often it comes."""
    at_ms: int = 0
    """0 for now."""

    @property
    def lane(self) -> str:
        """What is told of in order: all of one conversation, and of one family of events elsewhere."""
        return self.subject or self.type.partition(".")[0]


def happened(unit: Unit, what: Iterable[ToTell]) -> None:
    """Queue what happened for the webhooks that ask for it. Announces WebhooksWait."""
    told = list(what)
    hooks = unit.rows(_HOOKS) if told else ()
    for webhook_id, events in hooks:
        wanted = set(events.split())
        for one in told:
            if one.type.value in wanted:
                queue(unit, webhook_id, one)
    if hooks:
        faults.point("webhook.queued")
        unit.announce(WebhooksWait())


def asked_for(unit: ReadUnit, kind: EventType) -> bool:
    """Whether any webhook asks for such events."""
    return any(kind.value in events.split() for _, events in unit.rows(_HOOKS))


def queue(unit: Unit, webhook_id: str, one: ToTell) -> None:
    """Queue what happened for one webhook."""
    now = now_ms()
    # One of a lane is due at a time, so that what is due is found without a look at what waits behind it.
    waits = unit.row(_WAITS, webhook_id, one.lane) is not None
    unit.execute(
        _INSERT,
        _delivery_id(webhook_id, one),
        webhook_id,
        one.lane,
        one.type.value,
        one.subject,
        one.person,
        one.actor,
        one.room_id,
        one.event_id,
        one.at_ms or now,
        now,
        None if waits else now,
    )


def _delivery_id(webhook_id: str, one: ToTell) -> str:
    """Of a message always the same, since the homeserver may tell of it twice. It counts nothing."""
    if one.type is not EventType.MESSAGE_SENT:
        return f"msg_{secrets.token_hex(16)}"
    known_by = f"{webhook_id}\n{one.event_id}".encode("utf-8", "surrogatepass")
    return f"msg_{hashlib.sha256(known_by).hexdigest()[:32]}"
