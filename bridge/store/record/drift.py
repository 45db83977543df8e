"""What was changed behind the bridge's back: noted once, told once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.clock import now_ms
from bridge.firm.audit import Deed, Outcome
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import Drift, DriftCheck, Room
from bridge.store.record.audit import last_position, record


@dataclass(frozen=True, slots=True)
class DriftEntry:
    """A difference as it is stored. Also the news for those who listen to the store that there is a new one."""

    cause: str
    """The id of the event that made it, or what else tells it from all others."""
    key: str
    """The room's."""
    kind: str
    actor: str
    """Staff id, or a user id of nobody in the firm; empty where nobody can tell."""
    person: str
    """The same of whom it was done to."""
    what: str
    """The type of the state that was changed."""
    at_ms: int
    """When it was found."""
    entry: int
    """The number of its entry in the audit log."""
    put_back: bool = False
    """Whether it was put right since."""


@dataclass(frozen=True, slots=True)
class Check:
    """A full check that was begun."""

    day: str
    """YYYY-MM-DD."""
    position: str
    """The key of the last room looked at; empty before the first."""
    rooms: int
    """How many were looked at."""
    started_at: int
    finished_at: int | None
    """Milliseconds since the epoch; None while it goes on."""


def note_difference(unit: Unit, cause: str, key: str, kind: str, *, actor: str, person: str, what: str) -> None:
    """Note a difference that is about to be put right, here and in the audit log; one that is known changes nothing."""
    if is_noted(unit, cause):
        return
    reason = f"{kind}: {what}" if what else kind
    record(
        unit,
        Deed.PUT_BACK,
        actor=actor,
        subject=key,
        person=person,
        reason=reason,
        cause=cause,
        outcome=Outcome.REFUSED,
    )
    noted = DriftEntry(cause, key, kind, actor, person, what, now_ms(), last_position(unit))
    unit.run(
        Drift.insert(
            cause=cause, key=key, kind=kind, actor=actor, person=person, what=what, at_ms=noted.at_ms, entry=noted.entry
        )
    )
    unit.announce(noted)


def mark_put_back(unit: Unit, causes: Iterable[str]) -> None:
    """Note that these are put right."""
    unit.run(Drift.update(put_back=True).where(Drift.cause.in_(list(causes))))


def mark_all_put_back(unit: Unit, before_ms: int) -> None:
    """Note that whatever was found before that moment is put right."""
    unit.run(Drift.update(put_back=True).where(~Drift.put_back, Drift.at_ms < before_ms))


def is_noted(unit: ReadUnit, cause: str) -> bool:
    """Whether what this event did is noted already."""
    return unit.find(Drift, Drift.cause == cause) is not None


def untold(unit: ReadUnit, limit: int, before_ms: int | None = None) -> list[DriftEntry]:
    """The oldest differences that the admins were not told of.

    With `before_ms`, of those that are not put right only the ones found before that moment.
    """
    which = ~Drift.told if before_ms is None else ~Drift.told & (Drift.put_back | (Drift.at_ms < before_ms))
    return [
        DriftEntry(r.cause, r.key, r.kind, r.actor, r.person, r.what, r.at_ms, r.entry, r.put_back)
        for r in unit.all(Drift.select().where(which).order_by(Drift.entry).limit(limit))
    ]


def mark_told(unit: Unit, causes: Iterable[str]) -> None:
    """Note that the admins were told."""
    unit.run(Drift.update(told=True).where(Drift.cause.in_(list(causes))))


def forget_told(unit: Unit, before_ms: int) -> int:
    """Forget what was found before that moment and told; the audit log keeps it. Returns how many."""
    return unit.run(Drift.delete().where(Drift.told, Drift.at_ms < before_ms))


def rooms_after(unit: ReadUnit, position: str, limit: int) -> list[str]:
    """The keys of rooms that were made, in the order in which they are checked."""
    rows = Room.select(Room.key).where(Room.room_id.is_null(False), Room.key > position).order_by(Room.key).limit(limit)
    return [key for (key,) in unit.tuples(rows)]


def last_check(unit: ReadUnit) -> Check | None:
    """The newest full check, if there was one."""
    row = unit.first(DriftCheck.select().order_by(DriftCheck.day.desc()))
    if row is None:
        return None
    return Check(row.day, row.position, row.rooms, row.started_at, row.finished_at)


def begin_check(unit: Unit, day: str) -> None:
    """Note that this day's check begins. Those before are forgotten."""
    unit.run(DriftCheck.delete().where(DriftCheck.day < day))
    unit.run(DriftCheck.insert(day=day, started_at=now_ms()).on_conflict_ignore())


def advance_check(unit: Unit, day: str, position: str) -> None:
    """Note that one more room was looked at."""
    unit.run(DriftCheck.update(position=position, rooms=DriftCheck.rooms + 1).where(DriftCheck.day == day))


def finish_check(unit: Unit, day: str) -> None:
    """Note that every room was looked at."""
    unit.run(DriftCheck.update(finished_at=now_ms()).where(DriftCheck.day == day))
