"""A clock that tests move on."""

from __future__ import annotations


class Clock:
    """Time that passes only by sleeping, or where somebody sets it."""

    def __init__(self, now: float = 100.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
