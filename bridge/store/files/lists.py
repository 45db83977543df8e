"""Lists of files, page by page (V3).

A page is found in an index that has the files in the order asked for, so it costs what it shows and not what there is.
Words, types and people are looked up together in the table of words, whose rows stand in the order of sending.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.mapping.file_words import FileSearch, Order, in_conversation
from bridge.store.engine.unit import ReadUnit
from bridge.store.files.files import LATEST_MS, MOMENTS
from bridge.store.models import File

Key = tuple[Any, ...]
"""Where in the order of a list a file stands."""
_LATEST = (LATEST_MS + 1) * MOMENTS
"""Behind every moment."""
_ORDERED: Mapping[Order, tuple[tuple[str, ...], str, str]] = {
    Order.DATE: (("moment",), "<", "DESC"),
    Order.NAME: (("name_key", "moment"), ">", "ASC"),
    Order.SIZE: (("size", "moment"), "<", "DESC"),
}
"""The columns of each order, and how they go on behind a key."""
_FOR_ONE = """
    SELECT id, kind, title, matter_id, everyone, present FROM conversation
    LEFT JOIN participant ON participant.conversation_id = conversation.id AND staff_id = ? WHERE conversation.id
"""


@dataclass(frozen=True, slots=True)
class Hit:
    """A file that fits."""

    position: int
    conversation_id: str
    key: Key


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as a list shows it."""

    file: File
    versions: int
    """How many of its name there are in the conversation."""
    number: int
    """Which of them it is, from 1, the oldest."""


def files_after(unit: ReadUnit, asked: FileSearch, after: Key | None, limit: int) -> list[Hit]:
    """The next files that fit, behind the key of the last one: of each name the newest version that fits."""
    conditions, values = [], list[object]()
    source, marked = "file", asked.words or asked.marks or (asked.conversation_id and not asked.everything)
    if marked:
        # CROSS, so that SQLite begins with the words.
        source = "file_search CROSS JOIN file"
        conditions += ['file.moment = file_search."rowid"', _matches(unit)]
        values.append(_match(unit, asked))
    elif asked.conversation_id:
        conditions.append("file.conversation_id = ?")
        values.append(asked.conversation_id)
    moment = 'file_search."rowid"' if marked else "file.moment"
    for at_ms, sign in ((asked.since_ms, ">="), (asked.until_ms, "<")):
        if at_ms is not None:
            conditions.append(f"{moment} {sign} ?")
            values.append(_moment(at_ms))
    conditions.append("file.newest = TRUE" if asked.everything else "file.removed_at IS NULL")
    ordered, behind, direction = _ORDERED[asked.order]
    columns = [moment if name == "moment" else f"file.{name}" for name in ordered]
    if after is not None:
        conditions.append(f"({', '.join(columns)}) {behind} ({', '.join('?' * len(after))})")
        values += after
    if not asked.everything:
        newer, more = _newer(unit, asked)
        conditions.append(f"(file.newest OR NOT EXISTS ({newer}))")
        values += more
    order = ", ".join(f"{column} {direction}" for column in columns)
    what = ", ".join(["file.position", "file.conversation_id", *columns])
    # All parts are written above; what is asked for comes as values.
    statement = f"SELECT {what} FROM {source} WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT ?"  # noqa: S608
    found = unit.rows(statement, *values, limit)
    return [Hit(row[0], row[1], tuple(row[2:])) for row in found]


def versions_after(unit: ReadUnit, conversation_id: str, name_key: str, after: Key | None, limit: int) -> list[Hit]:
    """The next versions of a name, the newest first."""
    before = _LATEST if after is None else after[0]
    found = unit.rows(
        "SELECT position, conversation_id, moment FROM file WHERE conversation_id = ? AND name_key = ?"
        " AND removed_at IS NULL AND moment < ? ORDER BY moment DESC LIMIT ?",
        conversation_id,
        name_key,
        before,
        limit,
    )
    return [Hit(row[0], row[1], (row[2],)) for row in found]


def listed(unit: ReadUnit, hits: Sequence[Hit]) -> list[Listed]:
    """What a list shows of these files, in their order."""
    counts: dict[tuple[str, str], int] = {}
    told: list[Listed] = []
    for row in _rows(unit, hits):
        name = str(row.conversation_id), str(row.name_key)
        if name not in counts:
            counts[name] = _count(unit, row, _LATEST)
        told.append(Listed(row, counts[name], counts[name] if row.newest else _count(unit, row, int(row.moment))))
    return told


def listed_versions(unit: ReadUnit, hits: Sequence[Hit]) -> list[Listed]:
    """The same for versions of one name that follow each other, the newest first."""
    rows = _rows(unit, hits)
    if not rows:
        return []
    versions, number = _count(unit, rows[0], _LATEST), _count(unit, rows[0], int(rows[0].moment))
    return [Listed(row, versions, number - place) for place, row in enumerate(rows)]


def _rows(unit: ReadUnit, hits: Sequence[Hit]) -> list[File]:
    """The files, in their order, without those that were removed meanwhile."""
    these = File.position.in_([hit.position for hit in hits])
    rows = {row.position: row for row in unit.all(File.select().where(these, File.removed_at.is_null()))}
    return [rows[hit.position] for hit in hits if hit.position in rows]


def conversations_for(unit: ReadUnit, conversation_ids: Collection[str], staff_id: str) -> dict[str, Conversation]:
    """These conversations, with nobody but this person in them, where they are."""
    if not conversation_ids:
        return {}
    asked = f"{_FOR_ONE} IN ({', '.join('?' * len(conversation_ids))})"
    return {
        key: Conversation(
            key,
            ConversationKind(kind),
            title,
            matter_id=matter_id,
            everyone=bool(everyone),
            participants=frozenset({staff_id}) if present else frozenset(),
        )
        for key, kind, title, matter_id, everyone, present in unit.rows(asked, staff_id, *conversation_ids)
    }


def _count(unit: ReadUnit, row: File, moment: int) -> int:
    """How many versions of a file's name there are up to that moment."""
    (count,) = unit.row(
        "SELECT COUNT(*) FROM file WHERE conversation_id = ? AND name_key = ? AND removed_at IS NULL AND moment <= ?",
        row.conversation_id,
        row.name_key,
        moment,
    )
    return int(count)


def _newer(unit: ReadUnit, asked: FileSearch) -> tuple[str, list[object]]:
    """A newer version of the same name that fits, too."""
    conditions = [
        "newer.conversation_id = file.conversation_id AND newer.name_key = file.name_key",
        "newer.moment > file.moment AND newer.removed_at IS NULL",
    ]
    values: list[object] = []
    if asked.until_ms is not None:
        conditions.append("newer.moment < ?")
        values.append(_moment(asked.until_ms))
    if asked.words or asked.marks:
        words_too = 'SELECT 1 FROM file_search WHERE "rowid" = newer.moment AND '
        conditions.append(f"EXISTS ({words_too}{_matches(unit)})")
        values.append(_match(unit, asked))
    return f"SELECT 1 FROM file AS newer WHERE {' AND '.join(conditions)}", values  # noqa: S608 - the same


def _matches(unit: ReadUnit) -> str:
    return "file_search MATCH ?" if unit.sqlite else "file_search.search @@ ?::tsquery"


def _match(unit: ReadUnit, asked: FileSearch) -> str:
    """The search for what is asked, in the database's own syntax. Words and marks have letters and digits only."""
    marks = [*asked.marks, *([in_conversation(asked.conversation_id)] if asked.conversation_id else [])]
    if unit.sqlite:
        ways = [" OR ".join(f'words : "{word}" *' for word in word_ways) for word_ways in asked.words]
        return " AND ".join([f'marks : "{mark}"' for mark in marks] + [f"({one})" for one in ways])
    ways = [" | ".join(f"'{word}':*" for word in word_ways) for word_ways in asked.words]
    return " & ".join([f"'={mark}'" for mark in marks] + [f"({one})" for one in ways])


def _moment(at_ms: int) -> int:
    return min(max(at_ms, 0), LATEST_MS) * MOMENTS
