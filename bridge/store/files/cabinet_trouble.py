"""Where in the filing cabinet something cannot be written, by folder. Times are milliseconds.

What fails in one folder, because somebody has its list open or nobody may write there, rests alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import CabinetTrouble

What = Literal["files", "list", "transcript"]
"""What is written into a folder: the files of its conversation, their list, the transcript."""
TOLD_AFTER = 3
"""Failures in a row before the firm admins hear of it: a spreadsheet program keeps a list for a minute or two."""
_FIRST_PAUSE_MS = 30_000
_LONGEST_PAUSE_MS = 600_000
_TROUBLES = """
    SELECT trouble.conversation_id, trouble.what, trouble.error, trouble.since_ms, trouble.over,
    folder.parent, folder.name, conversation.matter_id FROM cabinet_trouble trouble
    JOIN cabinet_folder folder ON folder."key" = trouble.conversation_id
    JOIN conversation ON conversation.id = trouble.conversation_id
    WHERE {which} ORDER BY trouble.since_ms, trouble.conversation_id, trouble.what LIMIT ?
"""
_NOTHING_WAITS = """
    UPDATE cabinet_trouble SET over = TRUE WHERE what = 'files' AND next_at <= ? AND NOT EXISTS (
        SELECT 1 FROM filing JOIN file ON file.event_id = filing.event_id
        WHERE file.conversation_id = cabinet_trouble.conversation_id AND filing.state = 'waiting')
"""


@dataclass(frozen=True, slots=True)
class FolderTrouble:
    """A folder into which something cannot be written."""

    conversation_id: str
    what: What
    error: str
    """A sentence about the filing cabinet (bridge/filing/trouble.py)."""
    since_ms: int
    over: bool
    """Whether it could be written since."""
    folder: str
    """As matter/conversation. It names the matter, so not everybody may read it (M3)."""
    matter_id: str


def note_trouble(unit: Unit, conversation_id: str, what: What, error: str, now: int) -> None:
    """Note that something could not be written, which is tried again after a while, a longer one each time."""
    row = unit.find(
        CabinetTrouble, CabinetTrouble.conversation_id == conversation_id, CabinetTrouble.what == what
    ) or CabinetTrouble(conversation_id=conversation_id, what=what, since_ms=now, next_at=now)
    is_new = row.failures == 0
    # Several files that were on their way at once are one failure of the folder.
    if row.next_at <= now or row.over:
        row.failures += 1
        row.next_at = now + min(_FIRST_PAUSE_MS * 2 ** min(row.failures - 1, 10), _LONGEST_PAUSE_MS)
    row.error, row.over = error, False
    if is_new:
        unit.add(row)
    else:
        unit.save(row)


def end_trouble(unit: Unit, conversation_id: str, what: What) -> None:
    """Note that it could be written."""
    one = (conversation_id, what)
    unit.execute("DELETE FROM cabinet_trouble WHERE conversation_id = ? AND what = ? AND told = FALSE", *one)
    unit.execute("UPDATE cabinet_trouble SET over = TRUE WHERE conversation_id = ? AND what = ?", *one)


def troubles_to_tell(unit: Unit, limit: int, now: int) -> list[FolderTrouble]:
    """Troubles that last and were not told of, and those told of that are over."""
    unit.execute(_NOTHING_WAITS, now)
    unit.execute("DELETE FROM cabinet_trouble WHERE over = TRUE AND told = FALSE")
    return _found(unit, "trouble.over = TRUE OR (trouble.told = FALSE AND trouble.failures >= ?)", TOLD_AFTER, limit)


def note_told(unit: Unit, told: list[FolderTrouble]) -> None:
    """Note that the firm admins were told; forget what is over."""
    for one in told:
        if one.over:
            unit.run(CabinetTrouble.delete().where(_is(one)))
        else:
            unit.run(CabinetTrouble.update({CabinetTrouble.told: True}).where(_is(one)))


def lasting_troubles(unit: ReadUnit, limit: int) -> list[FolderTrouble]:
    """Troubles that last, the oldest first."""
    return _found(unit, "trouble.over = FALSE AND trouble.failures >= ?", TOLD_AFTER, limit)


def count_lasting(unit: ReadUnit) -> int:
    """How many troubles last."""
    (found,) = unit.row("SELECT COUNT(*) FROM cabinet_trouble WHERE over = FALSE AND failures >= ?", TOLD_AFTER)
    return int(found)


def _found(unit: ReadUnit, which: str, *values: int) -> list[FolderTrouble]:
    found = unit.rows(_TROUBLES.format(which=which), *values)
    return [
        FolderTrouble(key, what, error, since_ms, over=bool(over), folder=f"{parent}/{name}", matter_id=matter_id)
        for key, what, error, since_ms, over, parent, name, matter_id in found
    ]


def _is(one: FolderTrouble) -> object:
    return (CabinetTrouble.conversation_id == one.conversation_id) & (CabinetTrouble.what == one.what)
