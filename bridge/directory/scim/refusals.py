"""Requests to the SCIM server that were refused, by kind: counted, and for an hour told by health.

Of requests without a token that works health says nothing: anybody can send such.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping

WHY: Mapping[str, str] = {
    "no_token": "without a token that works",
    "scope": "with a token that has not the scope scim",
    "for_admins": "with a token of somebody who is no firm admin",
    "too_many_requests": "of which there were too many",
    "not_understood": "that could not be understood, or whose values cannot be read",
    "not_there": "about what is not there",
    "taken": "with a name or address that is somebody else's",
    "changed_meanwhile": "about what was changed meanwhile",
    "not_now": "that came before the bridge had begun, or while its database did not answer",
    "failed": "that failed",
}
"""Each kind, as words behind "requests"."""
_TELLS = frozenset({"scope", "for_admins", "not_understood", "taken", "failed"})
"""Those that somebody has to put right."""
_BY_STATUS: Mapping[int, str] = {
    400: "not_understood",
    401: "no_token",
    403: "scope",
    404: "not_there",
    409: "taken",
    412: "changed_meanwhile",
    413: "not_understood",
    429: "too_many_requests",
    503: "not_now",
}
_HOUR_MS = 60 * 60 * 1000
_MOST = 10_000
Count = Callable[[str], None]


def why_of(status: int, name: str = "") -> str:
    """The kind of a refusal, by the status of its answer and what the bridge calls it."""
    return name if name in WHY else _BY_STATUS.get(status, "failed" if status >= 500 else "not_understood")


class Refusals:
    """What was refused in the last hour."""

    def __init__(self, count: Count, clock: Callable[[], int]) -> None:
        """`count` is told the kind of each."""
        self._count = count
        self._clock = clock
        self._lately: deque[tuple[int, str]] = deque(maxlen=_MOST)

    def add(self, why: str) -> None:
        """Note a refusal of this kind."""
        self._count(why)
        if why in _TELLS:
            self._lately.append((self._clock(), why))

    def words(self) -> str:
        """What of it somebody has to put right; empty for nothing."""
        now = self._clock()
        found = Counter(why for at, why in self._lately if abs(now - at) < _HOUR_MS)
        if not found:
            return ""
        return (
            f"Refused in the last hour: {'; '.join(f'{number} {WHY[why]}' for why, number in sorted(found.items()))}."
        )
