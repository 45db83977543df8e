"""What waits for the filing cabinet, and what is in it. Times are milliseconds."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal

from peewee import Case, ModelSelect, Value, fn

from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.files.cabinet_folders import Key, Numbered, list_anew
from bridge.store.files.cabinet_trouble import end_trouble
from bridge.store.files.files import note_found
from bridge.store.models import (
    CabinetTrouble,
    File,
    FileChange,
    Filing,
    MatterFiling,
)

Mode = Literal["off", "on", "by_matter"]
_ROWS = 500


@dataclass(frozen=True, slots=True)
class CabinetPath:
    """Where a file stands in the cabinet."""

    folder: str
    """As matter/conversation."""
    name: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Bytes that are to be filed."""

    position: int
    event_id: str
    matter_id: str
    conversation_id: str
    name: str
    """As the message gives it."""
    mxc: str
    encryption: str
    declared_size: int | None
    at_ms: int
    attempts: int
    gone: bool
    """Whether their message was deleted since, or has other bytes by an edit."""
    place: CabinetPath | None
    """Where they were to go before the bridge ended; None where they had no name yet."""
    size: int | None
    """Where they were fetched before; so too their digest."""
    sha256: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a file turned out to be."""

    type: str
    """By the bytes."""
    size: int
    sha256: str
    """Hexadecimal."""
    note: str = ""
    """What was otherwise than the message said, as a sentence."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How filing stands."""

    waiting: int
    filed: int
    failed: int
    oldest_ms: int | None
    """Since when the one that waits longest does."""
    error: str
    """Why the one that was tried last was not filed, as a sentence; empty where none waits for a reason."""
    failure: str
    """Why the last one that never will be is not, as a sentence."""


def _wanted(mode: Mode) -> Any:
    """What is true of files whose matter is filed."""
    said = MatterFiling.select(MatterFiling.matter_id).where(MatterFiling.filed == (mode == "by_matter"))
    chosen = File.matter_id.in_(said) if mode == "by_matter" else File.matter_id.not_in(said)
    return (File.matter_id != "") & chosen & (mode != "off")


def queue_files(unit: Unit, mode: Mode, after: int, now: int) -> int:
    """Queue the next files of filed matters behind this position; returns how far it came, `after` at the end."""
    last = int(unit.value(File.select(fn.MAX(File.position))) or 0)
    upto = min(last, after + _ROWS)
    if upto > after:
        _queue(unit, (File.position > after) & (File.position <= upto) & _wanted(mode), now)
    return max(upto, after)


def heed_changes(unit: Unit, mode: Mode, now: int) -> int:
    """Follow some of the deletions and edits since the last time; returns how many were left to follow before.

    Files deleted before they were filed are left out, lists are to say of the filed ones that they were, and the bytes
    that edits put into messages are queued.
    """
    changed = [event_id for (event_id,) in unit.rows("SELECT event_id FROM file_change LIMIT ?", _ROWS)]
    if changed:
        _heed_removed(unit, changed)
        _queue(unit, (File.edit_id != "") & File.event_id.in_(changed) & _wanted(mode), now)
        unit.run(FileChange.delete().where(FileChange.event_id.in_(changed)))
    return len(changed)


def _queue(unit: Unit, which: Any, now: int) -> None:
    known = Filing.select(Filing.position).where(Filing.event_id == File.event_id, Filing.mxc == File.mxc)
    sent_ms = Case(None, [(File.edit_id == "", File.at_ms)], File.edited_at)
    found = File.select(File.event_id, File.mxc, File.name, sent_ms, Value(now)).where(
        which, File.removed_at.is_null(), ~fn.EXISTS(known)
    )
    columns = [Filing.event_id, Filing.mxc, Filing.given, Filing.sent_ms, Filing.queued_at]
    rows = unit.tuples(found.order_by(File.position))
    for first in range(0, len(rows), _ROWS):
        unit.run(Filing.insert_many(rows[first : first + _ROWS], fields=columns))


def is_filed(unit: ReadUnit, mode: Mode, matter_id: str) -> bool:
    """Whether a matter's files are filed."""
    row = unit.find(MatterFiling, MatterFiling.matter_id == matter_id)
    said = mode == "on" if row is None else bool(row.filed)
    return mode != "off" and said


def set_matter_filing(unit: Unit, mode: Mode, matter_id: str, *, filed: bool, set_by: str, now: int) -> int:
    """Note whether a matter's files are filed, queue those it has, and try failed ones again; how many wait then."""
    row = MatterFiling
    unit.run(
        row.insert(matter_id=matter_id, filed=filed, set_by=set_by, at_ms=now).on_conflict(
            conflict_target=[row.matter_id], update={row.filed: filed, row.set_by: set_by, row.at_ms: now}
        )
    )
    if not filed or mode == "off":
        return 0
    _queue(unit, File.matter_id == matter_id, now)
    of_matter = Filing.event_id.in_(File.select(File.event_id).where(File.matter_id == matter_id))
    again = {Filing.state: "waiting", Filing.attempts: 0, Filing.next_at: 0, Filing.error: ""}
    unit.run(Filing.update(again).where(Filing.state == "failed", of_matter))
    return unit.count(Filing.select().where(Filing.state == "waiting", of_matter))


def _with_files(*columns: Any) -> ModelSelect[Any]:
    return Filing.select(*columns).join(File, on=(Filing.event_id == File.event_id), attr="file")


def due(unit: ReadUnit, mode: Mode, now: int, limit: int) -> list[Waiting]:
    """What is to be filed now into folders that do not rest, that first which was not tried for longest."""
    trouble = CabinetTrouble
    rests = trouble.select(trouble.conversation_id).where(
        trouble.what == "files", trouble.next_at > now, ~trouble.over, trouble.conversation_id == File.conversation_id
    )
    found = _with_files(Filing, File).where(
        Filing.state == "waiting", Filing.next_at <= now, _wanted(mode), ~fn.EXISTS(rests)
    )
    return [_waiting(row, row.file) for row in unit.all(found.order_by(Filing.next_at, Filing.position).limit(limit))]


def _waiting(row: Filing, file: File) -> Waiting:
    return Waiting(
        int(row.position),
        str(row.event_id),
        str(file.matter_id),
        str(file.conversation_id),
        str(row.given),
        str(row.mxc),
        str(file.encryption),
        file.declared_size,
        int(row.sent_ms),
        int(row.attempts),
        gone=file.removed_at is not None or file.mxc != row.mxc,
        place=CabinetPath(str(row.folder), str(row.name)) if row.name else None,
        size=row.size,
        sha256=str(row.sha256),
    )


def record_found(unit: Unit, file: Waiting, found: Found) -> bool:
    """Note what a file turned out to be; False where its message was deleted or has other bytes meanwhile."""
    note_found(unit, file.event_id, file.mxc, found.type, found.size, found.sha256)
    what = (found.type, found.size, found.sha256, found.note)
    unit.execute("UPDATE filing SET type = ?, size = ?, sha256 = ?, note = ? WHERE position = ?", *what, file.position)
    there = "SELECT 1 FROM file WHERE event_id = ? AND mxc = ? AND removed_at IS NULL"
    return unit.row(there, file.event_id, file.mxc) is not None


def take_name(
    unit: Unit,
    position: int,
    folder: str,
    wanted: str,
    *,
    beyond: int,
    numbered: Numbered,
    key_of: Key,
    reserved: Iterable[str],
) -> CabinetPath:
    """Give a file its name in a folder: `wanted`, or the version after those that are there.

    `beyond` is a version that cannot be had, because something that is not the bridge's has its name.
    """
    base = key_of(wanted)
    (known,) = unit.row("SELECT MAX(version) FROM filing WHERE folder = ? AND base_key = ?", folder, base)
    for version in count(max(known or 0, beyond) + 1):
        name = numbered(wanted, version)
        key = key_of(name)
        taken = unit.row("SELECT 1 FROM filing WHERE folder = ? AND name_key = ?", folder, key)
        if taken is None and key not in reserved:
            unit.execute(
                "UPDATE filing SET folder = ?, name = ?, name_key = ?, base_key = ?, version = ? WHERE position = ?",
                *(folder, name, key, base, version, position),
            )
            return CabinetPath(folder, name)
    raise AssertionError("count() has no end")


def version_of(unit: ReadUnit, position: int) -> int:
    """The version that a file's name has; 0 where it has none."""
    return int(unit.get(Filing, Filing.position == position).version)


def mark_filed(unit: Unit, file: Waiting, now: int) -> None:
    """Note that a file is in the cabinet, and that its folder's list is to say so."""
    unit.execute("UPDATE filing SET state = 'filed', filed_at = ?, error = '' WHERE position = ?", now, file.position)
    unit.execute("UPDATE filed_transcript SET changed = changed + 1 WHERE conversation_id = ?", file.conversation_id)
    end_trouble(unit, file.conversation_id, "files")
    list_anew(unit, [file.conversation_id])


def put_off(unit: Unit, position: int, error: str, next_at: int) -> None:
    """Try a file again at this time."""
    again = {Filing.attempts: Filing.attempts + 1, Filing.error: error, Filing.next_at: next_at}
    unit.run(Filing.update(again).where(Filing.position == position))


def mark_failed(unit: Unit, position: int, error: str, now: int) -> None:
    """Note that a file cannot be filed. Its name, if it had one, is free again."""
    nowhere = {Filing.folder: "", Filing.name: "", Filing.name_key: None, Filing.base_key: "", Filing.version: 0}
    failed = {Filing.state: "failed", Filing.error: error, Filing.next_at: now, Filing.attempts: Filing.attempts + 1}
    unit.run(Filing.update({**failed, **nowhere}).where(Filing.position == position))


def withdraw(unit: Unit, position: int) -> None:
    """File it never: its message was deleted, or had other bytes, before it was in the cabinet."""
    unit.run(Filing.delete().where(Filing.position == position))


def _heed_removed(unit: Unit, changed: list[str]) -> None:
    removed = File.select(File.event_id).where(File.event_id.in_(changed), File.removed_at.is_null(False))
    # One with a name may be in the cabinet already; that is looked at when its turn comes.
    unit.run(Filing.delete().where(Filing.state != "filed", Filing.name == "", Filing.event_id.in_(removed)))
    fresh = (Filing.state == "filed", ~Filing.marked_removed, Filing.event_id.in_(removed))
    rows = unit.tuples(_with_files(Filing.position, File.conversation_id).where(*fresh))
    unit.run(Filing.update({Filing.marked_removed: True}).where(Filing.position.in_([row[0] for row in rows])))
    list_anew(unit, {conversation_id for _, conversation_id in rows})


def places_of(unit: ReadUnit, event_ids: Collection[str]) -> dict[str, str]:
    """Where the files of these messages lie in the cabinet, as folder/name; the last place of one that was edited."""
    row = Filing
    found = unit.tuples(
        row.select(row.event_id, row.folder, row.name)
        .where(row.event_id.in_(list(event_ids)), row.state == "filed")
        .order_by(row.position)
    )
    return {event_id: f"{folder}/{name}" for event_id, folder, name in found}


def count_waiting(unit: ReadUnit, mode: Mode) -> int:
    """How many files wait."""
    return unit.count(_waits(mode))


def counts(unit: ReadUnit, mode: Mode, hidden: Collection[str] = ()) -> Counts:
    """How filing stands, over all matters but those of these ids (M3)."""
    shown = File.matter_id.not_in(list(hidden))
    states = unit.tuples(_with_files(Filing.state, fn.COUNT(Filing.position)).where(shown).group_by(Filing.state))
    by_state: dict[str, int] = dict(states)
    waits = _waits(mode).where(shown)
    oldest = unit.first(waits.order_by(Filing.queued_at))
    late = unit.first(waits.where(Filing.error != "").order_by(Filing.next_at.desc()))
    of_failed = _with_files(Filing).where(Filing.state == "failed", shown)
    failed = unit.first(of_failed.order_by(Filing.next_at.desc()))
    return Counts(
        unit.count(waits),
        int(by_state.get("filed", 0)),
        int(by_state.get("failed", 0)),
        None if oldest is None else int(oldest.queued_at),
        "" if late is None else str(late.error),
        "" if failed is None else str(failed.error),
    )


def _waits(mode: Mode) -> ModelSelect[Any]:
    return _with_files(Filing).where(Filing.state == "waiting", _wanted(mode))
