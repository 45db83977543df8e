"""Values in portions that fit into one statement, and the marks that stand for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
ROWS_PER_STATEMENT = 500
"""Well within what databases take as values of one statement."""


def batched(values: Iterable[T], size: int = ROWS_PER_STATEMENT) -> Iterator[tuple[T, ...]]:
    """These values so many at a time, as `itertools.batched` of Python 3.12 gives them. Peewee's `chunked` takes as
    long for two values as for a full statement."""
    left = iter(values)
    while some := tuple(islice(left, size)):
        yield some


def placeholders(values: Sequence[object]) -> str:
    """A question mark for each of these values."""
    return ", ".join("?" * len(values))
