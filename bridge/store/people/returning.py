"""Whom the directory took out of conversations or brought into them, and having that undone."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from peewee import chunked

from bridge.firm.audit import Deed
from bridge.store.engine.sql import ROWS_PER_STATEMENT
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import Participant
from bridge.store.record.audit import record
from bridge.store.record.homeserver_time import homeserver_ms
from bridge.store.rooms.participants import remove_participant

Place = tuple[str, str]
"""A conversation id and a staff id."""
_MOVES = (Deed.PARTICIPANT_ADDED, Deed.PARTICIPANT_REMOVED, Deed.PARTICIPANT_JOINED, Deed.PARTICIPANT_LEFT)
_LAST_MOVE = f"""
    SELECT subject, person FROM audit_row AS entry
    WHERE position > ? AND deed = ? AND actor = '' AND reason = ? AND {{column}} IN ({{marks}}) AND NOT EXISTS (
        SELECT 1 FROM audit_row AS later WHERE later.subject = entry.subject AND later.person = entry.person
        AND later.position > entry.position AND later.deed IN ({", ".join(f"'{deed.value}'" for deed in _MOVES)})
    )
"""  # noqa: S608 - names of our own


def taken_out_as_leavers(unit: ReadUnit, behind: int, staff_ids: Collection[str]) -> list[Place]:
    """What these people were taken out of when they left the firm, behind this position of the audit log.

    Where nothing else was done about them and that conversation since.
    """
    return _moved(unit, behind, Deed.PARTICIPANT_REMOVED, "F2", "person", staff_ids)


def brought_in_by_directory(unit: ReadUnit, behind: int, conversation_ids: Collection[str]) -> list[Place]:
    """Whom the directory brought into these conversations, in the same sense."""
    return _moved(unit, behind, Deed.PARTICIPANT_ADDED, "", "subject", conversation_ids)


def _moved(unit: ReadUnit, behind: int, deed: Deed, reason: str, column: str, values: Collection[str]) -> list[Place]:
    found: list[Place] = []
    for some in chunked(sorted(values), ROWS_PER_STATEMENT // 2):
        asked = _LAST_MOVE.format(column=column, marks=", ".join("?" * len(some)))
        found += unit.rows(asked, behind, deed.value, reason, *some)
    return found


def let_back(unit: Unit, places: Iterable[Place], by: str) -> None:
    """Have people in these conversations again, as those who were once picked for them by whoever did."""
    now = homeserver_ms()
    for conversation_id, staff_id in places:
        changed = unit.run(
            Participant.update(present=True, since=now).where(
                Participant.conversation == conversation_id,
                Participant.staff_id == staff_id,
                Participant.present == False,  # noqa: E712 - SQL
            )
        )
        if changed:
            record(unit, Deed.PARTICIPANT_ADDED, actor=by, subject=conversation_id, person=staff_id)


def take_out(unit: Unit, places: Iterable[Place], by: str) -> None:
    """Have people in these conversations no more."""
    now = homeserver_ms()
    for conversation_id, staff_id in places:
        remove_participant(unit, conversation_id, staff_id, now, by=by)
