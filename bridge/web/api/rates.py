"""How often a token may ask, and the headers that say so (draft-ietf-httpapi-ratelimit-headers)."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from bridge.operations.tokens import Token
from bridge.web.api.problems import ProblemError
from bridge.web.api.table import Rate

_LIMITS = {rate: RateLimitItemPerMinute(rate.a_minute) for rate in Rate}


class Rates:
    """What each token has left, kept in memory."""

    def __init__(self) -> None:
        self._counted = MemoryStorage()
        self._limiter = FixedWindowRateLimiter(self._counted)
        self._last = 0.0

    async def taken(self, token: Token, rate: Rate) -> Mapping[str, str]:
        """Count a request, and return the headers of its answer. Raises ProblemError where there are too many."""
        limit, who, now = _LIMITS[rate], str(token.number), time.time()
        if now < self._last:
            # The clock was set back, and what was counted would hold for as long as it was wrong.
            await self._counted.reset()
        self._last = now
        may = await self._limiter.hit(limit, rate.value, who)
        left = await self._limiter.get_window_stats(limit, rate.value, who)
        seconds = max(1, math.ceil(left.reset_time - time.time()))
        headers = {
            "RateLimit-Policy": f'"{rate.value}";q={limit.amount};w={limit.get_expiry()}',
            "RateLimit": f'"{rate.value}";r={left.remaining};t={seconds}',
        }
        if not may:
            raise ProblemError(
                429,
                "too_many_requests",
                f"This token may ask {limit.amount} times a minute for this. Ask again in {seconds} seconds.",
                {**headers, "Retry-After": str(seconds)},
            )
        return headers
