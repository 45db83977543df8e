"""Who was welcomed, and what a welcome speaks of. All are units of work; times are milliseconds since the epoch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from bridge.firm.conversation import ConversationKind
from bridge.store.models import Account, Conversation, Participant


def was_welcomed(staff_id: str) -> bool:
    """Whether somebody was welcomed before, at whatever time."""
    found = Account.select().where(Account.staff_id == staff_id, Account.welcomed_at.is_null(False))
    return bool(found.exists())


def mark_welcomed(staff_id: str, at_ms: int) -> bool:
    """Note that somebody is welcomed now. False where it was noted before."""
    changed: int = (
        Account.update(welcomed_at=at_ms).where(Account.staff_id == staff_id, Account.welcomed_at.is_null()).execute()
    )
    return changed > 0


def channels_with(staff_id: str) -> list[str]:
    """The titles of the channels that somebody is in and that are not archived, those of the whole firm last."""
    mine = Participant.select(Participant.conversation).where(Participant.staff_id == staff_id, Participant.present)
    rows = (
        Conversation.select(Conversation.title, Conversation.everyone)
        .where(
            Conversation.kind == ConversationKind.CHANNEL.value,
            ~Conversation.archived,
            Conversation.everyone | Conversation.id.in_(mine),
        )
        .tuples()
    )
    listed = sorted(cast("Iterable[tuple[str, bool]]", rows), key=lambda row: (row[1], row[0].casefold()))
    return [title for title, _ in listed]
