"""Taking a confirmed change of the directory back, with the memberships that it ended."""

from __future__ import annotations

from dataclasses import dataclass

from bridge import faults
from bridge.directory.change import DirectoryChange, fingerprint_of
from bridge.directory.keeping import accept, accepted_version
from bridge.directory.past.replaced import UNDO_MS, Confirmed, last_confirmed, mark_undone
from bridge.firm.audit import Deed
from bridge.firm.conversation import first_matter_conversation_id
from bridge.firm.model import Firm
from bridge.refusal import Kind, Refusal
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.people.returning import Place, brought_in_by_directory, let_back, take_out, taken_out_as_leavers
from bridge.store.record.audit import record
from bridge.store.record.kept import DIRECTORY_UNDONE, keep


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back."""

    fingerprint: str
    summary: tuple[str, ...]
    """A line for each thing that changed by it, as far as whoever asked may know (M3)."""
    people: int
    """How many come back of those whom it had let have left."""
    conversations: frozenset[str]
    """The ids of those whose participants changed."""


def to_undo(unit: ReadUnit, fingerprint: str, now: int) -> Confirmed:
    """The change that can be taken back. `fingerprint` is what is asked for, if given. Raises Refusal."""
    confirmed = last_confirmed(unit)
    if confirmed is None:
        raise Refusal(Kind.NO_CHANGE_CONFIRMED)
    if fingerprint not in {"", confirmed.fingerprint}:
        raise Refusal(Kind.NOT_THE_LAST_CHANGE, fingerprint=fingerprint, last=confirmed.fingerprint)
    if confirmed.undone_at is not None:
        raise Refusal(Kind.CHANGE_TAKEN_BACK, fingerprint=confirmed.fingerprint)
    if now - confirmed.at_ms > UNDO_MS:
        raise Refusal(Kind.TOO_LATE_TO_TAKE_BACK, fingerprint=confirmed.fingerprint)
    return confirmed


def undo(
    unit: Unit, change: DirectoryChange, confirmed: Confirmed, version: int, over: Firm, by: str, cause: str = ""
) -> list[Place]:
    """Go back to the firm of before by this change, and undo the memberships that the confirmed one led to.

    `over` is that firm with what was set by command, which stands as it is now. Raises Refusal where the accepted firm
    is not of this version any more, or the change was taken back.
    """
    now = last_confirmed(unit)
    if accepted_version(unit) != version or now is None or now.fingerprint != confirmed.fingerprint or now.undone_at:
        raise Refusal(Kind.DIRECTORY_CHANGED_MEANWHILE)
    record(unit, Deed.DIRECTORY_UNDONE, actor=by, subject=confirmed.fingerprint, cause=cause)
    accept(unit, change, by)
    back = taken_out_as_leavers(unit, confirmed.position, confirmed.leavers & over.active_staff)
    out = _brought_in(unit, change, confirmed)
    let_back(unit, back, by)
    take_out(unit, out, by)
    mark_undone(unit, confirmed.fingerprint)
    # The files say what they said: that waits, whether or not it takes away much.
    keep(unit, DIRECTORY_UNDONE, f"{confirmed.fingerprint} {fingerprint_of(change.old)}")
    faults.point("directory.undoing")
    return [*back, *out]


def _brought_in(unit: ReadUnit, change: DirectoryChange, confirmed: Confirmed) -> list[Place]:
    """Those whom the directory brought into a matter's first conversation as its team, on which they are no more."""
    matters = {first_matter_conversation_id(one): one for one in change.kinds["matter"].changed}
    found = brought_in_by_directory(unit, confirmed.position, matters.keys())
    return [
        (conversation_id, staff_id)
        for conversation_id, staff_id in found
        if not change.new.matters[matters[conversation_id]].is_on_team(staff_id)
    ]
