"""The folders of the filing cabinet: their names, and the lists of what is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

from peewee import ModelSelect

from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.files.cabinet_trouble import end_trouble
from bridge.store.models import CabinetFolder, File, Filing

Numbered = Callable[[str, int], str]
"""The n-th version of a name."""
Key = Callable[[str], str]
"""What makes two names the same."""
_ROWS = 500
_TO_LIST = """
    SELECT "key", parent, name, changed FROM cabinet_folder WHERE changed > listed AND NOT EXISTS (
        SELECT 1 FROM cabinet_trouble trouble WHERE trouble.conversation_id = cabinet_folder."key"
        AND trouble.what = 'list' AND trouble.next_at > ? AND trouble.over = FALSE) LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A file as the list in its folder tells of it."""

    position: int
    name: str
    given: str
    """Its name as the message gives it."""
    version: int
    sender: str
    staff_id: str
    at_ms: int
    type: str
    size: int
    sha256: str
    caption: str
    event_id: str
    note: str
    removed_at: int | None


def folder_at(unit: ReadUnit, key: str) -> str:
    """The path of a folder that is in use; empty for one that is not."""
    row = unit.row("SELECT parent, name FROM cabinet_folder WHERE key = ?", key)
    return "" if row is None else "/".join(filter(None, row))


def take_folder(unit: Unit, key: str, parent: str, wanted: str, numbered: Numbered, key_of: Key) -> str:
    """The path of a matter's or conversation's folder in `parent`, which is named `wanted` at its first use, or the
    next version of it that is free."""
    if found := folder_at(unit, key):
        return found
    siblings = unit.tuples(CabinetFolder.select(CabinetFolder.name_key).where(CabinetFolder.parent == parent))
    taken = {name_key for (name_key,) in siblings}
    name = next(name for n in count(1) if key_of(name := numbered(wanted, n)) not in taken)
    unit.run(CabinetFolder.insert(key=key, parent=parent, name=name, name_key=key_of(name)))
    return folder_at(unit, key)


def list_anew(unit: Unit, conversation_ids: Iterable[str]) -> None:
    """Note that the lists of these conversations' folders do not say all."""
    for conversation_id in conversation_ids:
        unit.execute("UPDATE cabinet_folder SET changed = changed + 1 WHERE key = ?", conversation_id)


def to_list(unit: ReadUnit, now: int, limit: int) -> list[tuple[str, str, int]]:
    """Folders whose lists do not say all: the conversation's id, the path, and the number of changes to note."""
    found = unit.rows(_TO_LIST, now, limit)
    return [(key, f"{parent}/{name}", changed) for key, parent, name, changed in found]


def mark_listed(unit: Unit, key: str, changes: int) -> None:
    """Note that a folder's list has so many changes."""
    unit.run(CabinetFolder.update({CabinetFolder.listed: changes}).where(CabinetFolder.key == key))
    end_trouble(unit, key, "list")


def listed_in(unit: ReadUnit, folder: str, behind: IndexedFile | None = None) -> list[IndexedFile]:
    """The next files in a folder behind one, oldest first."""
    files: ModelSelect[Any] = Filing.select(Filing, File).join(File, on=(Filing.event_id == File.event_id), attr="file")
    found = files.where(Filing.folder == folder, Filing.state == "filed")
    if behind is not None:
        later = (Filing.sent_ms == behind.at_ms) & (Filing.position > behind.position)
        found = found.where((Filing.sent_ms > behind.at_ms) | later)
    return [
        IndexedFile(
            int(row.position),
            str(row.name),
            str(row.given),
            int(row.version),
            row.file.sender,
            row.file.staff_id,
            int(row.sent_ms),
            str(row.type),
            int(row.size or 0),
            str(row.sha256),
            row.file.caption,
            str(row.event_id),
            str(row.note),
            row.file.removed_at,
        )
        for row in unit.all(found.order_by(Filing.sent_ms, Filing.position).limit(_ROWS))
    ]


def names_in(unit: ReadUnit, folder: str) -> dict[str, str]:
    """The names of the files in a folder, by the event id of their message."""
    statement = "SELECT event_id, name FROM filing WHERE folder = ? AND state = 'filed' ORDER BY sent_ms, position"
    return dict(unit.rows(statement, folder))
