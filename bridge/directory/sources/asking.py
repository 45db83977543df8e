"""Asking a system over HTTP: as many requests as it allows, and repeated as it asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp

from bridge.clock import seconds_asked
from bridge.directory.sources.answers import read_json
from bridge.directory.sources.port import SourceError
from bridge.directory.sources.tokens import AccessTokens, NotConnectedError, OAuthClient
from bridge.store.engine.store import Store

Json = dict[str, Any]
Params = Mapping[str, str] | Sequence[tuple[str, str]]
_ATTEMPTS = 6
_LONGEST_WAIT = 120.0
LARGEST = 64 * 1024 * 1024
"""Bytes of one answer that are read."""
_TIMEOUT = aiohttp.ClientTimeout(total=60)


T = TypeVar("T")
_IN_FLIGHT = 8
"""Requests of one kind that wait for an answer at the same time."""


class NotAnsweredError(SourceError):
    """The system does not answer this one request, which is no reason not to ask others."""


class RequestFailedError(SourceError):
    """The system fails at this one request as often as it is asked, and may answer others."""


class Bucket:
    """A token bucket: `rate` requests a second, and a few at once."""

    def __init__(
        self,
        rate: float,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._sleep = sleep
        self._left = float(burst)
        self._at = clock()
        self._rested = self._at
        """When the last rest ended."""
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
        """Send nothing for so long, and begin with one. Several who are told so at the same time rest together."""
        told = self._clock()
        async with self._lock:
            seconds -= max(0.0, self._rested - told)
            if seconds > 0:
                await self._sleep(seconds)
            self._left, self._at = 1.0, self._clock()
            self._rested = self._at

    def _fill(self) -> None:
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now


class AskedSystem:
    """One connection to a system, with its tokens and within its limits."""

    def __init__(
        self,
        client: OAuthClient,
        store: Store,
        bucket: Bucket,
        headers: Mapping[str, str] | None = None,
        *,
        read_only: bool = False,
    ) -> None:
        """`headers` go with each request. With `read_only` no token is renewed, since another process may do so and one
        renewal ends the other."""
        self.called = client.called
        self._headers = headers or {}
        self._login = AccessTokens(client, store, renews=not read_only)
        self._bucket = bucket
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection."""
        if self._session is not None:
            await self._session.close()

    async def ask(
        self,
        method: str,
        url: str,
        params: Params | None = None,
        body: Json | Callable[[], Json] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        once: bool = False,
    ) -> Any:
        """What is answered; None where nothing is there (404). `body` may be made when the request is sent, perhaps
        minutes later. `once` is for what is not to be done twice, and not worth that others wait for it: it is asked
        for again only with a new token. Raises SourceError."""
        path = urlsplit(url).path
        refused = ""
        why = ""
        for attempt in range(_ATTEMPTS):
            await self._bucket.take()
            session = self._connected()
            access = await self._login.access(session, other_than=refused)
            sent = {"Authorization": f"Bearer {access}", **self._headers, **(headers or {})}
            content = body() if callable(body) else body
            try:
                async with session.request(
                    method, url, params=params, json=content, headers=sent, allow_redirects=False
                ) as answer:
                    if answer.status == 404:
                        return None
                    if answer.status < 300:
                        return await read_json(self.called, answer, LARGEST)
                    status, after = answer.status, answer.headers.get("Retry-After", "")
            except (aiohttp.ClientError, TimeoutError, ValueError) as error:
                status, after = 0, ""
                why = f"does not answer ({type(error).__name__})"
            if status == 401 and not refused:
                refused = access
                continue
            if status in {401, 403}:
                message = f"{self.called} refuses {path} ({status}). Compare the scopes of the key and client."
                # What is refused with a token that works may be this one thing alone.
                raise NotConnectedError(message) if status == 401 else NotAnsweredError(message)
            why = f"answers {status}" if status else why
            if status and status != 429 and status < 500:
                raise NotAnsweredError(f"{self.called} answers {status} at {path}.")
            if once:
                break
            if attempt < _ATTEMPTS - 1:
                await self._bucket.rest(wait_of(after, attempt))
        kind = RequestFailedError if status >= 500 else SourceError
        raise kind(f"{self.called} {why} at {path}.")

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT)
        return self._session


async def together(*works: Coroutine[Any, Any, object]) -> None:
    """Do all of these at the same time. Raises what the first that fails does, and ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def in_flight(each: Iterable[T], work: Callable[[T], Coroutine[Any, Any, object]]) -> None:
    """Do the same for each of these, a few at a time, so that one is asked for while others are answered."""
    waiting = iter(each)

    async def next_ones() -> None:
        for one in waiting:
            await work(one)

    await together(*(next_ones() for _ in range(_IN_FLIGHT)))


def wait_of(retry_after: str, attempt: int) -> float:
    """The seconds to wait: as Retry-After says, else longer each time."""
    asked = seconds_asked(retry_after)
    return min(0.5 * float(2**attempt) if asked is None else max(asked, 0.5), _LONGEST_WAIT)
