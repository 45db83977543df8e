"""Which files wait for the filing cabinet, which are in it, and where. All are units of work; times in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal, cast

from peewee import fn

from bridge.store.models import CabinetFolder, Conversation, File, Filing, MatterFiling

Mode = Literal["off", "on", "by_matter"]
Numbered = Callable[[str, int], str]
"""The n-th version of a name."""
Key = Callable[[str], str]
"""What makes two names the same."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that is to be filed."""

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
    removed: bool
    """Whether its message was deleted since."""
    place: Place | None
    """Where it was to go before the bridge ended; None where it had no name yet."""
    size: int | None
    """In bytes, where it was fetched before; so too its digest."""
    sha256: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file stands in the cabinet."""

    folder: str
    """As matter/conversation."""
    name: str


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
class Listed:
    """A file as the list in its folder tells of it."""

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


def queue_files(mode: Mode, after: int, now: int) -> int:
    """Queue the files of filed matters that came behind this position; returns the position of the last file."""
    last = File.select(fn.MAX(File.position)).scalar() or 0
    if last > after:
        _queue((File.position > after) & _wanted(mode), now)
    return int(last)


def _queue(which: Any, now: int) -> None:
    known = Filing.select(Filing.event_id).where(Filing.event_id == File.event_id)
    found = File.select(File.event_id).where(which, File.removed_at.is_null(), ~fn.EXISTS(known)).tuples()
    rows = [{"event_id": event_id, "queued_at": now} for (event_id,) in cast("Iterable[tuple[str]]", found)]
    for first in range(0, len(rows), 500):
        Filing.insert_many(rows[first : first + 500]).execute()


def is_filed(mode: Mode, matter_id: str) -> bool:
    """Whether a matter's files are filed."""
    row = MatterFiling.get_or_none(MatterFiling.matter_id == matter_id)
    said = mode == "on" if row is None else bool(row.filed)
    return mode != "off" and said


def set_matter_filing(mode: Mode, matter_id: str, *, filed: bool, set_by: str, now: int) -> int:
    """Note whether a matter's files are filed, queue those it has, and try failed ones again; how many wait then."""
    row = MatterFiling
    row.insert(matter_id=matter_id, filed=filed, set_by=set_by, at_ms=now).on_conflict(
        conflict_target=[row.matter_id], update={row.filed: filed, row.set_by: set_by, row.at_ms: now}
    ).execute()
    if not filed or mode == "off":
        return 0
    _queue(File.matter_id == matter_id, now)
    of_matter = Filing.event_id.in_(File.select(File.event_id).where(File.matter_id == matter_id))
    again = {Filing.state: "waiting", Filing.attempts: 0, Filing.next_at: 0, Filing.error: ""}
    Filing.update(again).where(Filing.state == "failed", of_matter).execute()
    return int(Filing.select().where(Filing.state == "waiting", of_matter).count())


def due(mode: Mode, now: int, limit: int) -> list[Waiting]:
    """Files to be filed now, those first that were not tried for longest."""
    rows: Iterable[Any] = (
        Filing.select(Filing, File)
        .join(File, on=(Filing.event_id == File.event_id), attr="file")
        .where(Filing.state == "waiting", Filing.next_at <= now, _wanted(mode))
        .order_by(Filing.next_at, File.position)
        .limit(limit)
    )
    return [_waiting(row, row.file) for row in rows]


def _waiting(row: Filing, file: File) -> Waiting:
    return Waiting(
        file.event_id,
        file.matter_id,
        file.conversation_id,
        file.name,
        file.mxc,
        file.encryption,
        file.declared_size,
        file.at_ms,
        row.attempts,
        removed=file.removed_at is not None,
        place=Place(row.folder, row.name) if row.name else None,
        size=file.found_size,
        sha256=file.sha256,
    )


def record_found(event_id: str, found: Found) -> None:
    """Note what a file turned out to be, filed or not."""
    what = {File.found_type: found.type, File.found_size: found.size, File.sha256: found.sha256}
    File.update(what).where(File.event_id == event_id).execute()
    Filing.update({Filing.note: found.note}).where(Filing.event_id == event_id).execute()


def was_removed(event_id: str) -> bool:
    """Whether a file's message was deleted."""
    return File.select().where(File.event_id == event_id, File.removed_at.is_null()).count() == 0


def take_folder(key: str, parent: str, wanted: str, numbered: Numbered, key_of: Key) -> str:
    """The folder of a matter or conversation in `parent`, named `wanted` or the next free version at its first use."""
    row = CabinetFolder.get_or_none(CabinetFolder.key == key)
    if row is not None:
        return str(row.name)
    siblings = CabinetFolder.select(CabinetFolder.name_key).where(CabinetFolder.parent == parent).tuples()
    taken = {name_key for (name_key,) in cast("Iterable[tuple[str]]", siblings)}
    name = next(name for n in count(1) if key_of(name := numbered(wanted, n)) not in taken)
    CabinetFolder.create(key=key, parent=parent, name=name, name_key=key_of(name))
    return name


def folder_name(key: str) -> str:
    """The name of a folder in use; empty where it is not."""
    row = CabinetFolder.get_or_none(CabinetFolder.key == key)
    return "" if row is None else str(row.name)


def conversation_title(conversation_id: str) -> str:
    """A conversation's title, empty where there is none."""
    row = Conversation.get_or_none(Conversation.id == conversation_id)
    return "" if row is None else str(row.title)


def take_name(
    event_id: str, folder: str, wanted: str, *, beyond: int, numbered: Numbered, key_of: Key, reserved: Iterable[str]
) -> Place:
    """Give a file its name in a folder: `wanted`, or the version after those that are there.

    `beyond` is a version that cannot be had, because something that is not the bridge's has its name.
    """
    base = key_of(wanted)
    known = Filing.select(fn.MAX(Filing.version)).where(Filing.folder == folder, Filing.base_key == base).scalar() or 0
    for version in count(max(known, beyond) + 1):
        name = numbered(wanted, version)
        key = key_of(name)
        taken = Filing.select().where(Filing.folder == folder, Filing.name_key == key).exists()
        if not taken and key not in reserved:
            row = {Filing.folder: folder, Filing.name: name, Filing.name_key: key, Filing.base_key: base}
            Filing.update({**row, Filing.version: version}).where(Filing.event_id == event_id).execute()
            return Place(folder, name)
    raise AssertionError("count() has no end")


def version_of(event_id: str) -> int:
    """The version that a file's name has; 0 where it has none."""
    return int(Filing.get(Filing.event_id == event_id).version)


def mark_filed(event_id: str, conversation_id: str, now: int) -> None:
    """Note that a file is in the cabinet, and that its folder's list is to say so."""
    done = {Filing.state: "filed", Filing.filed_at: now, Filing.error: ""}
    Filing.update(done).where(Filing.event_id == event_id).execute()
    _list_anew([conversation_id])


def put_off(event_id: str, error: str, next_at: int) -> None:
    """Try a file again at this time."""
    again = {Filing.attempts: Filing.attempts + 1, Filing.error: error, Filing.next_at: next_at}
    Filing.update(again).where(Filing.event_id == event_id).execute()


def mark_failed(event_id: str, error: str, now: int) -> None:
    """Note that a file cannot be filed. Its name, if it had one, is free again."""
    nowhere = {Filing.folder: "", Filing.name: "", Filing.name_key: None, Filing.base_key: "", Filing.version: 0}
    failed = {Filing.state: "failed", Filing.error: error, Filing.next_at: now, Filing.attempts: Filing.attempts + 1}
    Filing.update({**failed, **nowhere}).where(Filing.event_id == event_id).execute()


def withdraw(event_id: str) -> None:
    """File it never: its message was deleted before it was in the cabinet."""
    Filing.delete().where(Filing.event_id == event_id).execute()


def heed_removed() -> None:
    """Leave out files that were deleted before they were filed; lists are to say of the filed ones that they were."""
    removed = File.select(File.event_id).where(File.removed_at.is_null(False))
    # One with a name may be in the cabinet already; that is looked at when its turn comes.
    Filing.delete().where(Filing.state != "filed", Filing.name == "", Filing.event_id.in_(removed)).execute()
    fresh = (Filing.state == "filed") & ~Filing.marked_removed & Filing.event_id.in_(removed)
    found: Iterable[Any] = File.select(File.event_id, File.conversation_id).join(
        Filing, on=(Filing.event_id == File.event_id)
    )
    rows = [(row.event_id, row.conversation_id) for row in found.where(fresh)]  # type: ignore[attr-defined]
    for event_id, _ in rows:
        Filing.update({Filing.marked_removed: True}).where(Filing.event_id == event_id).execute()
    _list_anew({conversation_id for _, conversation_id in rows})


def _list_anew(conversation_ids: Iterable[str]) -> None:
    keys = list(conversation_ids)
    more = {CabinetFolder.changed: CabinetFolder.changed + 1}
    CabinetFolder.update(more).where(CabinetFolder.key.in_(keys)).execute()


def to_list() -> list[tuple[str, str, int]]:
    """Folders whose lists do not say all: the conversation's id, the path, and the number of changes to note."""
    rows = CabinetFolder.select().where(CabinetFolder.changed > CabinetFolder.listed)
    return [(row.key, f"{row.parent}/{row.name}", row.changed) for row in rows]


def mark_listed(key: str, changes: int) -> None:
    """Note that a folder's list has so many changes."""
    CabinetFolder.update({CabinetFolder.listed: changes}).where(CabinetFolder.key == key).execute()


def listed_in(folder: str) -> list[Listed]:
    """The files in a folder, oldest first."""
    rows: Iterable[Any] = (
        Filing.select(Filing, File)
        .join(File, on=(Filing.event_id == File.event_id), attr="file")
        .where(Filing.folder == folder, Filing.state == "filed")
        .order_by(File.at_ms, File.position)
    )
    return [
        Listed(
            row.name,
            row.file.name,
            row.version,
            row.file.sender,
            row.file.staff_id,
            row.file.at_ms,
            row.file.found_type,
            row.file.found_size or 0,
            row.file.sha256,
            row.file.caption,
            row.event_id,
            row.note,
            row.file.removed_at,
        )
        for row in rows
    ]


def count_waiting(mode: Mode) -> int:
    """How many files wait."""
    found = Filing.select().join(File, on=(Filing.event_id == File.event_id))
    return int(found.where(Filing.state == "waiting", _wanted(mode)).count())


def counts(mode: Mode) -> Counts:
    """How filing stands, over all matters."""
    states = Filing.select(Filing.state, fn.COUNT(Filing.event_id)).group_by(Filing.state).tuples()
    by_state = dict(cast("Iterable[tuple[str, int]]", states))
    waits = (
        Filing.select(Filing, File)
        .join(File, on=(Filing.event_id == File.event_id))
        .where(Filing.state == "waiting", _wanted(mode))
    )
    oldest = waits.clone().order_by(Filing.queued_at).first()
    late = waits.clone().where(Filing.error != "").order_by(Filing.next_at.desc()).first()
    failed = Filing.select().where(Filing.state == "failed").order_by(Filing.next_at.desc()).first()
    return Counts(
        waits.count(),
        int(by_state.get("filed", 0)),
        int(by_state.get("failed", 0)),
        None if oldest is None else int(oldest.queued_at),
        "" if late is None else str(late.error),
        "" if failed is None else str(failed.error),
    )
