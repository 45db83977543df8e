"""Which records of two tables differ. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def differing(before: Mapping[str, T], now: Mapping[str, T]) -> set[str]:
    """The ids of what was added, changed or removed. What is equal mostly is the same object, which is seen at once."""
    if before is now:
        return set()
    changed = {one for one, record in now.items() if (known := before.get(one)) is not record and known != record}
    return changed | {one for one in before if one not in now}
