"""Leavers that are set by command."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.clock import now_ms
from bridge.firm.audit import Deed
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import CommandLeaver
from bridge.store.record.audit import record


@dataclass(frozen=True, slots=True)
class LeaversSet:
    """News for those who listen to the store: the staff ids of those who have left by command, from now on."""

    staff_ids: frozenset[str]


def leavers_set(unit: ReadUnit) -> frozenset[str]:
    """The staff ids of those who have left by command."""
    return frozenset(row.staff_id for row in unit.all(CommandLeaver.select()))


def announce_leavers(unit: ReadUnit) -> None:
    """Announce LeaversSet: what is stored at this moment."""
    unit.announce(LeaversSet(leavers_set(unit)))


def set_leaver(unit: Unit, staff_id: str, by: str, cause: str) -> None:
    """Let somebody have left, by this staff id. Once is enough. Announces LeaversSet."""
    if unit.find(CommandLeaver, CommandLeaver.staff_id == staff_id) is None:
        unit.run(CommandLeaver.insert(staff_id=staff_id, set_by=by, since=now_ms(), caused_by=cause))
        record(unit, Deed.STAFF_LEFT, actor=by, person=staff_id, reason="F2", cause=cause)
    # Also where it is stored already: the confirmation of the first commit may have been lost, and with it the news.
    announce_leavers(unit)


def set_returned(unit: Unit, staff_id: str, by: str, cause: str) -> bool:
    """Let somebody be back; whether they had left by command. Announces LeaversSet."""
    was_set = bool(unit.run(CommandLeaver.delete().where(CommandLeaver.staff_id == staff_id)))
    if was_set:
        record(unit, Deed.STAFF_RETURNED, actor=by, person=staff_id, reason="F2", cause=cause)
    announce_leavers(unit)
    return was_set
