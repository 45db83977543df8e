"""What answers to admins' questions need of the store. All are units of work; times are milliseconds."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import cast

from bridge.firm.audit import Deed
from bridge.firm.conversation import Conversation
from bridge.store import models
from bridge.store.conversations import to_conversation
from bridge.store.models import AuditRow, Participant, Room


@dataclass(frozen=True, slots=True)
class Pick:
    """That somebody was picked for a conversation, or is no longer in it."""

    present: bool
    since: int
    """When they were last picked, or left or were taken out."""
    added_by: str
    """Staff id; empty for the directory."""


def picks_of(staff_id: str) -> dict[str, Pick]:
    """Everything that somebody was ever picked for, by conversation id."""
    columns = (Participant.conversation, Participant.present, Participant.since, Participant.added_by)
    rows = Participant.select(*columns).where(Participant.staff_id == staff_id).tuples()
    found = cast("Iterable[tuple[str, bool, int, str]]", rows)
    return {conversation_id: Pick(present, since, by) for conversation_id, present, since, by in found}


def who_ended(staff_id: str, conversation_ids: Collection[str]) -> dict[str, str]:
    """Who last took somebody out of these conversations, as staff or user id, by conversation id.

    It is the same person where they left by themselves, and empty where the bridge followed the rules.
    """
    ended = (Deed.PARTICIPANT_LEFT.value, Deed.PARTICIPANT_REMOVED.value)
    rows = (
        AuditRow.select(AuditRow.subject, AuditRow.actor)
        .where(AuditRow.person == staff_id, AuditRow.subject.in_(list(conversation_ids)), AuditRow.deed.in_(ended))
        .order_by(AuditRow.position)
        .tuples()
    )
    return dict(cast("Iterable[tuple[str, str]]", rows))


def key_behind(room_id: str, alias_localpart: str) -> str | None:
    """The key of the firm's room with this id or this address; None where there is none."""
    row = Room.get_or_none((Room.room_id == room_id) | (Room.alias_localpart == alias_localpart))
    return None if row is None else str(row.key)


def conversations_without_people() -> dict[str, Conversation]:
    """Every conversation by its id, as if nobody were in it."""
    return {row.id: to_conversation(row, ()) for row in models.Conversation.select()}


def room_addresses() -> dict[str, str]:
    """The alias localpart of every room that was made, by room id."""
    rows = Room.select(Room.room_id, Room.alias_localpart).where(Room.room_id.is_null(False)).tuples()
    return dict(cast("Iterable[tuple[str, str]]", rows))
