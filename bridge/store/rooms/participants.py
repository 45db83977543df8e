"""Who was picked for a conversation, by whom and since when.

Times are the homeserver's, in milliseconds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from bridge.firm.audit import Deed
from bridge.firm.conversation import ConversationKind
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import AuditRow, Conversation, Participant
from bridge.store.record.audit import record
from bridge.store.record.homeserver_time import homeserver_ms, newest_ms

_PICK = """
    INSERT INTO participant (conversation_id, staff_id, present, since, added_by) VALUES {rows}
    ON CONFLICT (conversation_id, staff_id) DO
"""
_COMES_BACK = """
    UPDATE SET present = TRUE, since = excluded.since,
    added_by = CASE WHEN participant.present THEN participant.added_by ELSE excluded.added_by END
"""
_COMES_BACK_FROM_BEFORE = f"""
    {_COMES_BACK} WHERE NOT participant.present
    AND (participant.since <= excluded.since OR participant.since > {{}})
"""
"""Unless their last change is later; `_not_after`, written out."""


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


def add_participants(
    unit: Unit,
    conversation_id: str,
    staff_ids: Collection[str],
    added_by: str,
    *,
    returning: bool = True,
    at_ms: int | None = None,
    cause: str = "",
) -> None:
    """Pick people for a conversation, now or at that moment. Those who left before come back only when `returning`.

    Picked now, all of them count as picked now, so that a leave of before, of which the bridge hears later, counts no
    more. At a given moment, who left or was taken out later stays out: events of people's clients arrive late.
    """
    since = homeserver_ms() if at_ms is None else at_ms
    before = present_in(unit, conversation_id)
    known = "NOTHING"
    if returning:
        known = _COMES_BACK if at_ms is None else _COMES_BACK_FROM_BEFORE.format(newest_ms())
    rows = [(conversation_id, staff_id, since, added_by) for staff_id in sorted(set(staff_ids))]
    unit.execute_rows(f"{_PICK} {known}", "(?, ?, TRUE, ?, ?)", rows)
    for staff_id in sorted(present_in(unit, conversation_id) - before):
        deed = Deed.PARTICIPANT_JOINED if staff_id == added_by else Deed.PARTICIPANT_ADDED
        record(unit, deed, actor=added_by, subject=conversation_id, person=staff_id, cause=cause)


def _not_after(at_ms: int) -> Any:
    """That somebody's last change is not later than this moment, in SQL."""
    since = Participant.since
    return (since <= at_ms) | (since > newest_ms())


def present_in(unit: ReadUnit, conversation_id: str) -> set[str]:
    """The staff ids of those who are in a conversation."""
    rows = unit.rows("SELECT staff_id FROM participant WHERE conversation_id = ? AND present", conversation_id)
    return {staff_id for (staff_id,) in rows}


def left_of(unit: ReadUnit, conversation_id: str) -> set[str]:
    """The staff ids of those who left a conversation or were taken out."""
    rows = unit.rows("SELECT staff_id FROM participant WHERE conversation_id = ? AND NOT present", conversation_id)
    return {staff_id for (staff_id,) in rows}


def keep_participants(unit: Unit, conversation_id: str, staff_ids: Collection[str]) -> None:
    """Have these people in a conversation and nobody else."""
    before = present_in(unit, conversation_id)
    add_participants(unit, conversation_id, sorted(set(staff_ids) - before), "")
    for staff_id in sorted(before.difference(staff_ids)):
        remove_participant(unit, conversation_id, staff_id, homeserver_ms(), by="")


def set_participants(unit: Unit, conversation_id: str, staff_ids: Collection[str], at_ms: int) -> None:
    """Have these people in a conversation and nobody else, by what the homeserver says of that moment."""
    before = present_in(unit, conversation_id)
    add_participants(unit, conversation_id, sorted(set(staff_ids) - before), "", at_ms=at_ms)
    for staff_id in sorted(before.difference(staff_ids)):
        remove_participant(unit, conversation_id, staff_id, at_ms, by="")


def remove_from_all(unit: Unit, staff_ids: Collection[str]) -> None:
    """Note that people are in no conversation any more but their chats with the bot (F2)."""
    chats = Conversation.select(Conversation.id).where(Conversation.kind == ConversationKind.BOT.value)
    theirs = (
        Participant.staff_id.in_(list(staff_ids)),
        Participant.present == True,  # noqa: E712 - SQL
        Participant.conversation.not_in(chats),
    )
    rows = Participant.select(Participant.conversation, Participant.staff_id).where(*theirs)
    for conversation_id, staff_id in unit.tuples(rows):
        record(unit, Deed.PARTICIPANT_REMOVED, subject=conversation_id, person=staff_id, reason="F2")
    unit.run(Participant.update(present=False, since=homeserver_ms()).where(*theirs))


def remove_participant(
    unit: Unit, conversation_id: str, staff_id: str, at_ms: int, *, by: str, cause: str = ""
) -> bool:
    """Note that somebody left or was removed by a staff or user id, unless they were added later than that moment.

    True where it changed something.
    """
    changed = unit.run(
        Participant.update(present=False, since=at_ms).where(
            Participant.conversation == conversation_id,
            Participant.staff_id == staff_id,
            Participant.present == True,  # noqa: E712 - SQL
            _not_after(at_ms),
        )
    )
    if changed:
        deed = Deed.PARTICIPANT_LEFT if by == staff_id else Deed.PARTICIPANT_REMOVED
        record(unit, deed, actor=by, subject=conversation_id, person=staff_id, cause=cause)
    return changed > 0


def undo_leaves(unit: Unit, conversation_id: str, since_ms: int, cause: str) -> bool:
    """Have those in the conversation again of whom the bridge heard since that moment that they left it by themselves.

    True where there were any.
    """
    left = AuditRow.select(AuditRow.person).where(
        AuditRow.subject == conversation_id,
        AuditRow.deed == Deed.PARTICIPANT_LEFT.value,
        AuditRow.at_ms >= since_ms,
    )
    rows = Participant.select(Participant.staff_id).where(
        Participant.conversation == conversation_id,
        Participant.present == False,  # noqa: E712 - SQL
        Participant.staff_id.in_(left),
    )
    back = [staff_id for (staff_id,) in unit.tuples(rows)]
    add_participants(unit, conversation_id, back, "", cause=cause)
    return bool(back)
