"""The audit log's entries and the chain that holds them together (O1). Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, dataclass
from enum import StrEnum

NO_DIGEST = ""
"""What stands before the first entry."""


class Deed(StrEnum):
    """What was done, or tried."""

    CONVERSATION_STARTED = "conversation_started"
    PARTICIPANT_ADDED = "participant_added"
    PARTICIPANT_REMOVED = "participant_removed"
    PARTICIPANT_JOINED = "participant_joined"
    PARTICIPANT_LEFT = "participant_left"
    RENAMED = "renamed"
    TOPIC_SET = "topic_set"
    ARCHIVED = "archived"
    RESTORED = "restored"
    COMMAND = "command"
    PUT_BACK = "put_back"
    DIRECTORY_CHANGED = "directory_changed"
    DIRECTORY_CONFIRMED = "directory_confirmed"
    WALL_SET = "wall_set"
    WALL_LIFTED = "wall_lifted"
    WALL_EXPIRED = "wall_expired"
    WALL_ACKNOWLEDGED = "wall_acknowledged"
    STAFF_LEFT = "staff_left"
    STAFF_RETURNED = "staff_returned"
    TRANSCRIPT_FILED = "transcript_filed"
    FILE_REMOVED = "file_removed"
    ROOM_MADE = "room_made"
    ROOM_LOST = "room_lost"


class Outcome(StrEnum):
    """What came of it."""

    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, on what, why, when. Never what anybody wrote."""

    at_ms: int
    """Milliseconds since the epoch."""
    deed: Deed
    actor: str = ""
    """Staff id, or a user id of nobody in the firm; empty for the bridge by itself and for the directory."""
    subject: str = ""
    """What it was done on: the id of a conversation or matter, or the name of a command."""
    person: str = ""
    """The staff id of whom it concerns, where that is somebody else or the actor is not a person."""
    reason: str = ""
    """The rule that decided, or a short account of what changed."""
    cause: str = ""
    """The event id of what was typed or done in a client."""
    outcome: Outcome = Outcome.DONE


def chained(previous: str, entry: AuditEntry) -> str:
    """The digest of an entry behind the one with the digest `previous`, as hexadecimal SHA-256.

    It stands for the whole log up to here: an entry changed, left out, added or moved gives another digest.
    """
    written = json.dumps([previous, *astuple(entry)], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()
