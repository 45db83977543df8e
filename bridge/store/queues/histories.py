"""Which rooms' histories are still to be looked through for files, and which once more.

A history is read once when the bridge comes to know its room, and again from a time on where events were missed.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.clock import now_ms
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.files.files import LATEST_MS
from bridge.store.files.transcripts import all_old

_TURNS = """
    SELECT room.room_id, conversation.id, COALESCE(file_history.position, ''),
    CASE WHEN file_history.finished_at IS NULL THEN NULL ELSE file_history.again_from END FROM room
    JOIN conversation ON conversation.id = CASE room.earlier_of WHEN '' THEN room."key" ELSE room.earlier_of END
    LEFT JOIN file_history ON file_history.room_id = room.room_id
    WHERE room.room_id IS NOT NULL AND conversation.kind IN ('direct', 'matter', 'channel')
    AND (file_history.finished_at IS NULL OR file_history.again_from IS NOT NULL)
    AND COALESCE(file_history.next_at, 0) <= ? AND room.room_id > ? ORDER BY room.room_id LIMIT ?
"""
_APART_MS = 3_600_000
"""How far the bridge's clock and the homeserver's may be apart."""
_EARLIER = "again_from = CASE WHEN file_history.again_from < ? THEN file_history.again_from ELSE ? END"
_NEW = "INSERT INTO file_history (room_id, position, next_at) VALUES (?, '', 0)"
_AGAIN = f"{_NEW} ON CONFLICT (room_id) DO UPDATE SET {_EARLIER}"
_ALL_AGAIN = f"UPDATE file_history SET {_EARLIER}"  # noqa: S608 - written above


@dataclass(frozen=True, slots=True)
class HistoryTurn:
    """A room whose messages are still to be looked through, and where to go on."""

    room_id: str
    conversation_id: str
    position: str
    again_from: int | None = None
    """Begin anew with the messages of this time, in milliseconds; None to go on."""


def histories_to_read(unit: ReadUnit, after: str, limit: int) -> list[HistoryTurn]:
    """The next rooms of conversations, behind that room, whose history was not looked through to its end."""
    return [HistoryTurn(*row) for row in unit.rows(_TURNS, now_ms(), after, limit)]


def history_read(unit: Unit, room_id: str, position: str, finished_at: int | None) -> None:
    """Note where in a room's history to go on, or when it was looked through to its end."""
    unit.execute(
        """
        INSERT INTO file_history (room_id, position, finished_at, next_at) VALUES (?, ?, ?, 0)
        ON CONFLICT (room_id) DO UPDATE
        SET position = excluded.position, finished_at = excluded.finished_at, next_at = 0
        """,
        room_id,
        position,
        finished_at,
    )


def begin_again(unit: Unit, room_id: str, again_from: int, position: str) -> None:
    """Go on from this position, unless something earlier was missed by now."""
    unit.execute(
        "UPDATE file_history SET position = ?, finished_at = NULL, again_from = NULL"
        " WHERE room_id = ? AND again_from = ?",
        *(position, room_id, again_from),
    )


def nothing_since(unit: Unit, room_id: str, again_from: int) -> None:
    """Note that the room has no events of that time or later."""
    unit.execute("UPDATE file_history SET again_from = NULL WHERE room_id = ? AND again_from = ?", room_id, again_from)


def put_off_history(unit: Unit, room_id: str, next_at: int) -> None:
    """Look at a room again at this time."""
    unit.execute(
        "INSERT INTO file_history (room_id, position, next_at) VALUES (?, '', ?)"
        " ON CONFLICT (room_id) DO UPDATE SET next_at = excluded.next_at",
        *(room_id, next_at),
    )


def read_again(unit: Unit, room_id: str, since_ms: int) -> None:
    """Have a room's history looked through from this time on: an event was missed.

    A room whose history was never looked through is looked through as a whole anyway.
    """
    at_ms = min(max(since_ms, 0), LATEST_MS)
    unit.execute(_AGAIN, room_id, at_ms, at_ms)


def read_histories_again(unit: Unit) -> None:
    """The same for every room from the last event on that the database has, as after a restore."""
    (last,) = unit.row("SELECT MAX(received_at) FROM inbox_event")
    read_all_again(unit, (last or 0) - _APART_MS)


def read_all_again(unit: Unit, since_ms: int) -> None:
    """The same for every room, and for transcripts that were filed: the database may know nothing since then."""
    unit.execute(_ALL_AGAIN, since_ms, since_ms)
    all_old(unit)
