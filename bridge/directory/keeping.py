"""The directory in the store. Each function is one unit of work, to be given to `store.run`."""

from __future__ import annotations

from peewee import chunked

from bridge.directory.change import DirectoryChange
from bridge.directory.records import Record, firm_from_records, record_of
from bridge.firm.audit import Deed
from bridge.firm.model import Matter
from bridge.store.audit import record
from bridge.store.models import DirectoryRecord, HeldChange

_AT_ONCE = 200


def accepted_records() -> list[Record]:
    """The records of the last accepted firm; none where none was accepted yet."""
    return [(row.kind, row.record_id, row.data) for row in DirectoryRecord.select()]


def stored_matter(matter_id: str) -> Matter | None:
    """A matter of the last accepted firm. Raises StoredDirectoryError."""
    row = DirectoryRecord.get_or_none(DirectoryRecord.kind == "matter", DirectoryRecord.record_id == matter_id)
    return None if row is None else firm_from_records([(row.kind, row.record_id, row.data)]).matters[matter_id]


def accept(change: DirectoryChange) -> None:
    """Write the records that differ, and forget whatever change was held."""
    written = [
        record_of(change.new, kind, record_id)
        for kind, differs in change.kinds.items()
        for record_id in (*differs.added, *differs.changed)
    ]
    key = [DirectoryRecord.kind, DirectoryRecord.record_id]
    for batch in chunked(written, _AT_ONCE):
        insert = DirectoryRecord.insert_many(batch, fields=[*key, DirectoryRecord.data])
        insert.on_conflict(conflict_target=key, preserve=[DirectoryRecord.data]).execute()
    for kind, differs in change.kinds.items():
        for ids in chunked(differs.removed, _AT_ONCE):
            DirectoryRecord.delete().where(DirectoryRecord.kind == kind, DirectoryRecord.record_id.in_(ids)).execute()
    held = HeldChange.get_or_none(HeldChange.fingerprint == change.fingerprint())
    if not change.empty:
        actor = held.confirmed_by if held is not None else ""
        record(Deed.DIRECTORY_CHANGED, actor=actor, subject=change.fingerprint(), reason=change.summary())
    HeldChange.delete().execute()


def hold(fingerprint: str, summary: str, now: int) -> bool:
    """Hold this change and no other. Returns whether it has been confirmed. `now` is in milliseconds."""
    HeldChange.delete().where(HeldChange.fingerprint != fingerprint).execute()
    held = HeldChange.get_or_none(HeldChange.fingerprint == fingerprint)
    if held is None:
        HeldChange.create(fingerprint=fingerprint, summary=summary, held_at=now)
        return False
    return bool(held.confirmed_by)


def is_confirmed(fingerprint: str) -> bool:
    """Whether this change is held and somebody confirmed it."""
    held = HeldChange.get_or_none(HeldChange.fingerprint == fingerprint)
    return held is not None and bool(held.confirmed_by)


def confirm_change(fingerprint: str, by: str) -> bool:
    """Note who confirmed the held change. Returns whether it is held."""
    found = bool(HeldChange.update(confirmed_by=by).where(HeldChange.fingerprint == fingerprint).execute())
    if found:
        record(Deed.DIRECTORY_CONFIRMED, actor=by, subject=fingerprint)
    return found
