"""Reading a source: what changed every little while, the whole less often, and what hints name at once (S1, S2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from bridge import faults
from bridge.clock import now_ms
from bridge.directory.sources.keeping import keep_read, note_trouble, standing
from bridge.directory.sources.port import Hint, Source, SourceError, SourceRead
from bridge.store.engine.errors import StoreError
from bridge.store.engine.store import Store

log = structlog.get_logger(__name__)
_MOST_HINTS = 500
"""Hints kept; where more come, everything is read instead."""
_PEOPLE = frozenset({"staff", "groups"})
_NAMED = 20
_PAUSE_MS = 30_000
"""The longest time after which a source that failed is asked again."""
_DAY = 24 * 60 * 60
Count = Callable[[str], None]
_Way = Callable[[int], Awaitable[bool]]


class SourceReader:
    """Reads one source. Hints are kept in memory alone: what is lost is found at the next reading."""

    def __init__(
        self,
        source: Source,
        store: Store,
        *,
        poll_seconds: int,
        whole_seconds: int = _DAY,
        count: Count = lambda outcome: None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """`whole_seconds` lie between readings of the whole. `count` is told how each ended: changed, unchanged or
        failed."""
        self.source = source
        self._failing: dict[_Way, str] = {}
        """Why the ways of reading it failed that failed the last time."""
        self.read_at: int | None = None
        self._store = store
        self._poll_ms = poll_seconds * 1000
        self._every_ms = whole_seconds * 1000
        self._count = count
        self._clock = clock
        self._hints: dict[Hint, None] = {}
        self._next_ms = 0
        self._pause_ms = 0
        self._whole_ms = 0
        """When it was read whole, since this process began."""
        self._ways: tuple[_Way, ...] = (self._read_hints, self._poll, self._read_in_turn)
        self._first = 0
        """Which of them has its turn next."""
        self._flawed: set[str] = set()
        """What the log was told of that cannot be read."""

    @property
    def trouble(self) -> str:
        """Why something of it could not be read the last time; empty where all could."""
        return next(iter(self._failing.values()), "")

    def hint(self, hint: Hint | None) -> None:
        """Have a record looked at; with None, or where too many were named, everything that changed."""
        if hint is None or len(self._hints) >= _MOST_HINTS:
            self._next_ms = 0
        else:
            self._hints[hint] = None
        faults.point("source.hinted")

    async def run(self) -> bool:
        """Do one thing that is due; whether there may be more. Raises StoreError.

        What hints name, what changed and what nobody tells of come one after the other, a few records at a time: so
        the many of one kind never keep the others waiting, nor does one that fails, since each may take something away.
        """
        if self._clock() < self._pause_ms:
            return False
        try:
            return await self._next()
        except SourceError as error:
            self._pause_ms = self._clock() + min(self._poll_ms, _PAUSE_MS)
            self._next_ms = 0
            await self._failed(self._ways[self._first - 1], str(error))
            return False

    async def _next(self) -> bool:
        for _ in self._ways:
            way = self._ways[self._first]
            self._first = (self._first + 1) % len(self._ways)
            if await way(self._clock()):
                return True
            self._failing.pop(way, None)
        # Hints first, since they may take something away.
        self._first = 0
        return False

    async def _read_hints(self, now: int) -> bool:
        if not self._hints or self.read_at is None:
            return False
        few = list(self._hints)[: self.source.capabilities.hints_at_once]
        hints = [hint for hint in self._hints if hint.kind in _PEOPLE] or few
        try:
            read = await self.source.verify(hints)
        except SourceError:
            # Behind the others, which are looked at first.
            for hint in hints:
                self._hints.pop(hint, None)
                self._hints[hint] = None
            raise
        await self._keep(read, self._read_hints)
        for hint in hints:
            self._hints.pop(hint, None)
        return True

    async def _read_in_turn(self, now: int) -> bool:
        # What was never read whole says nothing yet.
        turn = () if self.read_at is None else self.source.in_turn(now)
        if turn:
            await self._keep(await self.source.verify(turn), self._read_in_turn)
        return bool(turn)

    async def _poll(self, now: int) -> bool:
        if now < self._next_ms:
            return False
        self._next_ms = now + self._poll_ms
        stands = await self._store.read(standing, self.source.name)
        self.read_at = stands.read_at
        whole = now - self._whole_ms >= self._every_ms
        await self._keep(await self.source.read("" if whole else stands.cursor), self._poll)
        if whole:
            self._whole_ms = now
        return True

    async def _keep(self, read: SourceRead | None, way: _Way) -> None:
        now, was = self._clock(), self.trouble
        others = {one: why for one, why in self._failing.items() if one != way}
        trouble = next(iter(others.values()), "")
        read_at = now if way == self._poll else self.read_at
        try:
            changed = read is not None and await self._store.run(
                keep_read, self.source.name, read, now, read_at, trouble
            )
        except StoreError:
            # What the source takes for said is not kept: it is asked for all of it.
            self._whole_ms = self._next_ms = 0
            raise
        if was and not trouble:
            log.info("source_read_again", source=self.source.name)
        found = read.flaws if read is not None else ()
        flaws = {f"{one.kind} {one.id}: {one.why}" for one in found}
        if new := flaws - self._flawed:
            log.warning("source_records_not_read", source=self.source.name, count=len(new), some=sorted(new)[:_NAMED])
        self._flawed = flaws if read is not None and read.whole else self._flawed | flaws
        self._failing, self.read_at = others, read_at
        self._count("changed" if changed else "unchanged")

    async def _failed(self, way: _Way, why: str) -> None:
        was = self.trouble
        self._failing[way] = why
        if self.trouble != was:
            log.error("source_not_read", source=self.source.name, reason=why)
            await self._store.run(note_trouble, self.source.name, self.trouble, self._clock())
        self._count("failed")
