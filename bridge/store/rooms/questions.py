"""What answers to admins' questions need of the store. Times are milliseconds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bridge.firm.audit import Deed
from bridge.firm.conversation import Conversation
from bridge.firm.room_keys import conversation_of
from bridge.store import models
from bridge.store.engine.sql import batched, placeholders
from bridge.store.engine.unit import ReadUnit
from bridge.store.models import AuditRow, Participant, Room
from bridge.store.rooms.conversations import to_conversation

# The deeds as they stand in an index, which alone is small however much was done in a conversation.
_NAMINGS = (
    "SELECT subject, position, reason FROM audit_row WHERE deed IN ('conversation_started', 'renamed')"
    " AND reason != '' AND subject IN ({}) ORDER BY position"
)


@dataclass(frozen=True, slots=True)
class Pick:
    """That somebody was picked for a conversation, or is no longer in it."""

    present: bool
    since: int
    """When they were last picked, or left or were taken out."""
    added_by: str
    """Staff id; empty for the directory."""


def picks_of(unit: ReadUnit, staff_id: str) -> dict[str, Pick]:
    """Everything that somebody was ever picked for, by conversation id."""
    columns = (Participant.conversation, Participant.present, Participant.since, Participant.added_by)
    rows = unit.tuples(Participant.select(*columns).where(Participant.staff_id == staff_id))
    found = rows
    return {conversation_id: Pick(present, since, by) for conversation_id, present, since, by in found}


def who_ended(unit: ReadUnit, staff_id: str, conversation_ids: Collection[str]) -> dict[str, str]:
    """Who last took somebody out of these conversations, as staff or user id, by conversation id.

    It is the same person where they left by themselves, and empty where the bridge followed the rules.
    """
    ended = (Deed.PARTICIPANT_LEFT.value, Deed.PARTICIPANT_REMOVED.value)
    rows = unit.tuples(
        AuditRow.select(AuditRow.subject, AuditRow.actor)
        .where(AuditRow.person == staff_id, AuditRow.subject.in_(list(conversation_ids)), AuditRow.deed.in_(ended))
        .order_by(AuditRow.position)
    )
    return dict(rows)


def titles_of(unit: ReadUnit, conversation_ids: Collection[str]) -> dict[str, tuple[tuple[int, str], ...]]:
    """What these conversations were called, and since which entry of the audit log, oldest first."""
    found: dict[str, list[tuple[int, str]]] = {}
    for some in batched(conversation_ids):
        rows = unit.rows(_NAMINGS.format(placeholders(some)), *some)
        for subject, position, title in rows:
            found.setdefault(subject, []).append((position, title))
    return {subject: tuple(titles) for subject, titles in found.items()}


def key_behind(unit: ReadUnit, room_id: str, alias_localpart: str) -> str | None:
    """What the firm's room with this id or this address is or was for, as the key of the room that is for it now; None
    where there is none."""
    row = unit.find(Room, (Room.room_id == room_id) | (Room.alias_localpart == alias_localpart))
    return None if row is None else conversation_of(str(row.key))


def conversations_without_people(unit: ReadUnit, ids: Collection[str]) -> dict[str, Conversation]:
    """Those of these conversations that there are, by id, as if nobody were in them."""
    found: dict[str, Conversation] = {}
    for some in batched(sorted(set(ids))):
        rows = models.Conversation.select().where(models.Conversation.id.in_(some))
        found.update({row.id: to_conversation(row, ()) for row in unit.all(rows)})
    return found


def matters_talked_about(unit: ReadUnit, ids: Collection[str]) -> frozenset[str]:
    """Those of these ids that are matters with a conversation."""
    found: set[str] = set()
    for some in batched(sorted(set(ids) - {""})):
        rows = models.Conversation.select(models.Conversation.matter_id).where(models.Conversation.matter_id.in_(some))
        found.update(matter_id for (matter_id,) in unit.tuples(rows.distinct()))
    return frozenset(found)


def room_addresses(unit: ReadUnit) -> dict[str, str]:
    """The alias localpart of every room that was made, by room id."""
    rows = unit.tuples(Room.select(Room.room_id, Room.alias_localpart).where(Room.room_id.is_null(False)))
    return dict(rows)


@dataclass(frozen=True, slots=True)
class Origin:
    """Who started a conversation and who archived it, by staff id, and when, in milliseconds since the epoch."""

    created_by: str
    """Empty for what the directory started."""
    created_at: int
    archived_by: str
    """Empty for the bridge, and where it is not archived."""
    archived_at: int | None


def origin_of(unit: ReadUnit, conversation_id: str) -> Origin | None:
    """Who started a conversation, and who archived it."""
    row = unit.find(models.Conversation, models.Conversation.id == conversation_id)
    return None if row is None else Origin(row.created_by, row.created_at, row.archived_by or "", row.archived_at)
