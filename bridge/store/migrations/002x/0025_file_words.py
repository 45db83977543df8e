"""Files from before are found by every spelling of their words, and names that nobody gave are no versions (V3).

Each with what the bridge does when a file comes: whoever looks must find old and new ones alike.
"""

from __future__ import annotations

from typing import Any

import orjson
from peewee import Database, SqliteDatabase
from playhouse.migrate import SchemaMigrator

from bridge.mapping.file_words import words
from bridge.mapping.nobodys_names import is_nobodys

_PAGE = 1000
_POSTGRESQL = """
    UPDATE file_search SET search = array_to_tsvector(
        ARRAY(SELECT lexeme FROM unnest(search) WHERE starts_with(lexeme, '=')) || %s::text[]
    ) WHERE "rowid" = %s
"""


def up(migrator: SchemaMigrator, db: Database) -> None:
    last = -1
    while rows := _page(db, last):
        for position, moment, event_id, name, caption, name_key, unedited, removed in rows:
            if not removed and not (text := f"{name} {caption}").isascii():
                _write_words(db, moment, words(text))
            _part(db, position, event_id, name_key, unedited, removed=removed)
        last = rows[-1][0]


def _page(db: Database, after: int) -> list[Any]:
    return _run(
        db,
        "SELECT position, moment, event_id, name, caption, name_key, unedited, removed_at IS NOT NULL FROM file"
        " WHERE position > ? ORDER BY position LIMIT ?",
        after,
        _PAGE,
    )


def _write_words(db: Database, moment: int, told: list[str]) -> None:
    if isinstance(db, SqliteDatabase):
        _run(db, "UPDATE file_search SET words = ? WHERE rowid = ?", " ".join(told), moment)
    else:
        db.execute_sql(_POSTGRESQL, (told, moment))  # type: ignore[no-untyped-call]


def _part(db: Database, position: int, event_id: str, name_key: str, unedited: str, *, removed: bool) -> None:
    """Let a file have a name of its own, where nobody gave it one, now or before it was edited."""
    if is_nobodys(name_key):
        own = f"{name_key}\n{event_id}"
        _run(db, "UPDATE file SET name_key = ?, newest = ? WHERE position = ?", own, not removed, position)
    before = orjson.loads(unedited) if unedited else {}
    if is_nobodys(before.get("name_key", "")):
        before["name_key"] = f"{before['name_key']}\n{event_id}"
        _run(db, "UPDATE file SET unedited = ? WHERE position = ?", orjson.dumps(before).decode(), position)


def _run(db: Database, statement: str, *values: object) -> list[Any]:
    cursor = db.execute_sql(statement.replace("?", db.param), values)  # type: ignore[no-untyped-call]
    return list(cursor.fetchall()) if cursor.description is not None else []
