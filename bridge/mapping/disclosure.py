"""What somebody could have read in a room: periods of membership and how many messages lie in them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Happened:
    """A message, or somebody's coming or going, without what was said."""

    at: int
    """Milliseconds since the epoch, by the homeserver's clock."""
    user_id: str = ""
    """Whose membership it is; empty for a message."""
    joined: bool = False
    """Whether they are in from here on."""


@dataclass(frozen=True, slots=True)
class Period:
    """A time in a room."""

    since: int
    until: int | None
    """None for one that has not ended."""
    sent: int
    """Messages sent in it."""
    readable: int
    """Messages from the beginning of the room to the end of it: who joins may read what was said before."""


def periods(history: Iterable[Happened], user_id: str) -> list[Period]:
    """The times that this user was in the room whose history this is, oldest first."""
    found: list[Period] = []
    messages, since, before = 0, None, 0
    for one in history:
        if not one.user_id:
            messages += 1
        elif one.user_id == user_id and one.joined and since is None:
            since, before = one.at, messages
        elif one.user_id == user_id and not one.joined and since is not None:
            found.append(Period(since, one.at, messages - before, messages))
            since = None
    if since is not None:
        found.append(Period(since, None, messages - before, messages))
    return found
