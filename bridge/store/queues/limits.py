"""What bounds the queues: how much waits, how often it is tried, and how long what was done is known again."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.clock import DAY_MS


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """The bounds of the inbox and the outbox."""

    max_waiting: int = 10_000
    """Events that may wait; beyond it the homeserver's next transaction is answered late."""
    max_attempts: int = 5
    """Attempts at an event or message before it becomes a dead letter."""
    keep_days: int = 14
    """Days that handled events and sent messages are remembered, so as to know them again."""

    @property
    def keep_ms(self) -> int:
        """The same in milliseconds."""
        return self.keep_days * DAY_MS


QUEUE_LIMITS = QueueLimits()
