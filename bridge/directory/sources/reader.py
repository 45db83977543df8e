"""Reading a source: what changed every little while, the whole once a day, and what hints name at once (S1, S2)."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from bridge.clock import now_ms
from bridge.directory.sources.keeping import keep_read, note_trouble, standing
from bridge.directory.sources.port import Hint, Source, SourceError, SourceRead
from bridge.store.engine.store import Store

log = structlog.get_logger(__name__)
_MOST_HINTS = 500
"""Hints kept; where more come, everything is read instead."""
_PAUSE_MS = 30_000
"""The longest time after which a source that failed is asked again."""
_WHOLE_MS = 24 * 60 * 60 * 1000
Count = Callable[[str], None]


class SourceReader:
    """Reads one source. Hints are kept in memory alone: what is lost is found at the next reading."""

    def __init__(
        self,
        source: Source,
        store: Store,
        *,
        poll_seconds: int,
        count: Count = lambda outcome: None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """`count` is told how each reading ended: changed, unchanged or failed."""
        self.source = source
        self.trouble = ""
        """Why it could not be read the last time; empty where it could."""
        self.read_at: int | None = None
        self._store = store
        self._poll_ms = poll_seconds * 1000
        self._count = count
        self._clock = clock
        self._hints: dict[Hint, None] = {}
        self._next_ms = 0
        self._pause_ms = 0
        self._whole_ms = 0
        """When it was read whole, since this process began."""

    def hint(self, hint: Hint | None) -> None:
        """Have a record looked at; with None, or where too many were named, everything that changed."""
        if hint is None or len(self._hints) >= _MOST_HINTS:
            self._next_ms = 0
        else:
            self._hints[hint] = None

    async def run(self) -> None:
        """Do what is due: hints first, since they may take something away. Raises StoreError."""
        now = self._clock()
        if now < self._pause_ms:
            return
        try:
            # After a failure everything is read first: a hint that cannot be read back never keeps the rest waiting.
            if self._hints and self.read_at is not None and not self.trouble:
                hints = list(self._hints)
                await self._keep(await self.source.verify(hints))
                for hint in hints:
                    self._hints.pop(hint, None)
            elif now >= self._next_ms:
                self._next_ms = now + self._poll_ms
                await self._poll(now)
            elif not self.trouble and (turn := self.source.in_turn(now)):
                await self._keep(await self.source.verify(turn))
        except SourceError as error:
            self._pause_ms = self._clock() + min(self._poll_ms, _PAUSE_MS)
            self._next_ms = 0
            await self._failed(str(error))

    async def _poll(self, now: int) -> None:
        stands = await self._store.read(standing, self.source.name)
        self.read_at = stands.read_at
        whole = now - self._whole_ms >= _WHOLE_MS
        await self._keep(await self.source.read("" if whole else stands.cursor))
        if whole:
            self._whole_ms = now

    async def _keep(self, read: SourceRead | None) -> None:
        now = self._clock()
        changed = read is not None and await self._store.run(keep_read, self.source.name, read, now)
        if self.trouble:
            log.info("source_read_again", source=self.source.name)
        self.trouble, self.read_at = "", now
        self._count("changed" if changed else "unchanged")

    async def _failed(self, why: str) -> None:
        if why != self.trouble:
            log.error("source_not_read", source=self.source.name, reason=why)
            await self._store.run(note_trouble, self.source.name, why, self._clock())
        self.trouble = why
        self._count("failed")
