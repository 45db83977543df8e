"""How far the guard's refusals are in the audit log, and who was refused how often."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.clock import now_ms
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import RefusalsTaken, RefusalTally

TALLY_MS = 600_000
"""Refusals are counted together that lie within so long."""
TOLD_AGAIN_MS = 86_400_000
"""Of one person the admins are told so often at most."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Up to where a list of the guard is in the audit log."""

    spool: str = ""
    """The list's id; empty where none was ever met."""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Many:
    """That somebody was refused so often that the admins should know."""

    actor: str
    """Staff id or user id, or the deed where nobody can tell who it was."""
    count: int
    last_ms: int


def taken(unit: ReadUnit, process: str = "") -> Taken:
    """Up to where the list of a process of Synapse is taken over that was met last; the main process's without one."""
    lists = RefusalsTaken.select().where(RefusalsTaken.process == process)
    row = unit.first(lists.order_by(RefusalsTaken.met_at.desc()))
    return Taken() if row is None else Taken(row.spool, row.number)


def taken_of_workers(unit: ReadUnit) -> dict[str, int]:
    """Up to where each list of a worker of Synapse that was ever met is taken over, by the list's id."""
    rows = unit.all(RefusalsTaken.select().where(RefusalsTaken.process != ""))
    return {row.spool: int(row.number) for row in rows}


def number_taken(unit: ReadUnit, spool: str) -> int:
    """The number up to which a list is taken over; 0 for one that was never met."""
    row = unit.find(RefusalsTaken, RefusalsTaken.spool == spool)
    return 0 if row is None else int(row.number)


def mark_taken(unit: Unit, spool: str, number: int, process: str = "") -> None:
    """Note that a list is that of the guard in a process of Synapse, and up to where it is taken over."""
    newest = unit.first(RefusalsTaken.select().order_by(RefusalsTaken.met_at.desc()))
    met_at = max(now_ms(), newest.met_at + 1 if newest is not None else 0)
    unit.run(
        RefusalsTaken.insert(spool=spool, number=number, met_at=met_at, process=process).on_conflict(
            conflict_target=[RefusalsTaken.spool], preserve=[RefusalsTaken.number, RefusalsTaken.met_at]
        )
    )


def count_refused(unit: Unit, actor: str, first_ms: int, last_ms: int, count: int, limit: int) -> None:
    """Count what somebody was refused; from `limit` within some minutes on the admins are to be told, 0 for never.

    Of repetitions over a longer time only what falls on those minutes counts.
    """
    if not limit:
        return
    counted = max(1, count * TALLY_MS // max(last_ms - first_ms, TALLY_MS))
    row = unit.find(RefusalTally, RefusalTally.actor == actor)
    if is_new := row is None:
        row = RefusalTally(actor=actor, since=first_ms, last=last_ms, count=0)
    if abs(first_ms - row.since) >= TALLY_MS and not row.due:
        row.since, row.count = first_ms, 0
    row.count, row.last = row.count + counted, max(row.last, last_ms)
    if row.count >= limit and (row.told_at is None or abs(now_ms() - row.told_at) >= TOLD_AGAIN_MS):
        row.due = True
    if is_new:
        unit.add(row)
    else:
        unit.save(row)


def many_refused(unit: ReadUnit) -> list[Many]:
    """Of whom the admins are to be told, in the order in which it happened."""
    rows = RefusalTally.select().where(RefusalTally.due).order_by(RefusalTally.last)
    return [Many(row.actor, row.count, row.last) for row in unit.all(rows)]


def mark_many_told(unit: Unit, actors: Iterable[str]) -> None:
    """Note that the admins were told of these."""
    unit.run(RefusalTally.update(due=False, told_at=now_ms()).where(RefusalTally.actor.in_(list(actors))))


def forget_tallies(unit: Unit, before_ms: int) -> int:
    """Forget who was last refused before that moment, unless the admins are still to be told. Returns how many."""
    return unit.run(RefusalTally.delete().where(~RefusalTally.due, RefusalTally.last < before_ms))
