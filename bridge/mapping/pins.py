"""Pinned messages: which list stands after somebody's client or the bridge set a new one (V2).

A client that pins sends the whole list, made from the one it last saw. When two people pin at once, the second list
lacks the first one's pin. What each of them changed is found by comparing their list with the lists of the moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

PINNED = "m.room.pinned_events"
"""The type of the state event that has the list."""
List = tuple[str, ...]
"""Event ids in the order of pinning, as the room's state has them."""
MOST_PINNED = 100
"""Messages that may be pinned in one conversation."""
REMEMBERED = 40
"""Lists of the moment that are kept for the comparison."""
_MOMENT_MS = 30_000
"""How long a client may go on from a list that is no longer the newest."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A list that was set, or that stood after one was."""

    pins: List
    at_ms: int


def listed(content: Any) -> List | None:
    """The event ids in the content of m.room.pinned_events, each once; None for what is no such list."""
    pinned = content.get("pinned") if isinstance(content, dict) else None
    if not isinstance(pinned, list) or not all(isinstance(one, str) and one for one in pinned):
        return None
    return tuple(dict.fromkeys(pinned))


def merged(standing: List, seen: Sequence[Seen], said: List, at_ms: int) -> List:
    """The list that stands after somebody set `said`, at `at_ms` milliseconds since the epoch.

    `standing` is the one before, `seen` are those of the moment, oldest first. Clients change one pin at a time: when
    `said` is one change away from a list of the moment, that change is applied to the standing list, so that nobody
    else's is undone. Otherwise it is taken as it is.
    """
    for base in (standing, *reversed(_recent(seen, at_ms))):
        gone, new = set(base) - set(said), [pin for pin in said if pin not in base]
        if len(gone) + len(new) <= 1:
            if base == standing:
                return said
            return tuple(pin for pin in standing if pin not in gone) + tuple(pin for pin in new if pin not in standing)
    return said


def _recent(seen: Sequence[Seen], at_ms: int) -> list[List]:
    """The lists that were not replaced long ago, oldest first."""
    replaced = [*(one.at_ms for one in seen[1:]), at_ms]
    return [one.pins for one, until in zip(seen, replaced, strict=False) if at_ms - until <= _MOMENT_MS]


def remembered(seen: Sequence[Seen], *lists: Seen) -> tuple[Seen, ...]:
    """The lists of the moment, with new ones behind."""
    return (*seen, *lists)[-REMEMBERED:]
