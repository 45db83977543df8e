"""The panel's second door: the firm's single sign-on (P4; OpenID Connect, code with PKCE).

What an attempt needs to know when somebody comes back is in a cookie of their own browser, sealed, so that nobody is
signed in by an attempt that another browser began, as somebody else (RFC 6749, section 10.12).
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import structlog
from aiohttp import web

from bridge.clock import now_ms
from bridge.desk import Desk
from bridge.oidc.errors import BusyError, NotProvenError, ProviderError
from bridge.operations.doors.sign_on import sign_on
from bridge.operations.panel import SESSION_HOURS
from bridge.refusal import Refusal
from bridge.web.panel.forms import said, there
from bridge.web.panel.rendering import message
from bridge.web.panel.safety import set_session
from bridge.web.sealing import opened, sealed

if TYPE_CHECKING:
    from bridge.oidc.provider import Provider

log = structlog.get_logger(__name__)
BEGIN: Final = "/sign-on"
BACK: Final = "/sign-on/back"
WAY_OUT: Final[web.AppKey[Callable[[str], Awaitable[str]]]] = web.AppKey("way_out")
"""Where somebody signs out of the single sign-on, who comes back to the address given; empty where they cannot."""
COOKIE: Final = "__Host-firm-sign-on"
_ABOUT: Final = b"an attempt to sign in"
_MINUTES = 10
_SECONDS = _MINUTES * 60
_AGAIN_SECONDS = 5
_OWN = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""An address of the panel itself: nothing in it makes a browser go elsewhere (WHATWG URL: a backslash is a slash)."""
_TO_MAX = 1000
_CODE_MAX = 4096
_BY_LINK = "The bot lets you in as well: type !panel in your chat with it."


@dataclass(frozen=True, slots=True)
class SignInBegun:
    """An attempt to sign in, as the browser that began it keeps it."""

    state: str
    nonce: str
    verifier: str
    to: str
    """Where in the panel they wanted to go."""
    until: int
    """Milliseconds since the epoch."""


def ways_in(desk: Desk, request: web.Request | None = None) -> list[tuple[str, str]]:
    """The link with which somebody begins to sign in, to see what they asked for; none without single sign-on."""
    settings = desk.settings.sign_on
    if not settings.issuer:
        return []
    to = own_address(request.path_qs) if request is not None and request.method == "GET" else "/"
    return [(BEGIN + (f"?{urlencode({'to': to})}" if to != "/" else ""), f"Sign in with {settings.name}")]


async def ways_out(desk: Desk, request: web.Request) -> list[tuple[str, str]]:
    """The link with which somebody who signed out of the panel signs out of the single sign-on, too, where it can."""
    way_out = request.app.get(WAY_OUT)
    address = "" if way_out is None else await way_out(desk.settings.panel.url)
    return [(address, f"Sign out of {desk.settings.sign_on.name}, too")] if address else []


def own_address(wanted: str) -> str:
    """An address of the panel; its first page in the place of any other."""
    return wanted if len(wanted) <= _TO_MAX and _OWN.fullmatch(wanted) else "/"


def sign_on_routes(desk: Desk, provider: Provider | None) -> list[web.RouteDef]:
    """What answers there; without a provider nothing does."""
    if provider is None:
        return []
    return [
        web.get(BEGIN, _begins(desk, provider), allow_head=False),
        web.get(BACK, _comes_back(desk, provider), allow_head=False),
    ]


def _begins(desk: Desk, provider: Provider) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def begun(request: web.Request) -> web.StreamResponse:
        to = own_address(request.query.get("to", "/"))
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        try:
            address = await provider.address(state, nonce, verifier)
        except ProviderError:
            return _away(desk)
        attempt = SignInBegun(state, nonce, verifier, to, now_ms() + _SECONDS * 1000)
        response = there(address)
        value = sealed(_key(desk), _ABOUT, astuple(attempt))
        response.set_cookie(COOKIE, value, max_age=_SECONDS, path="/", secure=True, httponly=True, samesite="Lax")
        return response

    return begun


def _comes_back(desk: Desk, provider: Provider) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def come_back(request: web.Request) -> web.StreamResponse:
        attempt = _attempt(desk, request)
        if attempt is None:
            return message(
                "Not signed in",
                f"This sign-in was not begun in this browser, or took longer than {_MINUTES} minutes. Sign in again.",
                400,
                links=ways_in(desk),
            )
        try:
            response = await _outcome(desk, provider, request, attempt)
        except BusyError as error:
            log.warning("sign_on_busy", reason=str(error))
            return _busy()
        response.del_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Lax")
        return response

    return come_back


def _attempt(desk: Desk, request: web.Request) -> SignInBegun | None:
    """The attempt that this browser began and that now comes back; None for any other."""
    place = opened(_key(desk), _ABOUT, request.cookies.get(COOKIE, ""))
    if place is None:
        return None
    attempt, state = SignInBegun(*place), _one(request, "state", 200) or ""
    is_same = hmac.compare_digest(state.encode("utf-8", "replace"), attempt.state.encode())
    return attempt if is_same and now_ms() < attempt.until else None


async def _outcome(desk: Desk, provider: Provider, request: web.Request, attempt: SignInBegun) -> web.Response:
    """What becomes of an attempt. It is spent by it, whatever it is, but for BusyError."""
    code, issuer = _one(request, "code", _CODE_MAX), _one(request, "iss", _CODE_MAX)
    browser = request.headers.get("User-Agent", "")
    if not code or "error" in request.query or (issuer is None and "iss" in request.query):
        return _not_proven(desk, "The provider did not sign them in, or its answer cannot be read.")
    try:
        claims = await provider.claims(code, attempt.verifier, attempt.nonce, issuer)
        session = await sign_on(desk, claims, attempt.nonce, browser)
    except ProviderError:
        return _away(desk)
    except NotProvenError as error:
        return _not_proven(desk, str(error))
    except Refusal as error:
        return message("Not signed in", said(error), 403, links=ways_in(desk))
    response = there(attempt.to)
    set_session(response, session, SESSION_HOURS)
    return response


def _not_proven(desk: Desk, why: str) -> web.Response:
    log.warning("sign_on_not_proven", reason=why)
    text = (
        "The firm's single sign-on did not prove who you are. Sign in again; if it happens again, tell your firm admin."
        f" {_BY_LINK}"
    )
    return message("Not signed in", text, 403, links=ways_in(desk))


def _away(desk: Desk) -> web.Response:
    text = f"The firm's single sign-on does not answer as it should at the moment. {_BY_LINK}"
    return message("Not just now", text, 503, links=ways_in(desk))


def _busy() -> web.Response:
    text = "Many people sign in at this moment. Wait a few seconds and load this page again."
    response = message("In a moment", text, 429)
    response.headers["Retry-After"] = str(_AGAIN_SECONDS)
    return response


def _one(request: web.Request, name: str, most: int) -> str | None:
    """A parameter that is there once; None otherwise."""
    given = request.query.getall(name, [])
    return given[0] if len(given) == 1 and len(given[0]) <= most else None


def _key(desk: Desk) -> bytes:
    return desk.settings.security.alias_key.get_secret_value().encode()
