"""Statements written out, for the few that run once or more for every event.

Peewee builds its SQL anew at every call, which takes ten times as long as running these (benchmarks/README.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, TypeVar

from peewee import PostgresqlDatabase

from bridge.store.models import database

T = TypeVar("T")
ROWS_PER_STATEMENT = 500
"""Well within what databases take as values of one statement."""


def execute(statement: str, *values: object) -> Any:
    """Run a statement in the unit of work and return its cursor. Values stand as `?`, in SQLite and PostgreSQL."""
    if database.param != "?":
        statement = statement.replace("?", database.param)
    return database.connection().execute(statement, values)


def skip_to(column: Any) -> None:
    """After a row got a number by hand: let the next numbers come behind it. SQLite does so by itself."""
    if isinstance(database.obj, PostgresqlDatabase):
        table, name = column.model._meta.table_name, column.column_name
        execute(f'SELECT setval(pg_get_serial_sequence(?, ?), (SELECT max("{name}") FROM "{table}"))', table, name)  # noqa: S608


@contextmanager
def undone() -> Iterator[None]:
    """Let all that is done within it be undone, with the numbers that rows got. SQLite takes those back by itself."""
    before = _sequences()
    execute("SAVEPOINT undone")
    try:
        yield
    finally:
        execute("ROLLBACK TO SAVEPOINT undone")
        execute("RELEASE SAVEPOINT undone")
        # No transaction of PostgreSQL takes them back. Nobody but this thread takes any.
        for name, last in _sequences().items():
            if last != before[name]:
                execute("SELECT setval(?, ?, ?)", name, before[name] or 1, before[name] is not None)


def _sequences() -> dict[str, int | None]:
    """The last number that each sequence gave, by name; None where it gave none."""
    if not isinstance(database.obj, PostgresqlDatabase):
        return {}
    found = execute("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = current_schema()").fetchall()
    return {str(name): last for name, last in found}


def batched(values: Iterable[T], size: int = ROWS_PER_STATEMENT) -> Iterator[tuple[T, ...]]:
    """These values so many at a time, as `itertools.batched` of Python 3.12 gives them. Peewee's `chunked` takes as
    long for two values as for a full statement."""
    left = iter(values)
    while some := tuple(islice(left, size)):
        yield some


def execute_rows(statement: str, row: str, rows: Sequence[Sequence[object]]) -> list[tuple[Any, ...]]:
    """Run a statement in which `{rows}` stands for many rows, each written as `row`; what it returns, if anything."""
    returned: list[tuple[Any, ...]] = []
    for first in range(0, len(rows), ROWS_PER_STATEMENT):
        some = rows[first : first + ROWS_PER_STATEMENT]
        cursor = execute(statement.format(rows=", ".join([row] * len(some))), *chain.from_iterable(some))
        if cursor.description is not None:
            returned += cursor.fetchall()
    return returned
