"""The one way out to the homeserver: requests as any user of the service, with typed errors and one retry policy."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import orjson
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError

from bridge import json_in
from bridge.guard.protocol import SIGNATURE_HEADER
from bridge.matrix import errors
from bridge.matrix.port import Take
from bridge.matrix.requests import ADMIN, Request, encoded
from bridge.matrix.responses import Answer, failure, not_matrix
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
_TARGET = re.compile(r"(?!.*/(?:\.|%2e){1,2}(?:[/?]|$))/[!\"$-~]*", re.IGNORECASE)
"""What may stand in one. Behind a "#" it would not be sent, and a part of dots would be taken for a way up."""
_JSON = "application/json"
_ID = re.compile(
    r"(?<=/redact)/[^/]+/[^/]+|/[^/]*%[^/]*|(?<=/devices)/[^/]+|(?<=/media/download)/.+|(?<=/media/thumbnail)/.+"
)
_MEDIA = re.compile(r"(?<=/media/quarantine)/[^/]+/[^/]+$|(?<=/v1/media)/[^/]+/[^/]+$")
"""Where a file's id stands, which is the key to the file."""
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


class Connection:
    """The connections to the homeserver. Every request carries the service's token in its header, and who is acting."""

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
        address = urlsplit(settings.url.rstrip("/"))
        self._base_path = address.path
        self._origin = f"{address.scheme}://{address.netloc}"
        self._host = f"{address.hostname}:{address.port or (443 if address.scheme == 'https' else 80)}"
        self._token = f"Bearer {appservice.as_token.get_secret_value()}"
        self._timeout = settings.request_timeout
        self.deadline = settings.deadline
        # Waiting for a free connection counts for no time-out, so that is done here.
        self._free = asyncio.Semaphore(max(_MIN_CONNECTIONS, 2 * settings.concurrency))
        self._client: Client | None = None
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
        headers = {
            "Authorization": f"Bearer {token}" if token else self._token,
            "Content-Type": content_type or _JSON,
        }
        if signature:
            headers[SIGNATURE_HEADER] = signature
        shown, target = self._target(path, user_id, device)

        async def attempt(left: float) -> Any:
            answer = await self.request_once(method, shown, target, data, headers, min(self._timeout, left))
            try:
                content = json_in.loads(answer.body)
                return content[key] if key else content
            except (orjson.JSONDecodeError, KeyError, TypeError) as error:
                raise PassingError(not_matrix(f"{method} {shown}", answer)) from error

        return await repeat(attempt, self.deadline)

    async def whose_openid_token(self, token: str) -> Any:
        """The answer to whose OpenID token this is (server-server API: openid/userinfo). Raises HomeserverError.

        By that API the token stands in the query, where no token of the bridge's ever does.
        """
        shown = "/_matrix/federation/v1/openid/userinfo"
        target = f"{self._base_path}{shown}?access_token={quote(token, safe='')}"

        async def attempt(left: float) -> Any:
            # Without the bridge's own: Synapse takes whoever sends two for a server, and refuses it.
            answer = await self.request_once("GET", shown, target, None, {}, min(self._timeout, left))
            try:
                return json_in.loads(answer.body)
            except orjson.JSONDecodeError as error:
                raise PassingError(not_matrix(f"GET {shown}", answer)) from error

        return await repeat(attempt, self.deadline)

    async def clock(self) -> tuple[float, float]:
        """The server's Date, and for how long it was waited for, in milliseconds. Raises HomeserverError."""
        shown = "/_matrix/client/versions"
        asked = time.monotonic()

        async def attempt(left: float) -> Answer:
            seconds = min(self._timeout, left)
            return await self.request_once("GET", shown, f"{self._base_path}{shown}", None, {}, seconds)

        answer = await repeat(attempt, self.deadline)
        waited = time.monotonic() - asked
        try:
            date = parsedate_to_datetime(answer.headers["date"])
        except (KeyError, ValueError) as error:
            raise errors.NotFoundError("GET /versions", 200, "M_UNKNOWN", "the answer has no Date") from error
        return date.timestamp() * 1000, waited * 1000

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
            request = self._connections().get(url).header("Authorization", self._token).build_streamed()
            async with contextlib.AsyncExitStack() as stack:
                async with asyncio.timeout(seconds):
                    response = await stack.enter_async_context(request)
                status = response.status
                if status >= 300:
                    async with asyncio.timeout(seconds):
                        body = (await response.bytes()).to_bytes()
                    raise failure(name, Answer(status, response.headers, body))
                while True:
                    async with asyncio.timeout(seconds):
                        piece = await response.body_reader.read_chunk()
                    if piece is None:
                        break
                    yield piece.to_bytes()
        except (PyreqwestError, TimeoutError) as error:
            raise self._lost(name, error, seconds) from _told(error)
        finally:
            if self._on_request is not None:
                self._on_request("GET", route_of(shown), status, time.perf_counter() - started)

    async def close(self) -> None:
        """Close every connection. Requests under way end with UnreachableError, and none can be made any more."""
        self._closed = True
        if self._client is not None:
            await self._client.close()

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

    def _url(self, target: str) -> str:
        """The address of a path with its query. Raises ValueError where they are not encoded."""
        if _TARGET.fullmatch(target) is None:
            raise ValueError("A request's target has to be an encoded path.")
        return f"{self._origin}{target}"

    def _connections(self) -> Client:
        if self._client is None:
            # It asks for no compression, and follows nothing that the homeserver did not say itself.
            self._client = (
                ClientBuilder()
                .default_headers({"User-Agent": "firm-bridge", "Accept-Encoding": "identity"})
                .follow_redirects(False)
                .referer(False)
                .no_proxy()
                .pool_idle_timeout(timedelta(seconds=_KEPT_SECONDS))
                .build()
            )
        return self._client

    async def request_once(
        self,
        method: str,
        shown: str,
        target: str,
        data: str | bytes | None,
        headers: Mapping[str, str],
        seconds: float,
    ) -> Answer:
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
        asked = self._connections().request(method, url).headers(headers).timeout(timedelta(seconds=seconds))
        if data is not None:
            asked = asked.body_bytes(data.encode() if isinstance(data, str) else data)
        request = asked.build()
        try:
            async with self._free:
                self._before()
                response = await request.send()
                body = (await response.bytes()).to_bytes()
                status = response.status
        except PyreqwestError as error:
            raise self._lost(name, error, seconds) from _told(error)
        finally:
            if self._on_request is not None:
                self._on_request(method, route_of(shown), status, time.perf_counter() - started)
        answer = Answer(status, response.headers, body)
        if status < 300:
            return answer
        raise failure(name, answer)

    def _lost(self, name: str, error: Exception, seconds: float) -> PassingError:
        return PassingError(errors.UnreachableError(name, 0, "M_UNKNOWN", _happened(error, self._host, seconds)))


def _told(error: Exception) -> TimeoutError | None:
    """What may be shown of an error as a cause: its own text quotes the address."""
    return TimeoutError() if isinstance(error, TimeoutError) else None


def _happened(error: Exception, host: str, seconds: float) -> str:
    """What happened to a request without an answer."""
    told = getattr(error, "details", {}).get("causes") or ()
    causes = [cause["message"] for cause in told if " for url " not in cause["message"]]
    if untrusted := next((one for one in causes if "certificate" in one), ""):
        return (
            f"the certificate of {host} is not trusted ({untrusted});"
            " let this machine trust the authority that issued it, or correct homeserver.url"
        )
    if isinstance(error, TimeoutError):
        return f"no answer within {seconds:.0f} seconds"
    if any("(Connect)" in one for one in causes):
        return f"cannot connect to {host}; is the homeserver running?"
    if any("invalid" in one for one in causes):
        return "the answer is not HTTP; compare homeserver.url with the homeserver's address"
    return f"the connection was lost ({type(error).__name__})"
