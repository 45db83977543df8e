"""Which records of two tables differ. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def differing(before: Mapping[str, T], now: Mapping[str, T]) -> set[str]:
    """The ids of what was added, changed or removed. What is equal mostly is the same object, which is seen at once."""
    both = before.keys() & now.keys()
    return {one for one in both if before[one] is not now[one] and before[one] != now[one]} | (
        before.keys() ^ now.keys()
    )
