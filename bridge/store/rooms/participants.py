"""Who was picked for a conversation, by whom and since when.

Times are the homeserver's, in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.firm.audit import Deed
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import Participant
from bridge.store.record.audit import record
from bridge.store.record.homeserver_time import homeserver_ms


@dataclass(frozen=True, slots=True)
class PickedPeople:
    """Somebody who was picked for a conversation and is still in it."""

    staff_id: str
    since: int
    added_by: str
    """Staff id; empty for the directory."""


def picked(unit: ReadUnit, conversation_id: str) -> list[PickedPeople]:
    """Those who are in, longest first."""
    rows = (
        Participant.select()
        .where(Participant.conversation == conversation_id, Participant.present)
        .order_by(Participant.since, Participant.staff_id)
    )
    return [PickedPeople(row.staff_id, row.since, row.added_by) for row in unit.all(rows)]


def pick(unit: Unit, conversation_id: str, staff_ids: Iterable[str], by: str, event_id: str) -> set[str]:
    """Add people for a command, and return whom it added; the same event handled again gives the same answer."""
    known = {
        row.staff_id: row for row in unit.all(Participant.select().where(Participant.conversation == conversation_id))
    }
    added = set()
    for staff_id in staff_ids:
        row = known.get(staff_id)
        if row is not None and row.present:
            if row.caused_by == event_id:
                added.add(staff_id)
            continue
        unit.run(
            Participant.insert(
                conversation=conversation_id,
                staff_id=staff_id,
                present=True,
                since=homeserver_ms(),
                added_by=by,
                caused_by=event_id,
            ).on_conflict(
                conflict_target=[Participant.conversation, Participant.staff_id],
                preserve=[Participant.present, Participant.since, Participant.added_by, Participant.caused_by],
            )
        )
        added.add(staff_id)
        deed = Deed.PARTICIPANT_JOINED if staff_id == by else Deed.PARTICIPANT_ADDED
        record(unit, deed, actor=by, subject=conversation_id, person=staff_id, cause=event_id)
    return added


def drop(unit: Unit, conversation_id: str, staff_ids: Iterable[str], by: str, event_id: str) -> set[str]:
    """Take people out for a command, and return whom it took out; the same event again gives the same answer."""
    rows = Participant.select().where(
        Participant.conversation == conversation_id, Participant.staff_id.in_(list(staff_ids))
    )
    removed = set()
    for row in unit.all(rows):
        if row.present:
            unit.run(
                Participant.update(present=False, since=homeserver_ms(), caused_by=event_id).where(
                    Participant.conversation == conversation_id, Participant.staff_id == row.staff_id
                )
            )
            deed = Deed.PARTICIPANT_LEFT if row.staff_id == by else Deed.PARTICIPANT_REMOVED
            record(unit, deed, actor=by, subject=conversation_id, person=row.staff_id, cause=event_id)
        if row.present or row.caused_by == event_id:
            removed.add(row.staff_id)
    return removed
