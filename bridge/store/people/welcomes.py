"""Who was welcomed, and what a welcome speaks of. Times are milliseconds since the epoch."""

from __future__ import annotations

from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import Account, Conversation, Participant
from bridge.store.rooms.channels import IS_CHANNEL


def was_welcomed(unit: ReadUnit, staff_id: str) -> bool:
    """Whether somebody was welcomed before, at whatever time."""
    found = Account.select().where(Account.staff_id == staff_id, Account.welcomed_at.is_null(False))
    return unit.exists(found)


def mark_welcomed(unit: Unit, staff_id: str, at_ms: int) -> bool:
    """Note that somebody is welcomed now. False where it was noted before."""
    changed = unit.run(
        Account.update(welcomed_at=at_ms).where(Account.staff_id == staff_id, Account.welcomed_at.is_null())
    )
    return changed > 0


def channels_with(unit: ReadUnit, staff_id: str) -> list[str]:
    """The titles of the channels that somebody is in and that are not archived, those of the whole firm last."""
    mine = Participant.select(Participant.conversation).where(Participant.staff_id == staff_id, Participant.present)
    rows = unit.tuples(
        Conversation.select(Conversation.title, Conversation.everyone).where(
            IS_CHANNEL,
            ~Conversation.archived,
            Conversation.everyone | Conversation.id.in_(mine),
        )
    )
    listed = sorted(rows, key=lambda row: (row[1], row[0].casefold()))
    return [title for title, _ in listed]
