"""Statements written out, for the few that run once or more for every event.

Peewee builds its SQL anew at every call, which takes ten times as long as running these (benchmarks/README.md).
"""

from __future__ import annotations

from typing import Any

from bridge.store.models import database


def execute(statement: str, *values: object) -> Any:
    """Run a statement in the unit of work and return its cursor. Values stand as `?`, in SQLite and PostgreSQL."""
    if database.param != "?":
        statement = statement.replace("?", database.param)
    return database.connection().execute(statement, values)
