"""Taking a confirmed change of the directory back, with the memberships that it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge import faults
from bridge.directory.change import DirectoryChange, fingerprint_of
from bridge.directory.keeping import accept, accepted_version
from bridge.directory.replaced import UNDO_MS, Confirmed, last_confirmed, mark_undone
from bridge.firm.audit import Deed
from bridge.firm.conversation import first_matter_conversation_id
from bridge.firm.model import Firm
from bridge.store.people.returning import Place, brought_in_by_directory, let_back, take_out, taken_out_as_leavers
from bridge.store.record.audit import record
from bridge.store.record.kept import DIRECTORY_UNDONE, keep

DOES_NOT_FIT = (
    "What was changed in the directory since does not go with what was there before, so the change cannot be taken back"
    " as a whole. Put the directory's files right instead, and add those who are back to their conversations."
)
MEANWHILE = "The directory changed at this very moment. Nothing was taken back; try again."


@dataclass(frozen=True, slots=True)
class Undone:
    """What came of it."""

    told: str
    """For whoever asked."""
    conversations: frozenset[str] = frozenset()
    """The ids of those whose participants changed."""


def why_not(confirmed: Confirmed | None, fingerprint: str, now: int) -> str:
    """Why it cannot be taken back, as a sentence; empty where it can. `fingerprint` is what is asked for, if given."""
    if confirmed is None:
        return "No change of the directory was confirmed that could be taken back."
    if fingerprint not in {"", confirmed.fingerprint}:
        return (
            f"The change {fingerprint} is not the one that was confirmed last, which is {confirmed.fingerprint}."
            " Only the last can be taken back."
        )
    if confirmed.undone_at is not None:
        return f"The change {confirmed.fingerprint} has been taken back. The status of the directory says what waits."
    if now - confirmed.at_ms > UNDO_MS:
        return (
            f"The change {confirmed.fingerprint} was confirmed more than a day ago, and cannot be taken back any more."
            " Put the directory's files right, and add those who are back to their conversations."
        )
    return ""


def undo(change: DirectoryChange, confirmed: Confirmed, version: int, over: Firm, by: str) -> list[Place] | None:
    """A unit: go back to the firm of before by this change, and undo the memberships that the confirmed one led to.

    `over` is that firm with what was set by command, which stands as it is now. None where the accepted firm is not of
    this version any more, or the change was taken back.
    """
    now = last_confirmed()
    if accepted_version() != version or now is None or now.fingerprint != confirmed.fingerprint or now.undone_at:
        return None
    record(Deed.DIRECTORY_UNDONE, actor=by, subject=confirmed.fingerprint)
    accept(change, by)
    back = taken_out_as_leavers(confirmed.position, confirmed.leavers & over.active_staff)
    out = _brought_in(change, confirmed)
    let_back(back, by)
    take_out(out, by)
    mark_undone(confirmed.fingerprint)
    # The files say what they said: that waits, whether or not it takes away much.
    keep(DIRECTORY_UNDONE, f"{confirmed.fingerprint} {fingerprint_of(change.old)}")
    faults.point("directory.undoing")
    return [*back, *out]


def _brought_in(change: DirectoryChange, confirmed: Confirmed) -> list[Place]:
    """Those whom the directory brought into a matter's first conversation as its team, on which they are no more."""
    matters = {first_matter_conversation_id(one): one for one in change.kinds["matter"].changed}
    found = brought_in_by_directory(confirmed.position, matters.keys())
    return [
        (conversation_id, staff_id)
        for conversation_id, staff_id in found
        if not change.new.matters[matters[conversation_id]].is_on_team(staff_id)
    ]


def words(change: DirectoryChange, confirmed: Confirmed, people: int, sees: Callable[[str, str], bool] | None) -> str:
    """What was taken back, for whoever may see these records (M3)."""
    lines = [
        f"Taken back: the change {confirmed.fingerprint} of the directory. What changed since stands as it is.",
        change.summary(sees),
    ]
    if people:
        counted = "1 person is" if people == 1 else f"{people} people are"
        lines.append(
            f"{counted} being let back into the conversations that they were taken out of. Whose account had ended"
            " signs in with a new password: `firm-bridge staff set-password NAME --generate` on the server."
        )
    lines.append(
        "What the directory's files say waits from now on, until they are put right or a firm admin confirms it again."
    )
    return "\n".join(lines)
