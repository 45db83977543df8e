"""Telling the firm admins, in their room, that a process of Synapse does not answer the guard (R2)."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from bridge.clock import now_ms
from bridge.desk import Desk
from bridge.firm.conversation import ADMINS_ID
from bridge.reconcile.guard_processes import trouble_with
from bridge.store.engine.unit import Unit
from bridge.store.queues.outbox import enqueue
from bridge.store.record.kept import PROCESSES_TOLD, keep, kept
from bridge.store.rooms.made import room_of
from bridge.wording.markdown import escape, text_message

log = structlog.get_logger(__name__)
_WELL_AGAIN = "All processes of Synapse answer the guard again."
_PATIENCE_SECONDS = 60.0
"""So long a process may take to be started anew before anybody is told."""


class ProcessWatch:
    """Since when Synapse's processes stand as they do."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._trouble = ""
        self._since = clock()

    async def look(self, desk: Desk) -> None:
        """Tell the admins of what has lasted for a while. Raises StoreError."""
        trouble = trouble_with(desk.reconciler.guarding.processes)
        if trouble != self._trouble:
            self._trouble, self._since = trouble, self._clock()
        if not trouble or self._clock() - self._since >= _PATIENCE_SECONDS:
            await _tell(desk, trouble)


async def _tell(desk: Desk, trouble: str) -> None:
    """Queue a message to the admins' room where they do not know yet how Synapse's processes stand.

    Where there is no room for it, it waits for one. The same trouble is told once, however often the bridge starts.
    """

    def tell(unit: Unit) -> bool:
        room_id = room_of(unit, ADMINS_ID)
        if room_id is None or kept(unit, PROCESSES_TOLD) == trouble:
            return False
        text = f"**The guard is not in force everywhere.** {escape(trouble)}" if trouble else _WELL_AGAIN
        message = text_message(text)
        enqueue(unit, f"processes/{now_ms()}", room_id, desk.settings.bot_id, "m.room.message", message)
        keep(unit, PROCESSES_TOLD, trouble)
        return True

    if await desk.store.read(kept, PROCESSES_TOLD) != trouble and await desk.store.run(tell):
        log.info("admins_told_of_processes", trouble=trouble or "none")
