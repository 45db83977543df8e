"""Undoing a part of a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bridge.store.engine.unit import ReadUnit, Unit


@contextmanager
def undone(unit: Unit) -> Iterator[None]:
    """Let all that is done within it be undone, with the numbers that rows got. SQLite takes those back by itself.

    Nobody is told of what was announced.
    """
    before, news = _sequences(unit), len(unit.news)
    unit.execute("SAVEPOINT undone")
    try:
        yield
    finally:
        unit.execute("ROLLBACK TO SAVEPOINT undone")
        unit.execute("RELEASE SAVEPOINT undone")
        del unit.news[news:]
        # No transaction of PostgreSQL takes them back. Nobody but this thread takes any.
        for name, last in _sequences(unit).items():
            if last != before[name]:
                unit.execute("SELECT setval(?, ?, ?)", name, before[name] or 1, before[name] is not None)


def _sequences(unit: ReadUnit) -> dict[str, int | None]:
    """The last number that each sequence gave, by name; None where it gave none."""
    if unit.sqlite:
        return {}
    found = unit.rows("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = current_schema()")
    return {str(name): last for name, last in found}
