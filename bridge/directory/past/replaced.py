"""What a confirmed change of the directory replaced, and the firm without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.clock import now_ms
from bridge.directory.change import DirectoryChange
from bridge.directory.records import KINDS, firm_from_records, record_of
from bridge.firm.conversation import channel_key
from bridge.firm.model import Firm
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import ConfirmedChange, ReplacedRecord
from bridge.store.record.audit import last_position

UNDO_MS = 24 * 60 * 60 * 1000
"""For how long a confirmed change can be taken back."""
_KEEP = "INSERT INTO replaced_record (kind, record_id, before, after) VALUES {rows}"


@dataclass(frozen=True)
class Confirmed:
    """The change that was applied last of those that were confirmed."""

    fingerprint: str
    by: str
    """Who confirmed it."""
    at_ms: int
    position: int
    """In the audit log: what it led to stands behind it."""
    undone_at: int | None
    before: Firm
    """Only the records that it changed or took away, as they were."""
    after: Firm
    """Only those that it changed or added, as it made them."""

    @property
    def leavers(self) -> frozenset[str]:
        """Staff ids of those whom it let have left."""
        return self.before.active_staff - self.after.active_staff


def keep_replaced(unit: Unit, change: DirectoryChange, by: str) -> None:
    """Keep what the change replaces, and no longer what one before it did. `by` confirmed it."""
    unit.run(ReplacedRecord.delete())
    unit.run(ConfirmedChange.delete())
    unit.run(
        ConfirmedChange.insert(
            fingerprint=change.fingerprint(), confirmed_by=by, at_ms=now_ms(), position=last_position(unit)
        )
    )
    unit.execute_rows(_KEEP, "(?, ?, ?, ?)", list(_replaced(change)))


def _replaced(change: DirectoryChange) -> Iterator[tuple[str, str, str | None, str | None]]:
    for kind, differs in change.kinds.items():
        for record_id in (*differs.added, *differs.changed, *differs.removed):
            before = record_of(change.old, kind, record_id)[2] if record_id not in differs.added else None
            after = record_of(change.new, kind, record_id)[2] if record_id not in differs.removed else None
            yield kind, record_id, before, after


def last_confirmed(unit: ReadUnit) -> Confirmed | None:
    """The change that was confirmed last, if any ever was. Raises StoredDirectoryError."""
    row = unit.first(ConfirmedChange.select())
    if row is None:
        return None
    records = unit.all(ReplacedRecord.select())
    before = firm_from_records((one.kind, one.record_id, one.before) for one in records if one.before is not None)
    after = firm_from_records((one.kind, one.record_id, one.after) for one in records if one.after is not None)
    return Confirmed(row.fingerprint, row.confirmed_by, row.at_ms, row.position, row.undone_at, before, after)


def to_take_back(unit: ReadUnit) -> str:
    """The fingerprint of the change that can be taken back at this moment; empty for none."""
    row = unit.find(ConfirmedChange, ConfirmedChange.undone_at.is_null(), ConfirmedChange.at_ms >= now_ms() - UNDO_MS)
    return "" if row is None else str(row.fingerprint)


def mark_undone(unit: Unit, fingerprint: str) -> None:
    """Note that this change was taken back, and forget what it replaced."""
    unit.run(ConfirmedChange.update(undone_at=now_ms()).where(ConfirmedChange.fingerprint == fingerprint))
    unit.run(ReplacedRecord.delete())


def forget_replaced(unit: Unit) -> None:
    """Forget what was replaced by a change that can no longer be taken back."""
    if unit.find(ConfirmedChange, ConfirmedChange.at_ms >= now_ms() - UNDO_MS) is None:
        unit.run(ReplacedRecord.delete())


def without(firm: Firm, confirmed: Confirmed) -> Firm:
    """The firm as if the change had never been applied. What was changed since stays as it is now. Pure."""
    tables: dict[str, Mapping[str, Any]] = {}
    for kind, (_, of) in KINDS.items():
        now, before, after = dict(of(firm)), of(confirmed.before), of(confirmed.after)
        for record_id in before.keys() | after.keys():
            if now.get(record_id) != after.get(record_id):
                continue
            if record_id in before:
                now[record_id] = before[record_id]
            else:
                del now[record_id]
        tables[kind] = now
    return Firm(tables["staff"], tables["matter"], tables["group"], tables["wall"], tables["channel"])


def fits(firm: Firm) -> bool:
    """Whether the firm's records go together, as those of every directory that was read do. Pure."""
    named = {*_named(firm)} - {""}
    people = firm.staff.keys() | {group.id for group in firm.groups.values() if not group.deleted}
    matters = {wall.matter_id for wall in firm.walls.values()} - {""}
    staff, channels = firm.staff.values(), firm.channels.values()
    return (
        bool(firm.active_staff)
        and named <= people
        and matters <= firm.matters.keys()
        and _different([person.email.casefold() for person in staff if person.email])
        and _different([person.localpart for person in staff if person.localpart])
        and _different([matter.number.casefold() for matter in firm.matters.values()])
        and _different([channel_key(seed.name) for seed in channels])
    )


def _named(firm: Firm) -> Iterator[str]:
    """The staff and group ids that records of the firm name."""
    for matter in firm.matters.values():
        yield from (*matter.team, *matter.allowed)
    for group in firm.groups.values():
        yield from group.members
    for wall in firm.walls.values():
        yield from wall.people
    for seed in firm.channels.values():
        yield from seed.participants


def _different(values: Collection[str]) -> bool:
    return max(Counter(values).values(), default=1) == 1
