"""The token of a request, and where requests with one go that are not the API's."""

from __future__ import annotations

import hmac
from typing import Final

from aiohttp import web

SCIM_PATH: Final = "/scim/v2"


def bearer(request: web.Request) -> str:
    """The token of a request (RFC 6750); empty for none. The scheme counts in any case (RFC 9110, 11.1)."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.casefold() == "bearer" else ""


def is_token(given: str, token: bytes) -> bool:
    """Whether a request's token is this one; how long it takes says nothing of it."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token)
