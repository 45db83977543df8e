"""What a process that stands by answers: it hands each request on to the one at work, and the answer back.

So a proxy may pick any of them. While nobody is at work, or whoever was is silent, requests wait for the next one: a
bounded number, and with their bodies only those of the homeserver, as anybody may ask and here nobody knows who does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from bridge.firm.errors import BridgeError
from bridge.web.appservice import ANSWER_WITHIN, PREFIX
from bridge.web.arriving import arriving
from bridge.web.bearer import bearer, is_token
from bridge.web.errors import STANDS_BY, MatrixError, errors_as_json, json_response

log = structlog.get_logger(__name__)

Address = tuple[str, int]
_PAUSE_SECONDS = 0.1
_CONNECT_SECONDS = 2.0
WAITING_MAX = 512
"""Requests at one address that wait for their answer to begin."""
_AGAIN_SECONDS = 5
"""After which whoever is beyond that may ask again."""
_READS = frozenset({"GET", "HEAD"})
"""Methods of which no body is handed on: nobody's means anything (RFC 9110, section 9.3.1)."""
_OF_THE_BODY = ("Content-Length", "Content-Encoding")
_HANDED_ON = "X-Firm-Bridge-Handed-On"
_BETWEEN_TWO = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade", "expect"),
    }
)
"""Headers that are about one connection alone (RFC 9110, section 7.6.1), and the one that it has answered already."""


class _LostError(BridgeError):
    """No answer came. Whether the request did is not known."""


class _NotReachedError(_LostError):
    """The request did not come to anybody."""


class _StandsByError(_LostError):
    """It came to a process that is not at work, or not yet."""


@dataclass
class _Worker:
    """The process at work, by the addresses of what it serves."""

    addresses: tuple[Address, ...]
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it is at work no more."""
    answers: set[aiohttp.ClientResponse] = field(default_factory=set)
    """Those of it that are being passed back."""

    def end(self) -> None:
        """Wait for nothing more from it: one that stands still never says so."""
        self.gone.set()
        for answer in self.answers:
            answer.close()


class Relay:
    """Knows who is at work, and hands requests on."""

    def __init__(self, token: bytes) -> None:
        """`token` is the homeserver's (hs_token)."""
        self._token = token
        self._at_work: _Worker | None = None
        self._found = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None

    def point_to(self, addresses: tuple[Address, ...] | None) -> None:
        """Hand on to this process from now on; to nobody where that is None."""
        before = self._at_work
        if before is not None and before.addresses == addresses:
            return
        if before is not None:
            before.end()
        self._at_work = None if addresses is None else _Worker(addresses)
        (self._found.clear if addresses is None else self._found.set)()

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    def runner(self, number: int, max_body_bytes: int, own: list[web.RouteDef]) -> web.AppRunner:
        """What is served in the place of the address with this number, 0 for the application service's.

        `own` is answered by this process itself; `max_body_bytes` is of what the homeserver sends.
        """
        app = web.Application(middlewares=[_last_of_its_connection, errors_as_json], client_max_size=max_body_bytes)
        places = asyncio.Semaphore(WAITING_MAX)

        async def handed_on(request: web.Request) -> web.StreamResponse:
            if _HANDED_ON in request.headers:
                # Whoever hands it on knows of a moment ago, and asks again. Further on it could go round for ever.
                return web.Response(status=503, headers={STANDS_BY: "1"})
            if places.locked():
                return _full()
            async with places:
                answer, at_work = await self._answer(request, number)
            return await _passed_back(request, answer, at_work)

        app.add_routes([*own, web.route("*", "/{path:.*}", handed_on)])
        # What is packed goes on packed, as its headers say.
        return web.AppRunner(app, access_log=None, shutdown_timeout=1, auto_decompress=False)

    def _is_homeservers(self, request: web.Request, number: int) -> bool:
        return number == 0 and request.path.startswith(PREFIX) and is_token(bearer(request), self._token)

    async def _answer(self, request: web.Request, number: int) -> tuple[aiohttp.ClientResponse, _Worker]:
        """The beginning of an answer, and whose it is. Raises MatrixError."""
        # What may come twice is sent again where the answer was lost: the bridge knows transactions by their events.
        keeps = request.method not in _READS and self._is_homeservers(request, number)
        repeatable = keeps or request.method in _READS
        body = None
        if keeps:
            async with arriving(request):
                body = await request.read()
        end = time.monotonic() + ANSWER_WITHIN
        while (at_work := await self._found_by(end)) is not None:
            try:
                # Only now does anybody read what is streamed, so that only now it can be late.
                async with arriving(request):
                    return await self._answered(request, at_work, number, body), at_work
            except _NotReachedError:
                await asyncio.sleep(_PAUSE_SECONDS)
            except _LostError as error:
                if not repeatable and isinstance(error, _StandsByError):
                    break
                if not repeatable:
                    raise MatrixError(
                        502, "M_UNKNOWN", "The bridge ended while it did this. Look whether it is done, and ask again."
                    ) from None
                await asyncio.sleep(_PAUSE_SECONDS)
        raise MatrixError(503, "M_UNKNOWN", "No process of the bridge is at work. Ask again later.")

    async def _found_by(self, end: float) -> _Worker | None:
        """Whoever is at work, waited for until then."""
        try:
            async with asyncio.timeout(end - time.monotonic()):
                await self._found.wait()
        except TimeoutError:
            return None
        return self._at_work

    async def _answered(
        self, request: web.Request, at_work: _Worker, number: int, body: bytes | None
    ) -> aiohttp.ClientResponse:
        """The answer of whoever is at work. Raises _LostError where none comes, or whoever was asked is gone."""
        asked = asyncio.create_task(self._asked(request, at_work, number, body))
        gone = asyncio.create_task(at_work.gone.wait())
        try:
            await asyncio.wait({asked, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                raise _LostError
            return asked.result()
        finally:
            asked.cancel()
            gone.cancel()

    async def _asked(
        self, request: web.Request, at_work: _Worker, number: int, body: bytes | None
    ) -> aiohttp.ClientResponse:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # A connection for each: what was kept open may lead to a process that has ended.
                connector=aiohttp.TCPConnector(limit=0, force_close=True),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        host, port = at_work.addresses[number]
        url = URL(f"http://{f'[{host}]' if ':' in host else host}:{port}{request.rel_url.raw_path_qs}", encoded=True)
        headers = _between_all(request.headers)
        if request.method in _READS:
            data = None
            for name in _OF_THE_BODY:
                headers.popall(name, None)
        else:
            data = body if body is not None else request.content if request.body_exists else None
        headers[_HANDED_ON] = "1"
        skip = {"Accept-Encoding", "User-Agent", "Accept", "Content-Type"}
        try:
            answer = await self._session.request(
                request.method, url, headers=headers, data=data or None, allow_redirects=False, skip_auto_headers=skip
            )
        except aiohttp.ClientConnectorError as error:
            raise _NotReachedError from error
        except (aiohttp.ClientError, OSError) as error:
            raise _LostError from error
        if STANDS_BY in answer.headers:
            answer.close()
            raise _StandsByError
        return answer


@web.middleware
async def _last_of_its_connection(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let whoever asks again come to who is at work then, which may be this process itself: what was connected before
    it was goes on being answered here."""
    response = await handler(request)
    if not response.prepared:
        response.force_close()
    return response


def _full() -> web.Response:
    response = json_response({"errcode": "M_UNKNOWN", "error": "Too many requests wait here. Ask again later."}, 503)
    response.headers["Retry-After"] = str(_AGAIN_SECONDS)
    return response


async def _passed_back(request: web.Request, answer: aiohttp.ClientResponse, at_work: _Worker) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=_between_all(answer.headers))
    response.force_close()
    at_work.answers.add(answer)
    try:
        async with answer:
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
        await response.write_eof()
    except (aiohttp.ClientError, OSError) as error:
        log.info("answer_broke_off", path=request.path, reason=type(error).__name__)
        if request.transport is not None:
            # Whoever reads has to see that it broke off.
            request.transport.abort()
    finally:
        at_work.answers.discard(answer)
    return response


def _between_all(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """Headers without those that are about one connection alone."""
    named = {name.strip().lower() for value in headers.getall("Connection", ()) for name in value.split(",")}
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _BETWEEN_TWO | named)


def own_routes(standing: Callable[[], str]) -> list[web.RouteDef]:
    """What a process that stands by says of itself."""

    async def live(request: web.Request) -> web.Response:
        return json_response({"status": "ok"})

    async def ready(request: web.Request) -> web.Response:
        trouble = standing()
        return json_response({"status": trouble or "standing by"}, 503 if trouble else 200)

    return [web.get("/health/live", live), web.get("/health/ready", ready)]
