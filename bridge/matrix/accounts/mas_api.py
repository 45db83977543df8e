"""The admin API of the Matrix Authentication Service (MAS), as a client that acts for itself.

OAuth 2.0 client credentials (RFC 6749, section 4.4) with the scope `urn:mas:admin`; answers in the form of JSON:API.
One access token is kept until shortly before it is over, and asked for anew where MAS does not take it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard
from urllib.parse import quote, quote_plus

import aiohttp
import orjson
from yarl import URL

from bridge import json_in
from bridge.firm.errors import BridgeError
from bridge.matrix.errors import (
    AccountsAwayError,
    AccountsRefusedError,
    BadRequestError,
    ForbiddenError,
    HomeserverError,
    NotFoundError,
)
from bridge.matrix.retry import PassingError, may_pass, patience, repeat
from bridge.settings import HomeserverSettings, MasSettings

Json = dict[str, Any]
OnRequest = Callable[[str, str, int, float], None]
"""Called after every attempt with method, route, status (0 where no answer came) and seconds."""

ADMIN = "/api/admin/v1"
SCOPE = "urn:mas:admin"
_TOKEN = "/oauth2/token"  # noqa: S105 - a path
_ULID = re.compile(r"(?<=/)[0-9A-HJKMNP-TV-Z]{26}(?=/|$)|(?<=/by-username/).+")
_LARGEST = 4 << 20
"""Bytes of an answer."""
_EARLY = 10.0
"""Seconds before its end at which a token is not used any more."""
_AT_ONCE = 100
"""Entries of a page."""
_AT_THE_SAME_TIME = 8
_PATIENCE = 20.0
"""Seconds after which a request is not repeated: what takes access away goes on in Synapse behind it (F2)."""


class _TokenRefusedError(BridgeError):
    """MAS does not take the access token."""


@dataclass(frozen=True, slots=True)
class _AccessToken:
    text: str
    until: float
    """By the monotonic clock."""


class MasApi:
    """One MAS. It opens nothing before the first request. Every method raises HomeserverError.

    AccountsAwayError is raised for one that cannot be reached, answers with its own trouble, or is another than the
    firm's; AccountsRefusedError where it does not let the bridge in.
    """

    def __init__(
        self,
        settings: MasSettings,
        homeserver: HomeserverSettings,
        on_request: OnRequest | None = None,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """`before` is called before every request; what it raises is raised."""
        self._settings = settings
        self._server_name = homeserver.server_name
        self._base = URL(settings.url.rstrip("/"))
        self._timeout, self._deadline = min(homeserver.request_timeout, _PATIENCE), homeserver.deadline
        self._on_request = on_request
        self._before = before
        self._session: aiohttp.ClientSession | None = None
        self._free = asyncio.Semaphore(_AT_THE_SAME_TIME)
        self._token: _AccessToken | None = None
        self._token_lock = asyncio.Lock()
        self._ours = False
        self.trouble = ""
        """Why it was not to be used when it was asked last; empty where it was."""

    async def get(self, path: str, **query: str) -> Json:
        """The answer of a GET. Paths are below the admin API, encoded."""
        await self.require_ours()
        return await self._asked("GET", path, query=query)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """The answer of a POST; nothing where it has no content."""
        await self.require_ours()
        return await self._asked("POST", path, body={} if body is None else body)

    async def delete(self, path: str) -> None:
        """Delete what is there; what is not is no error."""
        await self.require_ours()
        with contextlib.suppress(NotFoundError):
            await self._asked("DELETE", path)

    async def entries(self, path: str, **filters: str) -> AsyncIterator[Json]:
        """All entries of a list, page by page."""
        query = {"page[first]": str(_AT_ONCE), "count": "false", **filters}
        after, seen = "", set[str]()
        while True:
            answer = await self.get(path, **query, **({"page[after]": after} if after else {}))
            try:
                page, more = [self.one({"data": one}) for one in answer["data"]], answer["links"].get("next")
            except (KeyError, TypeError, AttributeError) as error:
                raise self.not_mas("GET", path, 200) from error
            # A page that comes again would come for ever.
            if not seen.isdisjoint(ids := [one["id"] for one in page]):
                raise self.not_mas("GET", path, 200)
            for one in page:
                yield one
            if not more or not ids:
                return
            seen.update(ids)
            after = ids[-1]

    def one(self, answer: Json, *, username: str = "") -> Json:
        """What an answer is about: its id and attributes, for a user with this name. Raises AccountsAwayError."""
        found = answer.get("data")
        said = found.get("attributes") if isinstance(found, dict) and isinstance(found.get("id"), str) else None
        if isinstance(found, dict) and isinstance(said, dict) and (not username or said.get("username") == username):
            return found
        raise self.not_mas("GET", ADMIN, 200)

    async def look(self) -> None:
        """See whether it serves, for `trouble`, with one request. Raises nothing."""
        with patience(0), contextlib.suppress(HomeserverError):
            await self.get("/version")

    async def require_ours(self) -> None:
        """See that it keeps the accounts of the firm's homeserver, once. Raises AccountsAwayError where not."""
        if self._ours:
            return
        found = (await self._asked("GET", "/site-config")).get("server_name")
        if found != self._server_name:
            what = f"it keeps the accounts of {found!s:.100}, not of {self._server_name}; correct mas.url"
            error = self._away("GET", f"{ADMIN}/site-config", 200, what)
            self.trouble = str(error)
            raise error
        self._ours = True

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _asked(
        self, method: str, path: str, *, body: Mapping[str, Any] | None = None, query: Mapping[str, str] | None = None
    ) -> Json:
        shown = ADMIN + path
        url = self._base.join(URL(f"{self._base.path.rstrip('/')}{shown}", encoded=True)).update_query(query or {})
        data = None if body is None else orjson.dumps(body)

        async def attempt(left: float) -> Json:
            for again in (False, True):
                self._before()
                token = await self._access_token(left)
                headers = {"Authorization": f"Bearer {token.text}", "Content-Type": "application/json"}
                try:
                    answer = await self._once(method, shown, url, data, headers, left)
                except _TokenRefusedError as error:
                    # It may have been revoked, or MAS lost it: another one shows which.
                    if self._token is token:
                        self._token = None
                    if again:
                        what = "it does not take the token that it has just given"
                        raise self._refused(method, shown, 401, what) from error
                else:
                    # Nothing was done where somebody else took it.
                    if method == "POST" and answer:
                        self.one(answer)
                    return answer
            raise AssertionError

        return await self._told(attempt)

    async def _told(self, attempt: Callable[[float], Awaitable[Json]]) -> Json:
        """Repeat an attempt, and keep for health what came of it. One that was away when last asked is asked once."""
        try:
            with patience(0 if self.trouble else _PATIENCE):
                answer = await repeat(attempt, self._deadline)
        except (AccountsAwayError, AccountsRefusedError) as error:
            self.trouble = str(error)
            raise
        self.trouble = ""
        return answer

    async def _access_token(self, left: float) -> _AccessToken:
        async with self._token_lock:
            token = self._token
            if token is None or token.until <= time.monotonic():
                token = self._token = await self._new_token(left)
            return token

    async def _new_token(self, left: float) -> _AccessToken:
        secret = client_secret(self._settings)
        pair = f"{quote_plus(self._settings.client_id)}:{quote_plus(secret)}"
        headers = {
            "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        data = f"grant_type=client_credentials&scope={quote_plus(SCOPE)}".encode()
        url = self._base.join(URL(f"{self._base.path.rstrip('/')}{_TOKEN}", encoded=True))
        asked = time.monotonic()
        try:
            answer = await self._once("POST", _TOKEN, url, data, headers, left)
        except AccountsAwayError:
            raise
        except (_TokenRefusedError, HomeserverError) as error:
            what = "it does not let the bridge in"
            raise self._refused("POST", _TOKEN, getattr(error, "status", 401), what) from error
        text, seconds = answer.get("access_token"), answer.get("expires_in", 60)
        if not is_token(text) or not isinstance(seconds, int | float):
            raise self.not_mas("POST", _TOKEN, 200)
        if SCOPE not in str(answer.get("scope", SCOPE)).split():
            raise self._refused("POST", _TOKEN, 200, f"it gives the bridge no {SCOPE}")
        return _AccessToken(text, asked + max(float(seconds) - _EARLY, 1.0))

    async def _once(
        self, method: str, shown: str, url: URL, data: bytes | None, headers: Mapping[str, str], left: float
    ) -> Json:
        """One request, once. Raises PassingError, HomeserverError and _TokenRefusedError."""
        started, status = time.perf_counter(), 0
        seconds = min(self._timeout, left)
        try:
            async with (
                self._free,
                self._connections().request(
                    method,
                    url,
                    data=data,
                    headers=headers,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=seconds),
                ) as answer,
            ):
                raw = bytearray()
                async for part in answer.content.iter_chunked(1 << 16):
                    raw += part
                    if len(raw) > _LARGEST:
                        raise self.not_mas(method, shown, answer.status)
                status = answer.status
                asked_pause = _seconds(answer.headers.get("Retry-After", ""))
        except (aiohttp.ClientError, OSError) as error:
            what = f"no answer within {seconds:.0f} seconds" if isinstance(error, TimeoutError) else "not reached"
            raise PassingError(self._away(method, shown, 0, f"{what} ({type(error).__name__})")) from error
        finally:
            if self._on_request is not None:
                self._on_request(method, _ULID.sub("{id}", shown), status, time.perf_counter() - started)
        return self._judged(method, shown, status, bytes(raw), asked_pause)

    def _judged(self, method: str, shown: str, status: int, raw: bytes, asked_pause: float | None) -> Json:
        try:
            body = json_in.loads(raw) if raw else {}
        except orjson.JSONDecodeError:
            body = None
        if status == 204:
            return {}
        if 200 <= status < 300 and isinstance(body, dict) and body:
            return body
        said = _said(shown, body)
        if status == 401:
            raise _TokenRefusedError
        if may_pass(status):
            raise PassingError(self._away(method, shown, status, said or "its own trouble"), asked_pause)
        # What stands in for MAS, a proxy or another program, says nothing about the account asked for.
        if not said or 200 <= status < 400:
            raise PassingError(self.not_mas(method, shown, status))
        name = f"{method} {shown}"
        if status == 404:
            raise NotFoundError(name, status, "M_NOT_FOUND", said)
        if status == 403:
            raise ForbiddenError(name, status, "M_FORBIDDEN", said)
        raise BadRequestError(name, status, "M_UNKNOWN", said)

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), headers={"User-Agent": "firm-bridge"}
            )
        return self._session

    def _away(self, method: str, shown: str, status: int, what: str) -> AccountsAwayError:
        return AccountsAwayError(f"{method} {shown}", status, f"the Matrix Authentication Service: {what}")

    def not_mas(self, method: str, shown: str, status: int) -> AccountsAwayError:
        """What to raise for an answer that MAS does not give. Health says so until MAS answers."""
        error = self._away(method, shown, status, "the answer is not its; compare mas.url with its address")
        self.trouble = str(error)
        return error

    def _refused(self, method: str, shown: str, status: int, what: str) -> AccountsRefusedError:
        remedy = "compare mas.client_id and the file of mas.client_secret_file with its clients and admin_clients"
        return AccountsRefusedError(f"{method} {shown}", status, f"the Matrix Authentication Service: {what}; {remedy}")


def is_token(given: Any) -> TypeGuard[str]:
    """Whether it can stand in a header as a bearer token."""
    return isinstance(given, str) and re.fullmatch(r"[!-~]{1,4096}", given) is not None


def path_of(*parts: str) -> str:
    """A path below the admin API."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def client_secret(settings: MasSettings) -> str:
    """The secret of the bridge at MAS, read anew each time. Raises AccountsRefusedError."""
    why = "cannot be read; give the bridge's user the right to"
    try:
        secret = Path(settings.client_secret_file).read_text(encoding="utf-8").strip()
        why = "is empty; put in the secret from MAS's configuration"
    except (OSError, UnicodeDecodeError) as error:
        raise AccountsRefusedError(f"POST {_TOKEN}", 0, f"the file of mas.client_secret_file {why}") from error
    if not secret:
        raise AccountsRefusedError(f"POST {_TOKEN}", 0, f"the file of mas.client_secret_file {why}")
    return secret


def _said(shown: str, body: Any) -> str:
    """The sentence of an error: of OAuth (RFC 6749, section 5.2) for a token, else of JSON:API; empty for any other's.

    `shown` is the path that was asked. Synapse has an `error`, too, and must not be heard as MAS.
    """
    if not isinstance(body, dict):
        return ""
    if shown == _TOKEN:
        said = body.get("error")
    else:
        errors = body.get("errors")
        said = errors[0].get("title") if isinstance(errors, list) and errors and isinstance(errors[0], dict) else ""
    return said[:200] if isinstance(said, str) else ""


def _seconds(asked: str) -> float | None:
    return float(asked) if re.fullmatch(r"[0-9]{1,6}", asked) else None
