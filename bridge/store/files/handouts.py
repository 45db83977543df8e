"""Files that the bot gave to somebody alone, such as a matter's transcript."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.clock import now_ms
from bridge.store import models
from bridge.store.engine.unit import ReadUnit, Unit


@dataclass(frozen=True, slots=True)
class GivenOut:
    """A file, whom it was given to, and the matter it is about."""

    mxc: str
    staff_id: str
    matter_id: str


def note_given_out(unit: Unit, mxc: str, staff_id: str, matter_id: str) -> None:
    """Note that somebody is given a file, in the unit that queues it."""
    row = models.Handout
    unit.run(row.insert(mxc=mxc, staff_id=staff_id, matter_id=matter_id, at_ms=now_ms()).on_conflict_ignore())


def given_out(unit: ReadUnit) -> tuple[GivenOut, ...]:
    """All that were not taken back, oldest first."""
    row = models.Handout
    return tuple(
        GivenOut(one.mxc, one.staff_id, one.matter_id) for one in unit.all(row.select().order_by(row.at_ms, row.mxc))
    )


def note_taken_back(unit: Unit, mxc: str) -> None:
    """Note that nobody can download a file any more."""
    unit.run(models.Handout.delete().where(models.Handout.mxc == mxc))
