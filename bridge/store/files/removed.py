"""What the file rules note of files and ask about them (V4)."""

from __future__ import annotations

from bridge.clock import now_ms
from bridge.firm.audit import Deed, Outcome
from bridge.firm.rules import CitedRule
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.files.files import file_row, remove_file
from bridge.store.models import File
from bridge.store.record.audit import record

BY_RULE = "rule"
"""Who removed a file that a rule took away."""


def note_taken_away(unit: Unit, event_id: str, conversation_id: str, actor: str, rule: CitedRule) -> bool:
    """Note that a rule took a file away; whether that is news. The audit log has no name of the file (O1)."""
    row = file_row(unit, event_id)
    if row is not None and row.removed_by == BY_RULE:
        return False
    if not remove_file(unit, event_id, now_ms(), BY_RULE):
        # The homeserver may have told of it before.
        unit.run(File.update(removed_by=BY_RULE).where(File.event_id == event_id))
    record(
        unit,
        Deed.FILE_REMOVED,
        actor=actor,
        subject=conversation_id,
        reason=rule,
        cause=event_id,
        outcome=Outcome.REFUSED,
    )
    return True


def standing_like(unit: ReadUnit, event_id: str, mxc: str, size: int, sha256: str) -> frozenset[str]:
    """The addresses of files, whose messages stand, that are this one or may have the same content.

    `event_id` is the message that counts no more; `size` and `sha256` are what the homeserver says of the file.
    """
    same = (File.mxc == mxc) | (File.sha256 == sha256) | (File.declared_size == size) | File.declared_size.is_null()
    rows = File.select(File.mxc).where(File.removed_at.is_null() & (File.event_id != event_id) & same)
    return frozenset(row.mxc for row in unit.all(rows))
