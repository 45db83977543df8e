"""What happens to an event or a message that failed: put off, tried again, or made a dead letter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from bridge.failures import backoff, describe, frames
from bridge.matrix.errors import TokenRejectedError, UnreachableError
from bridge.store.engine.store import AGAIN_SECONDS, Store, StoreError
from bridge.store.engine.unit import Unit

log = structlog.get_logger(__name__)

INTERNAL_SERVER_ERROR = 500


class Tried(Protocol):
    """What was attempted."""

    room_id: str
    attempts: int
    pauses: int

    @property
    def key(self) -> str:
        """Its event_id or txn_id."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """The rule: how often, how long between, and who writes it down."""

    store: Store
    kind: str
    """event or message, for the log."""
    max_attempts: int
    record: Callable[[Unit, str, str, bool], None]
    """Counts a failed attempt, by key, with its error and whether it was the last."""
    pause: Callable[[int], float] = backoff
    """Seconds to wait after the n-th failure."""

    async def failed(self, item: Tried, error: Exception) -> float | None:
        """Write down a failure. The seconds until the next attempt, or None where there is none."""
        told = describe(error)
        if is_passing(error):
            return self._put_off(item, told)
        attempts = item.attempts + 1
        dead = attempts >= self.max_attempts
        try:
            await self.store.run(self.record, item.key, told, dead)
        except StoreError as store_error:
            return self._put_off(item, f"{told}; {store_error}")
        item.attempts = attempts
        log.error(
            f"{self.kind}_dead" if dead else f"{self.kind}_failed",
            key=item.key,
            room_id=item.room_id,
            attempts=attempts,
            error=told,
            stack=frames(error),
        )
        return None if dead else self.pause(attempts)

    def _put_off(self, item: Tried, told: str) -> float:
        log.warning(f"{self.kind}_waits", key=item.key, room_id=item.room_id, error=told)
        if not self.store.holds():
            # However long it was away, nobody waits much longer than for its return.
            return AGAIN_SECONDS
        item.pauses += 1
        return self.pause(item.pauses)


def is_passing(error: BaseException) -> bool:
    """Whether the fault lies with the homeserver or the database being away, so that no attempt is used up.

    An error 500 is the homeserver's answer to this very request. It counts, or one request that it cannot digest
    would hold up its room for ever.
    """
    if isinstance(error, UnreachableError):
        return error.status != INTERNAL_SERVER_ERROR
    return isinstance(error, TokenRejectedError | StoreError)
