"""An event as far as it can be read. Pure; nothing of whatever form makes it fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bridge.transcript.cleaning import clean_line

Json = dict[str, Any]
_LATEST = 253_402_214_400_000
"""The last day that a calendar has."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """Who deleted an event, when, and why."""

    event_id: str
    sender: str
    at_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """What is used of an event."""

    event_id: str
    kind: str
    sender: str
    at_ms: int
    content: Json
    state_key: str | None
    deletes: Deletion | None
    """What it says was deleted: itself, or another event."""

    @property
    def relation(self) -> Json:
        """What it says of another event."""
        return as_object(self.content.get("m.relates_to"))

    @property
    def target(self) -> str:
        """The event that it is about; empty for none."""
        return as_text(self.relation.get("event_id"))


def event_in(given: object) -> TimelineEvent | None:
    """The event; None for what is none."""
    if not isinstance(given, dict):
        return None
    event_id, kind, sender = given.get("event_id"), given.get("type"), given.get("sender")
    if not (isinstance(event_id, str) and event_id and isinstance(kind, str) and isinstance(sender, str)):
        return None
    content, state_key = as_object(given.get("content")), given.get("state_key")
    at_ms = _moment(given.get("origin_server_ts"))
    deletes = None
    # Until room version 11 it was not in the content.
    if kind == "m.room.redaction" and isinstance(target := content.get("redacts", given.get("redacts")), str):
        deletes = Deletion(target, sender, at_ms, clean_line(content.get("reason")))
    elif because := as_object(as_object(given.get("unsigned")).get("redacted_because")):
        deletes = Deletion(
            event_id,
            as_text(because.get("sender")),
            _moment(because.get("origin_server_ts")),
            clean_line(as_object(because.get("content")).get("reason")),
        )
    return TimelineEvent(
        event_id, kind, sender, at_ms, content, state_key if isinstance(state_key, str) else None, deletes
    )


def as_object(given: object) -> Json:
    """The object; an empty one for anything else."""
    return given if isinstance(given, dict) else {}


def as_text(given: object) -> str:
    """The text; an empty one for anything else."""
    return given if isinstance(given, str) else ""


def _moment(given: object) -> int:
    return min(max(given, 0), _LATEST) if type(given) is int else 0
