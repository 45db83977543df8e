"""What quiet care and the morning digest are made from. Times are milliseconds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from peewee import JOIN, Case, fn

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.store import models
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.rooms.channels import IS_CHANNEL
from bridge.store.rooms.conversations import to_conversation


def empty_channels(unit: ReadUnit) -> dict[str, int]:
    """Since when nobody is in them: the open channels without participants, by conversation id.

    The clock starts when the last of them left, was taken out or was noted to have left the firm, when the channel was
    made, or when it was opened again, whichever came last. The channel of the whole firm is never empty.
    """
    row = models.Conversation
    present = fn.SUM(Case(None, [(models.Participant.present, 1)], 0))
    found: Iterable[Any] = unit.tuples(
        row.select(row.id, row.created_at, row.restored_at, fn.MAX(models.Participant.since), present)
        .join(models.Participant, JOIN.LEFT_OUTER)
        .where(IS_CHANNEL, ~row.archived, ~row.everyone)
        .group_by(row.id, row.created_at, row.restored_at)
    )
    return {
        channel_id: max(created_at, restored_at or 0, left_at or 0)
        for channel_id, created_at, restored_at, left_at, count in found
        if not count
    }


def user_localpart(unit: ReadUnit, staff_id: str) -> str | None:
    """The localpart of somebody's account."""
    account = unit.find(models.Account, models.Account.staff_id == staff_id)
    return None if account is None else account.localpart


def matter_rooms_of(unit: ReadUnit, staff_id: str) -> dict[str, Conversation]:
    """The matter conversations that somebody was picked for, by room id, with that person as the only participant."""
    row = models.Conversation
    found = unit.objects(
        row.select(row, models.Room.room_id)
        .join(models.Room, on=(models.Room.key == row.id))
        .switch(row)
        .join(models.Participant)
        .where(
            row.kind == ConversationKind.MATTER.value,
            models.Room.room_id.is_null(False),
            models.Participant.staff_id == staff_id,
            models.Participant.present,
        )
    )
    return {one.room_id: to_conversation(one, (staff_id,)) for one in found}


def channel_rooms_of(unit: ReadUnit, staff_id: str) -> list[str]:
    """The rooms of the channels that somebody active is in, archived ones included."""
    row = models.Conversation
    participates = models.Participant.select(models.Participant.conversation).where(
        models.Participant.staff_id == staff_id, models.Participant.present
    )
    found: Iterable[Any] = unit.tuples(
        row.select(models.Room.room_id)
        .join(models.Room, on=(models.Room.key == row.id))
        .where(
            IS_CHANNEL,
            models.Room.room_id.is_null(False),
            row.everyone | row.id.in_(participates),
        )
    )
    return [room_id for (room_id,) in found]


def wants_digest(unit: ReadUnit, staff_id: str) -> bool:
    """Whether somebody wants the morning digest, which all do who never said otherwise."""
    row = unit.find(models.Digest, models.Digest.staff_id == staff_id)
    return row is None or bool(row.wanted)


def want_digest(unit: Unit, staff_id: str, *, wanted: bool) -> None:
    """Note whether somebody wants the morning digest."""
    unit.run(
        models.Digest.insert(staff_id=staff_id, wanted=wanted).on_conflict(
            conflict_target=[models.Digest.staff_id], preserve=[models.Digest.wanted]
        )
    )


def digests_done(unit: ReadUnit, day: str) -> set[str]:
    """Staff ids of those whose digest of this day (YYYY-MM-DD) is done."""
    rows = unit.tuples(models.Digest.select(models.Digest.staff_id).where(models.Digest.done_on == day))
    return {staff_id for (staff_id,) in rows}


def mark_digest_done(unit: Unit, staff_id: str, day: str) -> None:
    """Note that somebody's digest of this day (YYYY-MM-DD) is done."""
    unit.run(
        models.Digest.insert(staff_id=staff_id, done_on=day).on_conflict(
            conflict_target=[models.Digest.staff_id], preserve=[models.Digest.done_on]
        )
    )
