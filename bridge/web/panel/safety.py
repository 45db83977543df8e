"""What keeps the panel to the person whose browser it is: cookies, forms, headers."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

COOKIE: Final = "__Host-firm-panel"
"""The prefix keeps it to this host and to encrypted connections (RFC 6265bis, section 4.1.3.2)."""
FORM_TOKEN: Final = "token"  # noqa: S105 - the name of a field

HEADERS: Final[Mapping[str, str]] = {
    # Nothing but the panel's own files; no script, style or frame that somebody wrote into a name or a title.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # The address of a page may be a secret: it is a link that signs in, or names a conversation. Without any referrer
    # browsers would send the panel's own forms as those of nobody.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}
FILE_HEADERS: Final[Mapping[str, str]] = {
    **HEADERS,
    # What somebody sent is never shown as a page of the panel.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Type": "application/octet-stream",
}
PICTURE_HEADERS: Final[Mapping[str, str]] = {**FILE_HEADERS, "Content-Disposition": "inline"}


def form_token(session: str) -> str:
    """What a form of this session carries, so that no other page can send it (OWASP: CSRF, signed tokens)."""
    return hmac.new(session.encode(), b"form", hashlib.sha256).hexdigest()


def is_own_form(request: web.Request, address: str, session: str, given: str) -> bool:
    """Whether a form was sent by a page of the panel at this address, in this session."""
    return is_own_page(request, address) and hmac.compare_digest(
        form_token(session).encode(), given.encode("utf-8", "replace")
    )


def is_own_page(request: web.Request, address: str) -> bool:
    """Whether a request comes from a page of the panel at this address, as far as the browser says."""
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    return site == "same-origin" and (origin is None or _is_of(origin, address))


def _is_of(origin: str, address: str) -> bool:
    """Whether an origin is that of an address."""
    try:
        return urlsplit(origin)[:2] == urlsplit(address)[:2]
    except ValueError:
        # It is none.
        return False


def set_session(response: web.StreamResponse, session: str, hours: int) -> None:
    """Keep the session in the browser. Lax, so that a link in a message opens a page for whoever is signed in."""
    response.set_cookie(COOKIE, session, max_age=hours * 3600, path="/", secure=True, httponly=True, samesite="Lax")


def drop_session(response: web.StreamResponse) -> None:
    """Forget the session in the browser."""
    response.del_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Lax")
