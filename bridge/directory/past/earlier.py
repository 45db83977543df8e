"""What the directory was in the last day, so that many small removals count together (S3).

Of each record that changes or goes it is kept what it was before it did so first in an hour. Once a firm admin confirms
a change, the counting begins anew: they know what is so now.
"""

from __future__ import annotations

from collections.abc import Iterable

from bridge.directory.change import DirectoryChange
from bridge.directory.records import KINDS, Record, firm_from_records, record_of
from bridge.firm.model import Firm
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import EarlierRecord

_HOUR_MS = 60 * 60 * 1000
_HOURS = 24
_KEEP = "INSERT INTO earlier_record (kind, record_id, hour, data) VALUES {rows} ON CONFLICT DO NOTHING"
_EARLIEST = """
    SELECT kind, record_id, data FROM earlier_record one WHERE hour >= ? AND NOT EXISTS (
        SELECT 1 FROM earlier_record before WHERE before.kind = one.kind AND before.record_id = one.record_id
        AND before.hour >= ? AND before.hour < one.hour
    )
"""


def keep_earlier(unit: Unit, change: DirectoryChange, now: int) -> None:
    """Keep what the change replaces or takes away, and no longer what is a day old. `now` is in milliseconds."""
    hour = now // _HOUR_MS
    unit.run(EarlierRecord.delete().where(EarlierRecord.hour < hour - _HOURS))
    rows = [
        (kind, record_id, hour, record_of(change.old, kind, record_id)[2])
        for kind, differs in change.kinds.items()
        for record_id in (*differs.changed, *differs.removed)
    ]
    unit.execute_rows(_KEEP, "(?, ?, ?, ?)", rows)


def forget_earlier(unit: Unit) -> None:
    """Count anew from what is so now."""
    unit.run(EarlierRecord.delete())


def earlier_records(unit: ReadUnit, now: int) -> list[Record]:
    """What those records were a day ago that changed since, or when they came after that."""
    since = now // _HOUR_MS - _HOURS
    return [(kind, record_id, data) for kind, record_id, data in unit.rows(_EARLIEST, since, since)]


def with_earlier(firm: Firm, records: Iterable[Record]) -> Firm:
    """The firm with these records as they were. Pure. Raises StoredDirectoryError."""
    before = firm_from_records(records)
    if not any(of(before) for _, of in KINDS.values()):
        return firm
    staff, groups, matters, walls, channels = (
        {**of(firm), **of(before)} if of(before) else of(firm)
        for _, of in (KINDS[kind] for kind in ("staff", "group", "matter", "wall", "channel"))
    )
    return Firm(staff=staff, groups=groups, matters=matters, walls=walls, channels=channels)
