"""What differs between two firms, and whom it takes something from. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from bridge.directory.records import KINDS, firm_to_records
from bridge.firm.model import Firm, Matter, MatterStatus
from bridge.firm.policy import may_access

_NAMED = 10
"""Names given in a summary before the rest is only counted."""


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
    lost_access: tuple[tuple[str, str], ...]
    """(staff id, matter id) of every access that ends."""
    old_access: int
    """How many such pairs the old firm has."""

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
        return _percent(len(self.lost_access), self.old_access)

    def needs_confirmation(self, limit_percent: int) -> bool:
        """Whether more than this share of staff or of access would go."""
        return self.staff_share > limit_percent or self.access_share > limit_percent

    def fingerprint(self) -> str:
        """A digest of the new firm, the same for the same content: a confirmation is for exactly that."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        for record in sorted(firm_to_records(self.new)):
            digest.update("\0".join(record).encode() + b"\0\0")
        return digest.hexdigest()[:16]

    def summary(self, sees: Callable[[str, str], bool] | None = None) -> str:
        """The change as lines for a person.

        `sees` is asked with the kind and id of a record; with it, there is nothing of any other record in them (M3).
        """
        counted = {kind: self._counts(kind, change, sees) for kind, change in self.kinds.items()}
        lines = [f"{kind.capitalize()}: {', '.join(counts)}." for kind, counts in counted.items() if counts]
        if self.leavers:
            names = _listed([self.old.staff[staff_id].name for staff_id in self.leavers])
            count = f"{len(self.leavers)} of {len(self.old.active_staff)}"
            lines.append(f"No longer active staff: {count} ({self.staff_share:.0f} %): {names}.")
        lost = [staff_id for staff_id, matter_id in self.lost_access if sees is None or sees("matter", matter_id)]
        if lost:
            names = _listed(
                [f"{self.old.staff[staff_id].name} {count}" for staff_id, count in Counter(lost).most_common()]
            )
            # How many there are in all would tell of hidden matters.
            share = f" of {self.old_access} ({self.access_share:.0f} %)" if sees is None else ""
            lines.append(f"Accesses to matters that end: {len(lost)}{share}: {names}.")
        if lines:
            return "\n".join(lines)
        return "Nothing changes." if self.empty else "Nothing changes that you can see."

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


def diff_firms(old: Firm, new: Firm, today: date) -> DirectoryChange:
    """What changes from the old firm to the new, with the accesses that end, as the walls stand today."""
    kinds = {kind: _compare(of(old), of(new)) for kind, (_, of) in KINDS.items()}
    before = {matter.id: with_access(old, matter, today) for matter in old.matters.values()}
    # A matter's accesses depend on the matter itself, the staff, the groups and the walls, and on nothing else.
    all_affected = kinds["group"] or kinds["wall"] or old.active_staff != new.active_staff
    affected = before if all_affected else (*kinds["matter"].changed, *kinds["matter"].removed)
    lost: list[tuple[str, str]] = []
    for matter_id in affected:
        matter = new.matters.get(matter_id)
        still = with_access(new, matter, today) if matter else frozenset()
        lost.extend((staff_id, matter_id) for staff_id in before[matter_id] - still)
    return DirectoryChange(
        old=old,
        new=new,
        kinds=kinds,
        leavers=tuple(sorted(old.active_staff - new.active_staff)),
        lost_access=tuple(sorted(lost)),
        old_access=sum(map(len, before.values())),
    )


def with_access(firm: Firm, matter: Matter, today: date) -> frozenset[str]:
    """Staff ids of everyone whom `may_access` allows the matter, asking it only where the answer is not plain."""
    if matter.status is MatterStatus.DELETED:
        return frozenset()
    if matter.restricted:
        candidates = firm.people((*matter.team, *matter.allowed)) & firm.active_staff
    elif firm.walls_around(matter):
        candidates = firm.active_staff
    else:
        return firm.active_staff
    return frozenset(staff_id for staff_id in candidates if may_access(firm, staff_id, matter, today))


def _compare(old: Mapping[str, object], new: Mapping[str, object]) -> KindChange:
    return KindChange(
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(sorted(key for key in new.keys() & old.keys() if new[key] != old[key])),
        removed=tuple(sorted(old.keys() - new.keys())),
    )


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def _listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _label(firm: Firm, kind: str, record_id: str) -> str:
    """How people call a record."""
    if kind == "staff":
        return firm.staff[record_id].name
    return firm.matters[record_id].number if kind == "matter" else record_id
