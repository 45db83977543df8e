"""What differs between two firms, and whom it takes something from. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from functools import cached_property
from typing import Any

from bridge.directory.barriers import LetIn, opening
from bridge.directory.records import KINDS, Record, record_of, written
from bridge.firm.difference import differing
from bridge.firm.matters.search import prepare
from bridge.firm.model import Firm, MatterStatus
from bridge.firm.policy import with_access
from bridge.firm.table import Table
from bridge.firm.text.directions import apart, together

_TABLES = tuple(field.name for field in fields(Firm))
_NAMED = 10
"""Names given in a summary before the rest is only counted."""
_FEW = 3
"""People who leave one after another within a day and do not count together: in a small firm they are no rare share."""


@dataclass(frozen=True, slots=True)
class KindChange:
    """The ids of the records of one kind that differ."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


@dataclass(frozen=True)
class DirectoryChange:
    """The way from one firm to another."""

    old: Firm = field(repr=False)
    new: Firm = field(repr=False)
    kinds: Mapping[str, KindChange]
    """By kind: staff, group, matter, wall, channel."""
    leavers: tuple[str, ...]
    """Staff ids of those who are active staff in the old firm and not in the new."""
    lost_access: Mapping[str, int]
    """How many matters each person can see in the old firm and not in the new, by staff id, where it is any."""
    old_access: int
    """How many accesses there are in the old firm: for each person, the matters they can see. 0 where none ends."""
    today: date
    """The day on which walls are judged."""
    opens: LetIn = field(default_factory=LetIn)
    """Whom it lets in who was kept out before."""
    staff_since: float = 0.0
    """The share of active staff that leaves with those who left in the day before, in percent; 0 where nobody does."""
    access_since: float = 0.0
    """The share of accesses that goes with matters that are deleted, with those of the day before; 0 where none is."""

    @cached_property
    def written(self) -> tuple[Record, ...]:
        """The records that are new or differ, as they are stored."""
        return tuple(
            record_of(self.new, kind, record_id)
            for kind, differs in self.kinds.items()
            for record_id in (*differs.added, *differs.changed)
        )

    @property
    def empty(self) -> bool:
        """Whether both firms are the same."""
        return not any(self.kinds.values())

    @property
    def staff_share(self) -> float:
        """The share of active staff that leaves, in percent."""
        return _percent(len(self.leavers), len(self.old.active_staff))

    @property
    def access_share(self) -> float:
        """The share of accesses that ends, in percent."""
        return _percent(sum(self.lost_access.values()), self.old_access)

    def needs_confirmation(self, limit_percent: int) -> bool:
        """Whether more than this share of staff, of access, or of what keeps people out would go, with what went in the
        day before."""
        shares = self.staff_share, self.staff_since, self.access_share, self.access_since, self.opens.share
        return max(shares) > limit_percent

    def fingerprint(self) -> str:
        """A digest of the new firm, the same for the same content: a confirmation is for exactly that."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        return fingerprint_of(self.new)

    def summary(self) -> str:
        """The whole change as a text, for the log of the server and the audit log."""
        return together("\n".join(self.lines()))

    def lines(self, sees: Callable[[str, str], bool] | None = None) -> tuple[str, ...]:
        """The change as lines for a person.

        `sees` is asked with the kind and id of a record; with it, there is nothing of any other record in them (M3).
        """
        counted = {kind: self._counts(kind, change, sees) for kind, change in self.kinds.items()}
        lines = [f"{kind.capitalize()}: {', '.join(counts)}." for kind, counts in counted.items() if counts]
        if self.leavers:
            names = _listed([self.old.staff[staff_id].name for staff_id in self.leavers])
            count = f"{len(self.leavers)} of {len(self.old.active_staff)}"
            lines.append(f"No longer active staff: {count} ({self.staff_share:.0f} %): {names}.")
        if self.staff_since > self.staff_share:
            lines.append(f"With those who left in the last 24 hours it is {self.staff_since:.0f} % of the staff.")
        lost = self.lost_access if sees is None else _accesses(self.old, self.new, self.kinds, self.today, sees)[0]
        if lost:
            most_first = sorted(lost.items(), key=lambda item: (-item[1], item[0]))
            names = _listed([f"{apart(self.old.staff[staff_id].name)} {count}" for staff_id, count in most_first])
            # How many there are in all would tell of hidden matters.
            share = f" of {self.old_access} ({self.access_share:.0f} %)" if sees is None else ""
            lines.append(f"Accesses to matters that end: {sum(lost.values())}{share}: {names}.")
        if sees is None and self.access_since > self.access_share:
            lines.append(
                f"With the matters that went in the last 24 hours it is {self.access_since:.0f} % of all accesses."
            )
        if let_in := self.opens.people(sees) if sees is not None else self.opens.people():
            # Who left is let in only when they come back.
            works_here = self.old.active_staff | self.new.active_staff
            most_first = sorted(let_in.items(), key=lambda item: (item[0] not in works_here, -item[1], item[0]))
            names = _listed([f"{apart(self.old.staff[staff_id].name)} {count}" for staff_id, count in most_first])
            share = f" ({self.opens.share:.0f} %)" if sees is None else ""
            lines.append(f"Walls and restrictions that end{share}, for so many matters: {names}.")
        return tuple(lines) or ("Nothing changes." if self.empty else "Nothing changes that you can see.",)

    def _counts(self, kind: str, change: KindChange, sees: Callable[[str, str], bool] | None) -> list[str]:
        parts = (
            ("added", self.new, change.added),
            ("changed", self.new, change.changed),
            ("removed", self.old, change.removed),
        )
        found = []
        for word, firm, ids in parts:
            labels = [_label(firm, kind, record_id) for record_id in ids if sees is None or sees(kind, record_id)]
            if labels:
                found.append(f"{len(labels)} {word} ({_listed(labels)})")
        return found


def fingerprint_of(firm: Firm) -> str:
    """A digest of all that the directory says of a firm."""
    digest = hashlib.sha256()
    for kind, (_, of) in KINDS.items():
        records = of(firm)
        each = (
            records.of_each(_digest) if isinstance(records, Table) else {one: _digest(records[one]) for one in records}
        )
        for record_id in sorted(each):
            digest.update(f"{kind}\0{record_id}\0".encode() + each[record_id])
    return digest.hexdigest()[:16]


def _digest(record: object) -> bytes:
    return hashlib.blake2b(written(record).encode(), digest_size=16).digest()


def with_known(new: Firm, old: Firm) -> Firm:
    """The new firm with the very records of the old one where they are equal.

    So whatever compares the two again can do so by identity, and nothing is in memory twice.
    """
    return Firm(**{of: _with_known(getattr(new, of), getattr(old, of)) for of in _TABLES})


def _with_known(new: Mapping[str, Any], old: Mapping[str, Any]) -> Mapping[str, Any]:
    known = {
        key: before if (before := old.get(key)) is not None and (before is record or before == record) else record
        for key, record in new.items()
    }
    same = len(known) == len(old) and all(record is old.get(key) for key, record in known.items())
    return old if same and list(known) == list(old) else known


def diff_firms(old: Firm, new: Firm, today: date, day_ago: Firm | None = None) -> DirectoryChange:
    """What changes from the old firm to the new, with the accesses that end, as the walls stand today.

    `day_ago` is the firm as it was a day ago, where that is known: what went since counts with it.
    """
    kinds = {kind: _compare(of(old), of(new)) for kind, (_, of) in KINDS.items()}
    lost, old_access = _accesses(old, new, kinds, today)
    leavers = tuple(sorted(old.active_staff - new.active_staff))
    opens = opening(old, new, today, day_ago) if _may_open(kinds) else LetIn()
    change = DirectoryChange(old, new, kinds, leavers, lost, old_access, today, opens)
    return change if day_ago is None or day_ago is old else _since(change, day_ago)


def compared(stored: Firm, firm: Firm, today: date, day_ago: Firm | None = None) -> DirectoryChange:
    """What changes, with the stored firm's very records where they are equal.

    What else takes long is worked out with it, since this runs beside the event loop.
    """
    firm = with_known(firm, stored)
    change = diff_firms(stored, firm, today, day_ago)
    change.fingerprint()
    _ = change.written
    prepare(stored if change.empty else firm)
    return change


def _since(change: DirectoryChange, day_ago: Firm) -> DirectoryChange:
    """The change with the shares that went since a day ago, of what it takes itself."""
    new, staff, access = change.new, 0.0, 0.0
    if change.leavers and len(left := day_ago.active_staff - new.active_staff) > _FEW:
        staff = _percent(len(left), max(len(day_ago.active_staff), len(change.old.active_staff)))
    if _gone(change.old, new):
        # A wall or a restriction is set on purpose, and waits for nothing that went before.
        before = {one.id: len(with_access(day_ago, one, change.today)) for one in day_ago.matters.values()}
        lost = sum(before[one] for one in _gone(day_ago, new))
        access = _percent(lost, max(sum(before.values()), change.old_access))
    return replace(change, staff_since=staff, access_since=access)


def _gone(old: Firm, new: Firm) -> list[str]:
    """The ids of matters that are deleted, or not there any more."""
    deleted = MatterStatus.DELETED

    def there(firm: Firm, matter_id: str) -> bool:
        return matter_id in firm.matters and firm.matters[matter_id].status is not deleted

    return [one for one in old.matters if there(old, one) and not there(new, one)]


def _may_open(kinds: Mapping[str, KindChange]) -> bool:
    """Whether anything changes by which somebody may be let in who was kept out."""
    return bool(kinds["group"] or kinds["wall"] or kinds["staff"] or kinds["matter"].changed)


def _accesses(
    old: Firm,
    new: Firm,
    kinds: Mapping[str, KindChange],
    today: date,
    sees: Callable[[str, str], bool] = lambda kind, record_id: True,
) -> tuple[Mapping[str, int], int]:
    """How many accesses end for each person, and if any, how many there were, of the matters that a reader sees."""
    # A matter's accesses depend on the matter itself, the staff, the groups and the walls, and on nothing else.
    others = kinds["group"] or kinds["wall"] or old.active_staff != new.active_staff
    touched: Collection[str] = old.matters if others else (*kinds["matter"].changed, *kinds["matter"].removed)
    lost: Counter[str] = Counter()
    open_to_all = 0
    for matter in (old.matters[one] for one in touched if sees("matter", one)):
        before, after = with_access(old, matter, today), new.matters.get(matter.id)
        still = with_access(new, after, today) if after is not None else frozenset()
        if before is old.active_staff and still is new.active_staff:
            open_to_all += 1
        else:
            lost.update(before - still)
    # Most matters are open to the whole firm; of these only who leaves it loses anything.
    if open_to_all:
        for staff_id in old.active_staff - new.active_staff:
            lost[staff_id] += open_to_all
    seen = [one for one in old.matters.values() if sees("matter", one.id)] if lost else []
    return lost, sum(len(with_access(old, one, today)) for one in seen)


def _compare(old: Mapping[str, object], new: Mapping[str, object]) -> KindChange:
    found = sorted(differing(old, new))
    return KindChange(
        added=tuple(key for key in found if key not in old),
        changed=tuple(key for key in found if key in old and key in new),
        removed=tuple(key for key in found if key not in new),
    )


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def _listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(map(apart, names[:_NAMED])) + (f" and {more} more" if more > 0 else "")


def _label(firm: Firm, kind: str, record_id: str) -> str:
    """How people call a record."""
    if kind == "staff":
        return firm.staff[record_id].name
    return firm.matters[record_id].number if kind == "matter" else record_id
