"""The directory in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from peewee import chunked

from bridge.clock import now_ms
from bridge.directory.change import DirectoryChange, KindChange
from bridge.directory.past.earlier import forget_earlier, keep_earlier
from bridge.directory.past.replaced import keep_replaced
from bridge.directory.records import Record, firm_from_records
from bridge.firm.audit import Deed
from bridge.firm.model import Firm, Matter
from bridge.firm.webhooks import EventType
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import DirectoryRecord, DirectoryVersion, HeldChange
from bridge.store.people.leavers import leavers_set
from bridge.store.people.panel import end_sessions
from bridge.store.people.tokens import end_tokens
from bridge.store.record.audit import record, subject_of
from bridge.store.record.happenings import ToTell, happened
from bridge.store.record.kept import DIRECTORY_READ, DIRECTORY_UNDONE, keep, kept

_AT_ONCE = 200
_READ_AT_ONCE = 1000
_NEXT = """
    SELECT kind, record_id, data FROM directory_record WHERE kind > ? OR (kind = ? AND record_id > ?)
    ORDER BY kind, record_id LIMIT ?
"""
_PUT = """
    INSERT INTO directory_record (kind, record_id, data) VALUES {rows}
    ON CONFLICT (kind, record_id) DO UPDATE SET data = excluded.data
"""


def accepted_records(unit: ReadUnit, behind: tuple[str, str] = ("", "")) -> list[Record]:
    """The next records of the last accepted firm, behind a kind and id; none where that was the last."""
    rows = unit.rows(_NEXT, behind[0], behind[0], behind[1], _READ_AT_ONCE)
    return [(kind, record_id, data) for kind, record_id, data in rows]


async def read_firm(store: Store) -> Firm:
    """The last accepted firm, read in pieces. Raises StoredDirectoryError when it cannot be read back."""
    records: list[Record] = []
    while page := await store.read(accepted_records, records[-1][:2] if records else ("", "")):
        records += page
    return await asyncio.to_thread(firm_from_records, records)


def accepted_version(unit: ReadUnit) -> int:
    """How often the accepted firm changed, so that the same number stands for the same records."""
    return int(unit.get(DirectoryVersion, DirectoryVersion.id == 1).version)


def stored_matter(unit: ReadUnit, matter_id: str) -> Matter | None:
    """A matter of the last accepted firm. Raises StoredDirectoryError."""
    row = unit.find(DirectoryRecord, DirectoryRecord.kind == "matter", DirectoryRecord.record_id == matter_id)
    return None if row is None else firm_from_records([(row.kind, row.record_id, row.data)]).matters[matter_id]


def accept(unit: Unit, change: DirectoryChange, by: str = "", waits: str = "") -> int:
    """Write the records that differ, and forget whatever change was held but the one with the fingerprint `waits`.
    Returns the version from now on.

    With it end the sessions of the panel and the tokens of the API of whoever leaves.

    `by` is who wants it, where that is not the directory's owner or whoever confirmed it. What a confirmed change
    replaces is kept, so that it can be taken back.
    """
    unit.execute_rows(_PUT, "(?, ?, ?)", change.written)
    for kind, differs in change.kinds.items():
        for ids in chunked(differs.removed, _AT_ONCE):
            unit.run(DirectoryRecord.delete().where(DirectoryRecord.kind == kind, DirectoryRecord.record_id.in_(ids)))
    held = unit.find(HeldChange, HeldChange.fingerprint == change.fingerprint())
    if not change.empty:
        unit.run(DirectoryVersion.update(version=DirectoryVersion.version + 1))
        actor = by or (held.confirmed_by if held is not None else "")
        record(unit, Deed.DIRECTORY_CHANGED, actor=actor, subject=change.fingerprint(), reason=change.summary())
        if held is not None and held.confirmed_by:
            keep_replaced(unit, change, held.confirmed_by)
            forget_earlier(unit)
        else:
            keep_earlier(unit, change, now_ms())
    for staff_id in change.leavers:
        # For good, also where they come back before anybody tries one (F2).
        end_sessions(unit, staff_id)
        end_tokens(unit, staff_id, now_ms())
    happened(unit, _told_of(change))
    unit.run(HeldChange.delete().where(HeldChange.fingerprint != waits))
    keep(unit, DIRECTORY_UNDONE, "")
    return accepted_version(unit)


def _told_of(change: DirectoryChange) -> list[ToTell]:
    """Whom and what a change is about, for webhooks."""
    matters = change.kinds["matter"] if "matter" in change.kinds else KindChange()
    returned = sorted((change.new.active_staff - change.old.active_staff) & change.old.staff.keys())
    return [
        *(ToTell(EventType.STAFF_LEFT, "", one) for one in change.leavers),
        *(ToTell(EventType.STAFF_RETURNED, "", one) for one in returned),
        *(ToTell(EventType.MATTER_CHANGED, one) for one in (*matters.added, *matters.changed, *matters.removed)),
    ]


def still_waits(unit: ReadUnit, fingerprint: str) -> bool:
    """Whether this change is held and nobody has confirmed it."""
    held = unit.find(HeldChange, HeldChange.fingerprint == fingerprint)
    return held is not None and not held.confirmed_by


def anything_waits(unit: ReadUnit) -> bool:
    """Whether a change is held that nobody has confirmed."""
    return unit.exists(HeldChange.select().where(HeldChange.confirmed_by == ""))


def hold(unit: Unit, fingerprint: str, summary: str, now: int) -> bool:
    """Hold this change and no other. Returns whether it has been confirmed. `now` is in milliseconds."""
    unit.run(HeldChange.delete().where(HeldChange.fingerprint != fingerprint))
    held = unit.find(HeldChange, HeldChange.fingerprint == fingerprint)
    if held is None:
        unit.run(HeldChange.insert(fingerprint=fingerprint, summary=summary, held_at=now))
        happened(unit, [ToTell(EventType.DIRECTORY_HELD, fingerprint)])
        return False
    return bool(held.confirmed_by)


def undone_fingerprints(unit: ReadUnit) -> frozenset[str]:
    """What the files said when a confirmed change was taken back; nothing once they say something else."""
    return frozenset(kept(unit, DIRECTORY_UNDONE).split())


def departed(unit: ReadUnit, staff_ids: Collection[str]) -> set[str]:
    """Those of these people who may do nothing at this very moment, by the accepted firm and by command (F2)."""
    rows = DirectoryRecord.select().where(
        DirectoryRecord.kind == "staff", DirectoryRecord.record_id.in_(list(staff_ids))
    )
    found = firm_from_records([(row.kind, row.record_id, row.data) for row in unit.all(rows)])
    return set(staff_ids) - (found.active_staff - leavers_set(unit))


def is_confirmed(unit: ReadUnit, fingerprint: str) -> bool:
    """Whether this change is held and somebody confirmed it."""
    held = unit.find(HeldChange, HeldChange.fingerprint == fingerprint)
    return held is not None and bool(held.confirmed_by)


def is_as_read(unit: ReadUnit, noted: str, version: int) -> bool:
    """Whether the files that this was noted of were found to say what the accepted firm is, which has this version
    still, and no change is held."""
    same = kept(unit, DIRECTORY_READ) == noted and accepted_version(unit) == version
    return same and not unit.exists(HeldChange.select())


def confirm_change(unit: Unit, fingerprint: str, by: str, cause: str = "") -> bool:
    """Note who confirmed the held change. Returns whether it is held, or this cause confirmed it before."""
    found = bool(unit.run(HeldChange.update(confirmed_by=by).where(HeldChange.fingerprint == fingerprint)))
    if found:
        record(unit, Deed.DIRECTORY_CONFIRMED, actor=by, subject=fingerprint, cause=cause)
    return found or subject_of(unit, Deed.DIRECTORY_CONFIRMED, cause) == fingerprint
