"""Answering an event at once: what takes nothing but what is in memory need not wait for the store a second time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.store.queues.outbox import Said


@dataclass(frozen=True, slots=True)
class FromMemory:
    """The answer to an event, from memory alone."""

    conversation_id: str
    """Where the event came from and the answer goes."""
    staff_id: str
    """Who asks. They have to be in the conversation when the event is stored (D4, M3)."""
    message: Callable[[], Said | None]
    """Makes the answer and changes nothing; None where it takes more than what is in memory after all."""
