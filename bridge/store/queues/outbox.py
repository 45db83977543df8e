"""The outbox's rows. Times are milliseconds since the epoch."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import orjson

from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import OutboxMessage
from bridge.store.queues import inbox

CONTENT_AFTERWARDS = b""

_INSERT = """
    INSERT INTO outbox_message (txn_id, room_id, sender, event_type, content, attempts, status, error)
    VALUES (?, ?, ?, ?, ?, 0, 'waiting', '') ON CONFLICT (txn_id) DO NOTHING RETURNING position
"""
_MARK_SENT = """
    UPDATE outbox_message SET status = 'sent', content = ?, error = '', sent_at = ? WHERE txn_id IN ({txn_ids})
"""


@dataclass(slots=True)
class WaitingMessage:
    """A message that waits to be sent."""

    position: int
    txn_id: str
    room_id: str
    sender: str
    event_type: str
    content: bytes
    """JSON."""
    attempts: int = 0
    """How often sending failed for good reason."""
    pauses: int = 0
    """How often it was put off because the homeserver was away. Not stored."""

    @property
    def key(self) -> str:
        """What it is known by."""
        return self.txn_id


@dataclass(frozen=True, slots=True)
class Said:
    """A message that may be sent without having been queued, since what it answers is stored."""

    key: str
    """As for `enqueue`."""
    room_id: str
    sender: str
    event_type: str
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeadMessage:
    """A message that failed for the last time."""

    position: int
    room_id: str
    sender: str
    event_type: str
    attempts: int
    error: str


def transaction_id(key: str, sender: str) -> str:
    """The txn_id of a message: the same for the same key and sender, and different for two senders.

    Synapse knows a repeated request by path, service and txn_id only, so two people's messages with the same txn_id
    in one room would become one (findings/one-id-two-senders.sh).
    """
    return hashlib.blake2b(f"{sender}\n{key}".encode("utf-8", "surrogatepass"), digest_size=18).hexdigest()


def enqueue(unit: Unit, key: str, room_id: str, sender: str, event_type: str, content: dict[str, Any]) -> None:
    """Queue an event to be sent to a room by `sender` (a full Matrix id), as part of a unit of work.

    `key` says what it is, for instance the event it answers; the same key and sender are queued and sent once. Once
    the unit is committed the outbox hears of it.
    """
    txn_id, body = transaction_id(key, sender), orjson.dumps(content)
    stored = unit.execute(_INSERT, txn_id, room_id, sender, event_type, body).fetchone()
    if stored is not None:
        unit.announce(WaitingMessage(stored[0], txn_id, room_id, sender, event_type, body))


def pending(unit: ReadUnit, after: int, limit: int) -> list[WaitingMessage]:
    """The first messages that wait behind a position, in order, at most `limit`."""
    rows = unit.tuples(
        OutboxMessage.select(
            OutboxMessage.position,
            OutboxMessage.txn_id,
            OutboxMessage.room_id,
            OutboxMessage.sender,
            OutboxMessage.event_type,
            OutboxMessage.content,
            OutboxMessage.attempts,
        )
        .where(OutboxMessage.status == "waiting", OutboxMessage.position > after)
        .order_by(OutboxMessage.position)
        .limit(limit)
    )
    return [
        WaitingMessage(position, txn_id, room_id, sender, event_type, bytes(content), attempts)
        for position, txn_id, room_id, sender, event_type, content, attempts in rows
    ]


def mark_sent(unit: Unit, txn_ids: Collection[str], sent_at: int) -> None:
    """Note that messages were sent and forget their content."""
    if txn_ids:
        unit.execute(_MARK_SENT.format(txn_ids=", ".join("?" * len(txn_ids))), CONTENT_AFTERWARDS, sent_at, *txn_ids)


def record_failure(unit: Unit, txn_id: str, error: str, dead: bool) -> None:
    """Count a failed attempt; `dead` makes the message a dead letter, which keeps its content for another try."""
    unit.run(
        OutboxMessage.update(
            attempts=OutboxMessage.attempts + 1, error=error, status="dead" if dead else OutboxMessage.status
        ).where(OutboxMessage.txn_id == txn_id, OutboxMessage.status == "waiting")
    )


def dead_letters(unit: ReadUnit) -> list[DeadMessage]:
    """All dead letters, oldest first."""
    rows = OutboxMessage.select().where(OutboxMessage.status == "dead").order_by(OutboxMessage.position)
    return [
        DeadMessage(row.position, row.room_id, row.sender, row.event_type, row.attempts, row.error)
        for row in unit.all(rows)
    ]


def replay(unit: Unit, positions: Collection[int] | None = None) -> int:
    """Let dead letters wait again, all or the given ones, and return how many. The bridge's next look finds them."""
    query = OutboxMessage.update(status="waiting", attempts=0, error="").where(OutboxMessage.status == "dead")
    if positions is not None:
        query = query.where(OutboxMessage.position.in_(list(positions)))
    return unit.run(query)


def replay_all(unit: Unit, incoming: Collection[int] | None, outgoing: Collection[int] | None) -> int:
    """Let dead letters of both directions wait again, all for None, and return how many."""
    return inbox.replay(unit, incoming) + replay(unit, outgoing)


def forget_sent(unit: Unit, before_ms: int) -> int:
    """Forget messages sent before then, and return how many. Dead letters stay."""
    return unit.run(OutboxMessage.delete().where(OutboxMessage.status == "sent", OutboxMessage.sent_at < before_ms))
