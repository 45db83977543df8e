"""The homeserver's time, in which the bridge stamps what is compared with events of people's clients (V1).

Its clock and the bridge's may be minutes apart, so neither is asked what the other's says. What counts is what the
homeserver said of its own time last, and how long ago that was on a clock that nobody sets.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

APART_SECONDS = 30.0
"""From here on people are told that the clocks are apart."""
_AHEAD_MS = 3000
"""How far an event may be ahead of what is known."""
_DATE_MS = 1000
"""A Date header is of the second that has begun (RFC 9110, 5.6.7)."""


class HomeserverTime:
    """What is known of it. Any thread may ask; one says."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        """`monotonic` and `wall` are in seconds."""
        self._monotonic = monotonic
        self._wall = wall
        self._said: tuple[float, float] | None = None
        """A time, and when it was said by the monotonic clock; both in milliseconds."""

    def now_ms(self) -> int:
        """The homeserver's time, or the bridge's where it has said nothing yet; milliseconds since the epoch."""
        if self._said is None:
            return int(self._wall() * 1000)
        said, at = self._said
        return int(said + self._monotonic() * 1000 - at)

    def hear(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take the time from events as they are received: they were made so long before they were sent.

        It never goes back by that, since events may have been on their way for long. Nor does it leave what a Date
        header left open: another application service may give an event any time (specification: Timestamp massaging).
        """
        if self._said is None:
            return
        now = self.now_ms()
        said = (event["origin_server_ts"] + _age(event) for event in events if event.get("origin_server_ts"))
        plausible = [one for one in said if now < one <= now + _AHEAD_MS]
        if plausible:
            self._set(max(plausible))

    def take_date(self, date_ms: float, waited_ms: float) -> None:
        """Take the time from an answer's Date header, for which somebody waited so long.

        It only bounds the time: where what is known lies within, that is the more exact.
        """
        if self._said is None or not date_ms <= self.now_ms() <= date_ms + _DATE_MS + waited_ms:
            self._set(date_ms)

    def bridge_ahead_seconds(self) -> float:
        """How far the bridge's clock is ahead of the homeserver's; negative where it is behind."""
        return self._wall() - self.now_ms() / 1000

    def forget(self) -> None:
        """Know nothing of it."""
        self._said = None

    def _set(self, said: float) -> None:
        self._said = said, self._monotonic() * 1000


def _age(event: Mapping[str, Any]) -> int:
    unsigned = event.get("unsigned")
    age = unsigned.get("age") if isinstance(unsigned, Mapping) else 0
    return max(0, int(age)) if isinstance(age, int | float) else 0


HOMESERVER_TIME = HomeserverTime()
"""Of the one homeserver that this process has to do with."""


def homeserver_ms() -> int:
    """The homeserver's time in milliseconds since the epoch."""
    return HOMESERVER_TIME.now_ms()


def newest_ms() -> int:
    """The newest that anything can be. What is stamped later is from before the homeserver's clock was set back, and
    says nothing of what came first."""
    return homeserver_ms() + _AHEAD_MS


def clocks_apart() -> str:
    """What to tell people where the clocks are apart; empty where they agree."""
    return sentence(HOMESERVER_TIME.bridge_ahead_seconds())


def sentence(ahead: float) -> str:
    """The same for a number of seconds."""
    if abs(ahead) <= APART_SECONDS:
        return ""
    how = "ahead of" if ahead > 0 else "behind"
    return (
        f"The bridge's clock is {abs(ahead):.0f} seconds {how} the homeserver's. Let both machines follow a time server"
        " (chrony or systemd-timesyncd): walls begin and end by these clocks."
    )
