"""Files as they are stored: what was sent, its versions, and what takes it away (V3, V4).

Times are milliseconds since the epoch. Who reads is `bridge/store/files/lists.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from bridge.firm.webhooks import EventType
from bridge.mapping.file_words import in_conversation, in_matter, sent_by, type_marks, words
from bridge.mapping.files import Carried, extension, name_key
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import File
from bridge.store.record.happenings import ToTell, happened

MOMENTS = 1 << 20
"""Files of one millisecond that can be told apart in their order."""
LATEST_MS = (1 << 42) - 1
"""The end of the times that can be put in order, in the year 2109."""
_NEWEST = """
    SELECT moment FROM file WHERE conversation_id = ? AND name_key = ? AND removed_at IS NULL
    ORDER BY moment DESC LIMIT 1
"""
_BEFORE_ADDED = f"""
    SELECT EXISTS (SELECT 1 FROM file WHERE event_id = ?), (SELECT matter_id FROM conversation WHERE id = ?),
    (SELECT MAX(moment) FROM file WHERE moment >= ? AND moment < ?), ({_NEWEST})
"""  # noqa: S608 - a statement of our own
# As a comparison, since SQLite looks in no index for a column that stands alone.
_NO_LONGER = """
    UPDATE file SET newest = FALSE WHERE conversation_id = ? AND newest = TRUE AND name_key = ? AND moment <> ?
"""
_BEFORE_FOUND = "SELECT mxc, removed_at, kind, name, declared_type, found_type FROM file WHERE event_id = ?"
_FOUND = "UPDATE file SET found_type = ?, found_size = ?, sha256 = ?, size = ? WHERE event_id = ?"


@dataclass(frozen=True, slots=True)
class NewFile:
    """A message that carries a file, and where and by whom it was sent."""

    event_id: str
    room_id: str
    conversation_id: str
    sender: str
    """Matrix id."""
    staff_id: str
    """Empty where the account is nobody's."""
    at_ms: int
    carried: Carried


def add_file(unit: Unit, sent: NewFile) -> bool:
    """Note a file. False where its message is known already."""
    columns = _as_columns(sent.carried, sent.event_id)
    first = min(max(sent.at_ms, 0), LATEST_MS) * MOMENTS
    known, matter_id, taken, newest = unit.row(
        _BEFORE_ADDED,
        sent.event_id,
        sent.conversation_id,
        first,
        first + MOMENTS,
        sent.conversation_id,
        columns["name_key"],
    )
    if known:
        return False
    moment = first if taken is None else int(taken) + 1
    row = File(
        event_id=sent.event_id,
        room_id=sent.room_id,
        conversation_id=sent.conversation_id,
        matter_id=matter_id or "",
        sender=sent.sender,
        staff_id=sent.staff_id,
        at_ms=sent.at_ms,
        moment=moment,
        newest=newest is None or newest < moment,
        **columns,
    )
    unit.add(row)
    if newest is not None and row.newest:
        unit.execute(_NO_LONGER, row.conversation_id, row.name_key, moment)
    _add_words(unit, row)
    _tell(unit, EventType.FILE_ADDED, row, sent.staff_id, sent.at_ms)
    return True


def _tell(unit: Unit, kind: EventType, row: File, by: str, at_ms: int = 0) -> None:
    """Queue it for webhooks."""
    happened(unit, [ToTell(kind, row.conversation_id, by, by, row.room_id, row.event_id, at_ms)])


def edit_file(unit: Unit, sent: NewFile) -> bool:
    """Show a file as its sender's edit has it; `sent` is the edit's event, at whose time it happened.

    False where it changes nothing: nobody's file, somebody else's, one that was removed, or an edit older than the
    one that counts (specification: the newest counts, and of two of one moment the one with the greater id).
    """
    row = file_row(unit, sent.carried.replaces)
    if row is None or row.removed_at is not None or (row.sender, row.room_id) != (sent.sender, sent.room_id):
        return False
    if (sent.at_ms, sent.event_id) <= (row.edited_at, row.edit_id):
        return False
    if not row.unedited:
        row.unedited = orjson.dumps({name: getattr(row, name) for name in _EDITED}).decode()
    row.edit_id, row.edited_at = sent.event_id, sent.at_ms
    _change(unit, row, _as_columns(sent.carried, row.event_id))
    _tell(unit, EventType.FILE_CHANGED, row, sent.staff_id, sent.at_ms)
    return True


def take_back_edit(unit: Unit, edit_id: str, room_id: str) -> bool:
    """Show a file of this room as it was sent, where this edit, which somebody deleted, is the one that counts."""
    row = unit.find(File, File.edit_id == edit_id, File.room_id == room_id, File.removed_at.is_null())
    if row is None:
        return False
    before, row.unedited, row.edit_id = orjson.loads(row.unedited), "", ""
    _change(unit, row, before)
    _tell(unit, EventType.FILE_CHANGED, row, row.staff_id)
    return True


def remove_file(unit: Unit, event_id: str, at_ms: int, by: str) -> bool:
    """Take a file off the lists, for a staff or Matrix id; whoever did it first stays noted.

    False where it is not known or was removed before.
    """
    row = file_row(unit, event_id)
    if row is None or row.removed_at is not None:
        return False
    row.removed_at, row.removed_by, row.newest = at_ms, by, False
    unit.save(row)
    _note_change(unit, event_id)
    unit.execute("DELETE FROM file_search WHERE rowid = ?", row.moment)
    _mark_newest(unit, row.conversation_id, row.name_key)
    _tell(unit, EventType.FILE_REMOVED, row, by)
    return True


def note_found(unit: Unit, event_id: str, mxc: str, found_type: str, found_size: int, sha256: str) -> bool:
    """Note what the bytes of a file say, once they were fetched from this address.

    False where the file is not known, or an edit has put another in its place meanwhile.
    """
    row = unit.row(_BEFORE_FOUND, event_id)
    if row is None or row[0] != mxc:
        return False
    _, removed_at, kind, name, declared_type, type_before = row
    unit.execute(_FOUND, found_type, found_size, sha256, found_size, event_id)

    def marks(by_bytes: str) -> list[str]:
        return type_marks(kind, extension(name), [declared_type, by_bytes])

    if removed_at is None and marks(found_type) != marks(type_before):
        _write_words(unit, unit.get(File, File.event_id == event_id))
    return True


def file_row(unit: ReadUnit, event_id: str) -> File | None:
    """The file that a message carries, removed ones included."""
    return unit.find(File, File.event_id == event_id)


_EDITED = (
    "kind",
    "name",
    "name_key",
    "caption",
    "mxc",
    "encryption",
    "declared_type",
    "declared_size",
    "width",
    "height",
    "duration_ms",
)
"""The columns that an edit changes."""


def _as_columns(carried: Carried, event_id: str) -> dict[str, Any]:
    # A name that nobody gave is nobody's version, and has its place among the names all the same.
    own_key = carried.name_key or f"{name_key(carried.name)}\n{event_id}"
    return {
        **{name: getattr(carried, name) for name in _EDITED},
        "name_key": own_key,
        "size": carried.declared_size or 0,
    }


def _change(unit: Unit, row: File, columns: dict[str, Any]) -> None:
    """Give a file other columns, and with another address forget what was found under the old one."""
    name_before, mxc_before = row.name_key, row.mxc
    for name in _EDITED:
        setattr(row, name, columns[name])
    if row.mxc != mxc_before:
        row.found_type, row.found_size, row.sha256 = "", None, ""
    row.size = row.found_size or row.declared_size or 0
    unit.save(row)
    _note_change(unit, row.event_id)
    for key in {name_before, row.name_key}:
        _mark_newest(unit, row.conversation_id, key)
    _write_words(unit, row)


def _note_change(unit: Unit, event_id: str) -> None:
    """Have the filer look at a file again. By what happened here and not by times, which are the homeserver's."""
    unit.execute("INSERT INTO file_change (event_id) VALUES (?) ON CONFLICT (event_id) DO NOTHING", event_id)


def _mark_newest(unit: Unit, conversation_id: str, name_key: str) -> None:
    """Mark the newest version of a name, and no other."""
    found = unit.row(_NEWEST, conversation_id, name_key)
    newest = -1 if found is None else found[0]
    unit.execute(_NO_LONGER, conversation_id, name_key, newest)
    unit.execute("UPDATE file SET newest = TRUE WHERE moment = ? AND newest = FALSE", newest)


def _write_words(unit: Unit, row: File) -> None:
    """Have a file found by its name, its caption and what it is as they are now."""
    unit.execute("DELETE FROM file_search WHERE rowid = ?", row.moment)
    _add_words(unit, row)


def _add_words(unit: Unit, row: File) -> None:
    told = words(f"{row.name} {row.caption}")
    marks = [in_conversation(str(row.conversation_id)), sent_by(str(row.staff_id or row.sender))]
    marks += [in_matter(str(row.matter_id))] if row.matter_id else []
    marks += type_marks(str(row.kind), extension(str(row.name)), [str(row.declared_type), str(row.found_type)])
    if unit.sqlite:
        unit.execute(
            "INSERT INTO file_search (rowid, words, marks) VALUES (?, ?, ?)",
            row.moment,
            " ".join(told),
            " ".join(marks),
        )
    else:
        # The marks stand beside the words, so they begin with a sign that no word has.
        lexemes = told + [f"={mark}" for mark in marks]
        unit.execute('INSERT INTO file_search ("rowid", search) VALUES (?, array_to_tsvector(?))', row.moment, lexemes)
