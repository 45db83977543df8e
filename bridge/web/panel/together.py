"""What many wait for at the same time, done once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable
from typing import Generic, TypeVar

One = TypeVar("One", bound=Hashable)


class Together(Generic[One]):
    """Does something for whoever asks, together with all who ask while it is being done for others."""

    def __init__(
        self, do: Callable[[Collection[One]], Awaitable[None]], part: Callable[[list[One]], list[One]]
    ) -> None:
        """`do` does it for some of those who wait; `part` says for which of them first."""
        self._do, self._part = do, part
        self._waiting: dict[One, None] = {}
        self._doing = asyncio.Lock()

    async def done(self, one: One) -> None:
        """Wait until it is done for this one. Raises what doing it raises, after which others ask for themselves."""
        self._waiting[one] = None
        try:
            async with self._doing:
                while one in self._waiting:
                    some = self._part(list(self._waiting))
                    await self._do(some)
                    for each in some:
                        self._waiting.pop(each, None)
        finally:
            self._waiting.pop(one, None)
