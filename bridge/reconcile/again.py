"""What could not be made as it should be: counted, told, and tried again by itself, later and later."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from bridge.matrix.errors import HomeserverError

FIRST_SECONDS, LONGEST_SECONDS = 5.0, 3600.0
"""Seconds until what failed is tried again the first time, and at most."""
_NAMED = 3


class ThingKind(StrEnum):
    """What can fail by itself."""

    ACCOUNT = "account"
    ROOM = "room"
    HANDOUTS = "hand-out"


@dataclass(frozen=True, slots=True)
class Thing:
    """One of them: an account by its staff id, a room by its key."""

    kind: ThingKind
    id: str


HANDOUTS = Thing(ThingKind.HANDOUTS, "files from the bot")
"""Files that the bot gave out and must take back; together, since there are few."""


def account(staff_id: str) -> Thing:
    """Somebody's account."""
    return Thing(ThingKind.ACCOUNT, staff_id)


def room(key: str) -> Thing:
    """The room of a key."""
    return Thing(ThingKind.ROOM, key)


@dataclass(frozen=True, slots=True)
class _Failure:
    times: int
    due: float
    why: str


class Again:
    """What failed last, and when each is tried again. In memory: a start looks at everything anyway."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[Thing, _Failure] = {}

    def __len__(self) -> int:
        return len(self._failures)

    def failed(self, thing: Thing, error: Exception) -> None:
        """Note a failure; each further one doubles the time until the next attempt."""
        times = self._failures[thing].times + 1 if thing in self._failures else 1
        pause = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(times - 1, 16))
        self._failures[thing] = _Failure(times, self._clock() + pause, _in_short(error))

    def done(self, thing: Thing) -> None:
        """Note that it is as it should be."""
        self._failures.pop(thing, None)

    def due(self) -> tuple[Thing, ...]:
        """What is to be tried now."""
        now = self._clock()
        return tuple(thing for thing, failure in self._failures.items() if failure.due <= now)

    def hurry(self) -> None:
        """Have everything tried now, because what stood in the way is gone."""
        now = self._clock()
        self._failures = {thing: _Failure(failure.times, now, failure.why) for thing, failure in self._failures.items()}

    def words(self) -> str:
        """What is not as it should be, for whoever looks after the bridge; empty for nothing.

        Rooms are named by their keys: what people call them is not for everybody who may ask how the bridge is.
        """
        if not self._failures:
            return ""
        counts = ", ".join(
            f"{len(of_kind)} {kind.value if len(of_kind) == 1 else f'{kind.value}s'} ({_some(of_kind)})"
            for kind in ThingKind
            if (of_kind := [thing for thing in self._failures if thing.kind is kind])
        )
        soonest = min(failure.due for failure in self._failures.values()) - self._clock()
        whys = ", ".join(dict.fromkeys(failure.why for failure in list(self._failures.values())[:_NAMED]))
        return (
            f"not as they should be, and tried again by themselves, next in {max(soonest, 0):.0f} seconds: {counts}."
            f" Last answers: {whys}. The log says more (not_reconciled)."
        )


def _some(things: Iterable[Thing]) -> str:
    listed = [thing.id for thing in things]
    more = len(listed) - _NAMED
    return ", ".join(listed[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _in_short(error: Exception) -> str:
    """The homeserver's answer without what it was about; that of a step is behind the step's own sentence."""
    cause = error if isinstance(error, HomeserverError) else error.__cause__
    if isinstance(cause, HomeserverError):
        return f"{cause.status or 'none'} {cause.errcode}".strip()
    return type(error).__name__
