"""Statements that are written out, on PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection


def numbered(connection: Connection[Any], statement: str, values: Sequence[object]) -> Any:
    """Run a statement whose values stand as `?`, and return its cursor.

    As the server numbers them: the driver's own `%s` are looked for anew each time, which for a hundred events takes
    five times as long as storing them (benchmarks/README.md).
    """
    from psycopg import RawCursor

    cursor = RawCursor(connection)
    cursor.execute(_numbered(statement), values)
    return cursor


@lru_cache(maxsize=1024)
def _numbered(statement: str) -> bytes:
    first, *others = statement.split("?")
    numbers = itertools.count(1)
    return "".join([first, *(f"${next(numbers)}{other}" for other in others)]).encode()
