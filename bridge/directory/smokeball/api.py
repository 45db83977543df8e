"""Smokeball's API: as many requests as it allows, repeated as it asks, and lists read whole while they change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any

import aiohttp
import structlog

from bridge.directory.smokeball.answers import read_json
from bridge.directory.smokeball.hosts import hosts_of
from bridge.directory.smokeball.tokens import AccessTokens, NotConnectedError
from bridge.directory.sources.port import SourceError
from bridge.settings import SmokeballSettings
from bridge.store.engine.store import Store

log = structlog.get_logger(__name__)
Json = dict[str, Any]
BURST = 5
"""Requests that Smokeball takes at once (its documentation, Throttling and limits)."""
PAGE = 500
_ATTEMPTS = 6
_READINGS = 6
"""How often a list is read anew that changed while it was read."""
_LONGEST_WAIT = 120.0
LARGEST = 64 * 1024 * 1024
"""Bytes of one answer that are read."""
_TIMEOUT = aiohttp.ClientTimeout(total=60)


class NotAnsweredError(SourceError):
    """Smokeball does not answer this one request, which is no reason not to ask others."""


class Bucket:
    """A token bucket: `rate` requests a second, and a few at once."""

    def __init__(
        self,
        rate: float,
        burst: int = BURST,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._sleep = sleep
        self._left = float(burst)
        self._at = clock()
        self._lock = asyncio.Lock()

    async def take(self) -> None:
        """Wait until another request is allowed."""
        async with self._lock:
            self._fill()
            if self._left < 1:
                await self._sleep((1 - self._left) / self._rate)
                self._fill()
            self._left -= 1

    async def rest(self, seconds: float) -> None:
        """Send nothing for so long, and begin with one."""
        async with self._lock:
            await self._sleep(seconds)
            self._left, self._at = 1.0, self._clock()

    def _fill(self) -> None:
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now


class SmokeballApi:
    """One connection to Smokeball."""

    def __init__(
        self, settings: SmokeballSettings, store: Store, bucket: Bucket | None = None, *, read_only: bool = False
    ) -> None:
        """With `read_only` no token is renewed, since another process may do so and one renewal ends the other."""
        self._base = hosts_of(settings).api
        self._key = settings.api_key.get_secret_value()
        self._login = AccessTokens(settings, store, renews=not read_only)
        self._bucket = bucket or Bucket(settings.requests_per_second)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> SmokeballApi:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection."""
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """What is there; None where nothing is (404). Raises SourceError."""
        return await self._ask("GET", path, params)

    async def send(self, method: str, path: str, body: Json | None = None) -> Any:
        """Change something. Raises SourceError."""
        return await self._ask(method, path, None, body)

    async def whole(self, path: str, params: Mapping[str, str] | None = None) -> list[Json]:
        """A whole list, each record once.

        Lists are given by offset, and shift when something before it comes or goes. So each page begins with the last
        record of the one before; where another stands there, the list is read anew. Raises SourceError.
        """
        for _ in range(_READINGS):
            found = await self._read(path, params or {})
            if found is not None:
                return found
        raise SourceError(f"Smokeball's list {path} changes faster than it can be read. It is tried again.")

    async def _read(self, path: str, params: Mapping[str, str]) -> list[Json] | None:
        """The list; None where it shifted."""
        found: dict[str, Json] = {}
        last = ""
        while True:
            offset = len(found) - 1 if found else 0
            asked = {**params, "Offset": str(offset), "Limit": str(PAGE)}
            page = await self.get(path, asked)
            if not isinstance(page, dict):
                raise SourceError(f"Smokeball has no list {path}.")
            values = _records(page, path)
            if found and (not values or values[0]["id"] != last):
                return None
            new = values[1:] if found else values
            before = len(found)
            found.update((one["id"], one) for one in new)
            if len(found) != before + len(new):
                return None
            size = page.get("size")
            if not new or (isinstance(size, int) and len(found) >= size) or len(values) < _limit(page):
                # Fewer than were said to be there: something went away at the end.
                return None if isinstance(size, int) and size > len(found) else list(found.values())
            last = next(reversed(found))

    async def _ask(self, method: str, path: str, params: Mapping[str, str] | None, body: Json | None = None) -> Any:
        refused = ""
        why = ""
        for attempt in range(_ATTEMPTS):
            await self._bucket.take()
            session = self._connected()
            access = await self._login.access(session, other_than=refused)
            headers = {"Authorization": f"Bearer {access}", "x-api-key": self._key}
            try:
                async with session.request(
                    method, self._base + path, params=params, json=body, headers=headers, allow_redirects=False
                ) as answer:
                    if answer.status == 404:
                        return None
                    if answer.status < 300:
                        return await read_json(answer, LARGEST)
                    status, after = answer.status, answer.headers.get("Retry-After", "")
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                status, after = 0, ""
                why = f"does not answer ({type(error).__name__})"
            if status == 401 and not refused:
                refused = access
                continue
            if status in {401, 403}:
                raise NotConnectedError(
                    f"Smokeball refuses {path} ({status}). Compare the scopes of the key and client."
                )
            why = f"answers {status}" if status else why
            if status and status != 429 and status < 500:
                raise NotAnsweredError(f"Smokeball answers {status} at {path}.")
            if attempt < _ATTEMPTS - 1:
                await self._bucket.rest(wait_of(after, attempt))
        raise SourceError(f"Smokeball {why} at {path}.")

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self._session


def wait_of(retry_after: str, attempt: int) -> float:
    """The seconds to wait: as Retry-After says (RFC 9110, section 10.2.3), else longer each time."""
    if retry_after.isdigit():
        return min(float(retry_after), _LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return min(0.5 * float(2**attempt), _LONGEST_WAIT)
    seconds = (at.astimezone(UTC) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.5), _LONGEST_WAIT)


def _limit(page: Json) -> int:
    limit = page.get("limit")
    return limit if isinstance(limit, int) and limit > 0 else PAGE


def _records(page: Json, path: str) -> list[Json]:
    values = page.get("value")
    if values is None:
        return []
    if not isinstance(values, list) or not all(
        isinstance(one, dict) and isinstance(one.get("id"), str) for one in values
    ):
        raise SourceError(f"Smokeball's list {path} is not what its description says.")
    return values
