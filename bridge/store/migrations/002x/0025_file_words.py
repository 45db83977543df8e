"""Files from before are found by every spelling of their words, and names that nobody gave are no versions (V3).

Each with what the bridge does when a file comes: whoever looks must find old and new ones alike.
"""

from __future__ import annotations

from typing import Any

import orjson
from playhouse.migrate import SchemaMigrator

from bridge.mapping.file_words import words
from bridge.mapping.nobodys_names import is_nobodys
from bridge.store.engine.unit import Unit

_PAGE = 1000
_POSTGRESQL = """
    UPDATE file_search SET search = array_to_tsvector(
        ARRAY(SELECT lexeme FROM unnest(search) WHERE starts_with(lexeme, '=')) || ?::text[]
    ) WHERE "rowid" = ?
"""


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    last = -1
    while rows := _page(unit, last):
        for position, moment, event_id, name, caption, name_key, unedited, removed in rows:
            if not removed and not (text := f"{name} {caption}").isascii():
                _write_words(unit, moment, words(text))
            _part(unit, position, event_id, name_key, unedited, removed=removed)
        last = rows[-1][0]


def _page(unit: Unit, after: int) -> list[Any]:
    return unit.rows(
        "SELECT position, moment, event_id, name, caption, name_key, unedited, removed_at IS NOT NULL FROM file"
        " WHERE position > ? ORDER BY position LIMIT ?",
        after,
        _PAGE,
    )


def _write_words(unit: Unit, moment: int, told: list[str]) -> None:
    if unit.sqlite:
        unit.execute("UPDATE file_search SET words = ? WHERE rowid = ?", " ".join(told), moment)
    else:
        unit.execute(_POSTGRESQL, told, moment)


def _part(unit: Unit, position: int, event_id: str, name_key: str, unedited: str, *, removed: bool) -> None:
    """Let a file have a name of its own, where nobody gave it one, now or before it was edited."""
    if is_nobodys(name_key):
        own = f"{name_key}\n{event_id}"
        unit.execute("UPDATE file SET name_key = ?, newest = ? WHERE position = ?", own, not removed, position)
    before = orjson.loads(unedited) if unedited else {}
    if is_nobodys(before.get("name_key", "")):
        before["name_key"] = f"{before['name_key']}\n{event_id}"
        unit.execute("UPDATE file SET unedited = ? WHERE position = ?", orjson.dumps(before).decode(), position)
