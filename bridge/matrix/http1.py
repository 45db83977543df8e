"""Requests over HTTP/1.1 on connections that are kept, for answers that fit into memory (RFC 9112).

Every reply of the bot is one such request, and aiohttp's client took more time for it than all else on a reply's way
(benchmarks/README.md). Reading answers is left to llhttp, which is aiohttp's parser too.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from yarl import URL

from bridge.firm.errors import BridgeError

KEPT_SECONDS = 4.0
"""How long an unused connection is kept: less than any common server keeps it, or it could be gone when it is used."""
_TARGET = re.compile(r"/[!-~]*")
_VALUE = re.compile(r"[\t -~]*")
_LENGTHS = {b"content-length", b"transfer-encoding"}


class CannotConnectError(BridgeError, OSError):
    """There is no connection to be had."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"{host}:{port}")
        self.host = host
        self.port = port


class ConnectionLostError(BridgeError, OSError):
    """The connection ended before the answer did."""


class NotHttpError(BridgeError):
    """The answer is not HTTP/1.1."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, whole. What nio reads of it is called as in aiohttp's."""

    status: int
    raw_headers: Sequence[tuple[bytes, bytes]]
    body: bytes

    content_disposition = None
    """nio asks for it where it downloads, which the bridge does by itself."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers by name in small letters. Most answers are not asked for them."""
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self.raw_headers}

    @property
    def content_type(self) -> str:
        """The media type without parameters."""
        return self.headers.get("content-type", "application/octet-stream").partition(";")[0].strip()

    async def read(self) -> bytes:
        """The body."""
        return self.body

    async def json(self) -> Any:
        """The body, decoded. Raises orjson.JSONDecodeError."""
        return orjson.loads(self.body)

    async def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")


class Connections:
    """Connections to one server, kept for the next request."""

    def __init__(self, url: str, headers: Mapping[str, str], limit: int) -> None:
        """`headers` go with every request; at most `limit` requests are under way at once, the others wait."""
        address = URL(url)
        self._host, self.port = address.raw_host or "", address.port or 80
        self.tls = ssl.create_default_context() if address.scheme == "https" else None
        self.headers = _lines({"Host": address.host_port_subcomponent or "", "Accept-Encoding": "identity", **headers})
        self._free = asyncio.Semaphore(limit)
        self._idle: list[_Connection] = []
        self.open: set[_Connection] = set()
        self._closed = False

    async def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, seconds: float
    ) -> Response:
        """Make one request, once. `target` is the path with the query, encoded.

        Raises TimeoutError where connecting or the answer takes longer than so many seconds, CannotConnectError,
        ConnectionLostError, NotHttpError, and ValueError for what cannot stand in a request.
        """
        if _TARGET.fullmatch(target) is None:
            raise ValueError("A request's target has to be an encoded path.")
        length = "" if body is None else f"Content-Length: {len(body)}\r\n"
        head = f"{method} {target} HTTP/1.1\r\n{self.headers}{_lines(headers)}{length}\r\n".encode("ascii")
        async with self._free:
            connection = self._kept() or await self._connect(seconds)
            try:
                return await connection.ask(head + body if body else head, seconds)
            finally:
                # Not where the answer is still to come: it would be taken for the next one's.
                if connection.is_idle:
                    self._idle.append(connection)
                else:
                    connection.end()

    def close(self) -> None:
        """End every connection, and with it what is under way. No request can be made any more."""
        self._closed = True
        for connection in tuple(self.open):
            connection.end()

    def _kept(self) -> _Connection | None:
        """The connection used last, while it can be used again."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_idle and connection.idle_seconds < KEPT_SECONDS:
                return connection
            connection.end()
        return None

    async def _connect(self, seconds: float) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                _, connection = await loop.create_connection(
                    lambda: _Connection(loop, self.open), self._host, self.port, ssl=self.tls
                )
        except TimeoutError:
            # It is an OSError too.
            raise
        except OSError as error:
            raise CannotConnectError(self._host, self.port) from error
        if self._closed:
            connection.end()
            raise ConnectionLostError("closed while it was being made")
        return connection


class _Connection(asyncio.Protocol):
    """One connection, with at most one request under way."""

    def __init__(self, loop: asyncio.AbstractEventLoop, opened: set[_Connection]) -> None:
        self._loop = loop
        self._opened = opened
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._response: asyncio.Future[Response] | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._in_body = False
        self._reusable = True
        self._idle_since = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether another request may follow."""
        return self._reusable and self._response is None

    @property
    def idle_seconds(self) -> float:
        """How long nothing was asked."""
        return self._loop.time() - self._idle_since

    async def ask(self, request: bytes, seconds: float) -> Response:
        """Send a request and wait for its answer, at most so many seconds. Raises as `Connections.ask`."""
        assert self._transport is not None
        self._response = self._loop.create_future()
        self._transport.write(request)
        # A timer costs a third of asyncio.timeout.
        timer = self._loop.call_later(seconds, self._give_up)
        try:
            return await self._response
        finally:
            timer.cancel()

    def end(self) -> None:
        """Close the connection; nothing more is read from it."""
        self._reusable = self._in_body = False
        if self._transport is not None:
            self._transport.abort()

    def _give_up(self) -> None:
        self._settle(TimeoutError())
        self.end()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no asyncio.Transport by inheritance.
        self._transport = cast("asyncio.Transport", transport)
        self._opened.add(self)

    def data_received(self, data: bytes) -> None:
        # Some servers say unasked that they are about to close.
        if self._response is None:
            self.end()
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._settle(NotHttpError(str(error)))
            self.end()

    def connection_lost(self, exc: Exception | None) -> None:
        self._reusable = False
        self._opened.discard(self)
        # Without a length the body ends where the connection does (RFC 9112, 6.3).
        if self._in_body and exc is None and not _LENGTHS & {name.lower() for name, _ in self._headers}:
            self.on_message_complete()
        else:
            self._settle(ConnectionLostError("the connection was lost"))

    # What the parser calls.

    def on_message_begin(self) -> None:
        # Nothing may follow an answer: it would be taken for the next one's.
        self._reusable = self._reusable and self._response is not None

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_body = True

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        headers, self._headers = self._headers, []
        body, self._body = b"".join(self._body), []
        self._in_body = False
        # What goes before the answer, such as 103 Early Hints, is not it.
        if status >= 200:
            self._reusable = self._reusable and self._parser.should_keep_alive()
            self._settle(Response(status, headers, body))

    def _settle(self, result: Response | Exception) -> None:
        response, self._response = self._response, None
        self._idle_since = self._loop.time()
        if response is None or response.done():
            return
        if isinstance(result, Response):
            response.set_result(result)
        else:
            response.set_exception(result)


def _lines(headers: Mapping[str, str]) -> str:
    """Header lines. Raises ValueError where a value would begin another."""
    for name, value in headers.items():
        if _VALUE.fullmatch(value) is None:
            raise ValueError(f"The header {name} has a character that cannot stand in one.")
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())
