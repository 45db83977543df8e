"""Which records of two tables differ. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import TypeVar
from weakref import ref

from bridge.firm.table import Table

T = TypeVar("T")


def differing(before: Mapping[str, T], now: Mapping[str, T]) -> Set[str]:
    """The ids of what was added, changed or removed.

    A table remembers what it differed in from the last one that it was compared with: a change of the firm is looked at
    by all who follow it, and tables may have tens of thousands of records.
    """
    if not (isinstance(before, Table) and isinstance(now, Table)):
        return _differing(before, now)
    # By a name of its own: another thread may compare the same table with another one meanwhile.
    known = now.compared
    if known is None or known[0]() is not before:
        known = now.compared = ref(before), _differing(before, now)
    return known[1]


def _differing(before: Mapping[str, T], now: Mapping[str, T]) -> frozenset[str]:
    if before is now:
        return frozenset()
    # What is equal mostly is the same object, which is seen at once.
    changed = {one for one, record in now.items() if (known := before.get(one)) is not record and known != record}
    return frozenset(changed.union(one for one in before if one not in now))
