"""The one way out to the homeserver: nio's client, acting as any user of the service, with typed errors."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import ssl
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
import nio
import orjson
from yarl import URL

from bridge import json_in
from bridge.guard.protocol import SIGNATURE_HEADER
from bridge.matrix import errors
from bridge.matrix.port import Take
from bridge.matrix.requests import ADMIN, Request, encoded
from bridge.matrix.responses import failure, not_matrix
from bridge.matrix.retry import PassingError, repeat
from bridge.settings import AppserviceSettings, HomeserverSettings

if TYPE_CHECKING:
    from bridge.matrix.accounts.bot_token import BotToken

OnRequest = Callable[[str, str, int, float], None]
"""Called after every attempt with method, route, status (0 where no answer came) and seconds."""

DEVICE = "FIRMBRIDGE"
"""The device that the bridge sends with. With a device, a repeated send is known even after a restart of Synapse."""

_MIN_CONNECTIONS = 32
_KEPT_SECONDS = 4.0
"""How long an unused connection is kept: less than any common server keeps it, or it could be gone when it is used."""
_TARGET = re.compile(r"/[!\"$-~]*")
"""What may stand in one. Behind a "#" it would not be sent."""
_JSON = {"Content-Type": "application/json"}
_ID = re.compile(
    r"(?<=/redact)/[^/]+/[^/]+|/[^/]*%[^/]*|(?<=/devices)/[^/]+|(?<=/media/download)/.+|(?<=/media/thumbnail)/.+"
)
_MEDIA = re.compile(r"(?<=/media/quarantine)/[^/]+/[^/]+$|(?<=/v1/media)/[^/]+/[^/]+$")
"""Where a file's id stands, which is the key to the file."""
_PIECE = 1 << 20
"""Bytes of media handed over at once, at most."""
_TAKEN_UP = 50
"""How often a download that breaks is taken up again while it gets on."""


def route_of(path: str) -> str:
    """A path with the ids in it replaced, so that a metric has one series for each kind of request."""
    before, send, after = path.partition("/send/")
    event_type, slash, _ = after.partition("/")
    return _without_ids(f"{before}{send}{event_type}") + ("/{id}" if slash else "")


@lru_cache(maxsize=8192)
def _without_ids(path: str) -> str:
    return _ID.sub("/{id}", path)


class Connection(nio.AsyncClient):  # type: ignore[misc] # nio says nothing about its types
    """nio's client without its login: every request carries the service's token in its header and a user to act as.

    nio's own methods go through `send` and act as the bot. They raise HomeserverError instead of returning errors, and
    are repeated by the one policy of retry.py; nio's own repetition never comes into play.
    """

    bot_token: BotToken | None = None
    """What opens Synapse's admin API, where the service's own token does not."""

    def __init__(
        self,
        settings: HomeserverSettings,
        appservice: AppserviceSettings,
        on_request: OnRequest | None = None,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """Nothing is opened before the first request. `before` is called before every attempt; what it raises is
        raised in its place."""
        bot_id = f"@{appservice.bot_localpart}:{settings.server_name}"
        config = nio.AsyncClientConfig(max_limit_exceeded=0, max_timeouts=0, request_timeout=settings.request_timeout)
        super().__init__(settings.url.rstrip("/"), bot_id, config=config)
        self.access_token = appservice.as_token.get_secret_value()
        self.client_session: aiohttp.ClientSession | None = None
        address = URL(self.homeserver)
        self._origin, self._base_path = address.origin(), address.raw_path.rstrip("/")
        self._headers = {
            "User-Agent": "firm-bridge",
            "Authorization": f"Bearer {self.access_token}",
            "Accept-Encoding": "identity",
        }
        self._timeout = settings.request_timeout
        self.deadline = settings.deadline
        self._limit = max(_MIN_CONNECTIONS, 2 * settings.concurrency)
        self._tls = address.scheme == "https"
        self._free = asyncio.Semaphore(self._limit)
        self._nobody: aiohttp.ClientSession | None = None
        self._on_request = on_request
        self._before = before
        self._closed = False

    async def ask(
        self,
        request: Request,
        user_id: str | None,
        key: str = "",
        *,
        device: str = "",
        content_type: str = "",
        signature: str = "",
    ) -> Any:
        """Make a request and return its answer, decoded; with a `key`, what the answer has there.

        The body is JSON unless `content_type` says what else. It acts as `user_id`, or as the service's own user where
        that is None. What is for the guard has a `signature`. Raises HomeserverError.
        """
        if self.bot_token is not None and request[1].startswith(ADMIN):
            return await self._ask_as_admin(self.bot_token, request, key)
        return await self._ask(request, user_id, key, device, content_type, signature)

    async def _ask_as_admin(self, bot_token: BotToken, request: Request, key: str) -> Any:
        """Ask with the token of an hour, and once more with another where it is taken no more."""
        for again in (False, True):
            token = await bot_token.token()
            try:
                return await self._ask(request, None, key, token=token)
            except errors.TokenRejectedError as error:
                bot_token.drop(token)
                if again:
                    what = "Synapse does not take the bot's token from mas.url; does it leave its accounts to that one?"
                    raise errors.AccountsRefusedError(error.request, error.status, what) from error
        raise AssertionError

    async def _ask(
        self,
        request: Request,
        user_id: str | None,
        key: str,
        device: str = "",
        content_type: str = "",
        signature: str = "",
        token: str = "",
    ) -> Any:
        method, path = request[0], request[1]
        data: str | bytes | None = request[2] if len(request) == 3 else None
        if data is None and method != "GET":
            data = b"{}"
        headers = {"Content-Type": content_type} if content_type else _JSON
        if signature:
            headers = {**headers, SIGNATURE_HEADER: signature}
        if token:
            headers = {**headers, "Authorization": f"Bearer {token}"}
        shown, target = self._target(path, user_id, device)

        async def attempt(left: float) -> Any:
            response = await self.request_once(method, shown, target, data, headers, min(self._timeout, left))
            try:
                content = json_in.loads(await response.read())
                return content[key] if key else content
            except (orjson.JSONDecodeError, KeyError, TypeError) as error:
                raise PassingError(not_matrix(f"{method} {shown}", response)) from error

        return await repeat(attempt, self.deadline)

    async def whose_openid_token(self, token: str) -> Any:
        """The answer to whose OpenID token this is (server-server API: openid/userinfo). Raises HomeserverError.

        By that API the token stands in the query, where no token of the bridge's ever does.
        """
        shown = "/_matrix/federation/v1/openid/userinfo"
        target = f"{self._base_path}{shown}?access_token={quote(token, safe='')}"

        async def attempt(left: float) -> Any:
            seconds = min(self._timeout, left)
            response = await self.request_once("GET", shown, target, None, {}, seconds, as_nobody=True)
            try:
                return json_in.loads(await response.read())
            except orjson.JSONDecodeError as error:
                raise PassingError(not_matrix(f"GET {shown}", response)) from error

        return await repeat(attempt, self.deadline)

    async def clock(self) -> tuple[float, float]:
        """The server's Date, and for how long it was waited for, in milliseconds. Raises HomeserverError."""
        asked = time.monotonic()
        response = await self.send("GET", "/_matrix/client/versions")
        waited = time.monotonic() - asked
        try:
            date = parsedate_to_datetime(response.headers["date"])
        except (KeyError, ValueError) as error:
            raise errors.NotFoundError("GET /versions", 200, "M_UNKNOWN", "the answer has no Date") from error
        return date.timestamp() * 1000, waited * 1000

    async def send(
        self,
        method: str,
        path: str,
        data: str | bytes | None = None,
        headers: Mapping[str, str] | None = None,
        trace_context: Any = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is nio's
    ) -> aiohttp.ClientResponse:
        """Make a request for one of nio's own methods, as the bot. Raises HomeserverError."""
        shown, target = self._target(path, self.user, "")
        limit = self._timeout if timeout is None else timeout or math.inf

        async def attempt(left: float) -> aiohttp.ClientResponse:
            return await self.request_once(method, shown, target, data, headers or _JSON, min(limit, left))

        return await repeat(attempt, self.deadline)

    async def stream(self, request: Request, user_id: str, take: Take) -> None:
        """GET something large and hand it over in pieces, each byte once and in order. Raises HomeserverError.

        Where a download breaks, the next attempt passes over what was had: Synapse 1.163 knows no ranges of bytes. The
        deadline is for getting on, not for the whole. What `take` raises ends it.
        """
        shown, target = self._target(request[1], user_id, "")
        had = 0

        async def attempt(left: float) -> None:
            nonlocal had
            again = had
            async with contextlib.aclosing(self._pieces(shown, target, min(self._timeout, left))) as pieces:
                async for piece in pieces:
                    if len(piece) > again:
                        await take(piece[again:])
                        had += len(piece) - again
                    again = max(again - len(piece), 0)

        for taken_up in range(_TAKEN_UP):
            before = had
            try:
                return await repeat(attempt, self.deadline)
            except errors.UnreachableError:
                if had == before or taken_up == _TAKEN_UP - 1:
                    raise
        return None

    async def _pieces(self, shown: str, target: str, seconds: float) -> AsyncGenerator[bytes, None]:
        """The pieces of an answer, by one request. Raises as `request_once`."""
        # What the path of media names is a secret.
        name, url = f"GET {route_of(shown)}", self._url(target)
        if self._closed:
            raise errors.UnreachableError(name, 0, "M_UNKNOWN", "the connection to the homeserver was closed")
        started, status = time.perf_counter(), 0
        try:
            async with self._session().get(
                url,
                timeout=aiohttp.ClientTimeout(total=None, connect=seconds, sock_read=seconds),
                allow_redirects=False,
                read_bufsize=_PIECE,
            ) as response:
                status = response.status
                if status >= 300:
                    raise failure(name, response, await response.read())
                async for piece in response.content.iter_chunked(_PIECE):
                    yield piece
        except (aiohttp.ClientError, TimeoutError) as error:
            raise PassingError(errors.UnreachableError(name, 0, "M_UNKNOWN", _lost(error, seconds))) from error
        finally:
            if self._on_request is not None:
                self._on_request("GET", route_of(shown), status, time.perf_counter() - started)

    async def close(self) -> None:
        """Close every connection. Requests under way end with UnreachableError, and none can be made any more."""
        self._closed = True
        if self._nobody is not None:
            await self._nobody.close()
        await super().close()

    def _target(self, path: str, user_id: str | None, device: str) -> tuple[str, str]:
        """The path without secrets, for messages and metrics, and the whole target with who is acting."""
        path, _, query = path.partition("?")
        # nio's builders put the token into the query; it belongs in the header alone.
        pairs = [pair for pair in query.split("&") if pair and not pair.startswith("access_token=")]
        if user_id is not None:
            pairs.append(f"user_id={encoded(user_id)}")
        if device:
            pairs.append(f"device_id={encoded(device)}")
        query = f"?{'&'.join(pairs)}" if pairs else ""
        shown = _MEDIA.sub("/{id}", path) if "/media/" in path else path
        return shown, f"{self._base_path}{path}{query}"

    def _url(self, target: str) -> URL:
        """The address of a path with its query. Raises ValueError where they are not encoded."""
        if _TARGET.fullmatch(target) is None:
            raise ValueError("A request's target has to be an encoded path.")
        path, _, query = target.partition("?")
        # Made of its parts: taking it apart takes a 20th of a request, and yarl keeps what it took apart, secrets too.
        scheme, authority = self._origin.scheme, self._origin.raw_authority
        return URL.build(scheme=scheme, authority=authority, path=path, query_string=query, encoded=True)

    def _session(self, *, as_nobody: bool = False) -> aiohttp.ClientSession:
        """The connections, those without the bridge's token for what another one is sent with.

        Synapse takes whoever sends two for a server, and refuses it.
        """
        if as_nobody:
            self._nobody = self._nobody or self._new_session({"User-Agent": "firm-bridge"})
            return self._nobody
        self.client_session = self.client_session or self._new_session(self._headers)
        return self.client_session

    def _new_session(self, headers: Mapping[str, str]) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            # Without a limit: waiting for a free connection counts for no time-out, so that is done here.
            connector=aiohttp.TCPConnector(
                limit=0, keepalive_timeout=_KEPT_SECONDS, ssl=ssl.create_default_context() if self._tls else True
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=headers,
        )

    async def request_once(
        self,
        method: str,
        shown: str,
        target: str,
        data: str | bytes | None,
        headers: Mapping[str, str],
        seconds: float,
        *,
        as_nobody: bool = False,
    ) -> aiohttp.ClientResponse:
        """One request, once; its answer is read as a whole.

        Raises PassingError where it may be repeated, else HomeserverError, and ValueError for what cannot stand in a
        request.
        """
        name = f"{method} {shown}"
        url = self._url(target)
        if self._closed:
            raise errors.UnreachableError(name, 0, "M_UNKNOWN", "the connection to the homeserver was closed")
        started = time.perf_counter()
        status = 0
        body = data.encode() if isinstance(data, str) else data
        try:
            async with self._free:
                self._before()
                response = await self._session(as_nobody=as_nobody).request(
                    method,
                    url,
                    data=body,
                    headers=headers,
                    timeout=aiohttp.ClientTimeout(total=seconds),
                    allow_redirects=False,
                )
                # At its end the connection is free again; broken off, it is closed.
                content = await response.read()
                status = response.status
        except (aiohttp.ClientError, OSError) as error:
            raise PassingError(errors.UnreachableError(name, 0, "M_UNKNOWN", _lost(error, seconds))) from error
        finally:
            if self._on_request is not None:
                self._on_request(method, route_of(shown), status, time.perf_counter() - started)
        if status < 300:
            return response
        raise failure(name, response, content)


def _lost(error: Exception, seconds: float) -> str:
    """What happened to a request without an answer. Not the error's own text, which may quote the address."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        why = getattr(error.certificate_error, "verify_message", "")
        return (
            f"the certificate of {error.host}:{error.port} is not trusted ({why});"
            " let this machine trust the authority that issued it, or correct homeserver.url"
        )
    if isinstance(error, aiohttp.ClientResponseError):
        return "the answer is not HTTP; compare homeserver.url with the homeserver's address"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}:{error.port}; is the homeserver running?"
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:.0f} seconds"
    return f"the connection was lost ({type(error).__name__})"
