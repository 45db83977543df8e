"""Read receipts as the homeserver tells of them (Matrix specification, m.receipt). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

RECEIPT = "m.receipt"
THREAD = "m.thread"
_PUBLIC = "m.read"
"""Those that everybody in the room is told of. The homeserver sends a service m.read.private, too, which nobody is."""
_MAIN = "main"
_ID_MAX = 255
_MS_MAX = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Receipt:
    """That somebody has read up to an event."""

    room_id: str
    user_id: str
    event_id: str
    at_ms: int
    threads: bool
    """Whether it is said of what stands in threads as well."""


def receipts_in(given: Mapping[str, Any]) -> Iterator[Receipt]:
    """The receipts of an ephemeral event for everybody to know. What is none, or is about one thread, is left out."""
    room_id, content = given.get("room_id"), given.get("content")
    if given.get("type") != RECEIPT or not _is_id(room_id, "!") or not isinstance(content, dict):
        return
    for event_id, kinds in content.items():
        readers = kinds.get(_PUBLIC) if isinstance(kinds, dict) else None
        if not _is_id(event_id, "$") or not isinstance(readers, dict):
            continue
        for user_id, said in readers.items():
            if not _is_id(user_id, "@") or not isinstance(said, dict):
                continue
            at_ms, thread = said.get("ts"), said.get("thread_id")
            if type(at_ms) is int and 0 <= at_ms <= _MS_MAX and thread in (None, _MAIN):
                yield Receipt(room_id, user_id, event_id, at_ms, thread is None)


def is_in_thread(event: Mapping[str, Any]) -> bool:
    """Whether an event stands in a thread."""
    content = event.get("content")
    relation = content.get("m.relates_to") if isinstance(content, dict) else None
    return isinstance(relation, dict) and relation.get("rel_type") == THREAD


def _is_id(value: object, sigil: str) -> TypeGuard[str]:
    return isinstance(value, str) and value[:1] == sigil and len(value) <= _ID_MAX and "\0" not in value
