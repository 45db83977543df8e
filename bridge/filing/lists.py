"""The list of a folder's files, for people and their spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime

from bridge.firm.model import Firm
from bridge.store.files.cabinet_folders import IndexedFile

HEAD = (
    "Name",
    "Original name",
    "Version",
    "Sender",
    "Sender's Matrix id",
    "Sent (UTC)",
    "Type",
    "Bytes",
    "SHA-256",
    "Caption",
    "Event",
    "Note",
    "Deleted in the conversation (UTC)",
)
_LAST_MS = 253_402_300_799_999
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def list_of(files: Sequence[IndexedFile], firm: Firm) -> bytes:
    """A folder's list as CSV in UTF-8, with the mark at its beginning by which spreadsheets know that."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(HEAD)
    writer.writerows([_harmless(cell) for cell in _row(one, firm)] for one in files)
    return text.getvalue().encode("utf-8-sig")


def _row(one: IndexedFile, firm: Firm) -> tuple[str, ...]:
    person = firm.staff.get(one.staff_id)
    return (
        one.name,
        one.given,
        str(one.version),
        person.name if person is not None else "",
        one.sender,
        moment(one.at_ms),
        one.type,
        str(one.size),
        one.sha256,
        one.caption,
        one.event_id,
        one.note,
        moment(one.removed_at) if one.removed_at is not None else "",
    )


def moment(at_ms: int) -> str:
    """A time as ISO 8601 has it, in UTC; the nearest that can be written."""
    found = datetime.fromtimestamp(min(max(at_ms, 0), _LAST_MS) / 1000, UTC)
    return found.isoformat(sep=" ", timespec="seconds").removesuffix("+00:00")


def _harmless(cell: str) -> str:
    """Spreadsheets take what begins so for a formula; an apostrophe before it makes it text (OWASP, CSV injection)."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
