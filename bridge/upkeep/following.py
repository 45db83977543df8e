"""What changed in the firm, or with the day, is followed: since the last time, and also while a pass goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date

import structlog

from bridge.firm.model import Firm
from bridge.handlers.places import Places
from bridge.reconcile.passes import Passes

log = structlog.get_logger(__name__)


class Following:
    """Follows changes, one after the other."""

    def __init__(self, firm: Callable[[], Firm], passes: Passes, today: Callable[[], date], places: Places) -> None:
        """`firm` and `today` are as of now."""
        self._firm = firm
        self._passes = passes
        self._today = today
        self._places = places
        self._followed: tuple[Firm, date] | None = None
        """The firm, and its day, that everything was last made to agree with, or is being made to."""
        self.lock = asyncio.Lock()
        """Held while changes are followed; who holds it keeps them waiting."""

    def begin(self, firm: Firm, today: date) -> None:
        """Follow what changes after this firm and day; where that has begun already, it goes on."""
        if self._followed is None:
            self._followed = firm, today

    async def follow(self) -> None:
        """Follow what changed since the last time. Raises as `Passes.follow` does, and is then to be repeated."""
        async with self.lock:
            firm, today = self._firm(), self._today()
            if self._followed is None:
                return
            before, then = self._followed
            if firm is before and today == then:
                return
            outcome = await self._passes.follow(before, then)
            self._followed = firm, today
            await self._places.follow()
            log.info("directory_followed", steps=outcome.done, failed=len(outcome.failed))
