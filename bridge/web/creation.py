"""The address at which the guard asks for the room that somebody's client wants (bridge/guard/protocol.py)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from bridge import json_in
from bridge.guard.creation import CreationRequest, request_from_json
from bridge.guard.protocol import CREATE_PATH, is_signed, sign_creation
from bridge.refusal import CommandError, Refusal
from bridge.web.errors import MatrixError, json_response
from bridge.wording.markdown import notice
from bridge.wording.refusals import worded

Create = Callable[[CreationRequest], Awaitable[str]]
"""The id of the room. Raises Refusal or CommandError."""


def creation_route(key: str, create: Create) -> web.RouteDef:
    """The route, for a guard that signs with this key."""

    async def created(request: web.Request) -> web.Response:
        wanted = _told(await request.read(), key)
        try:
            return json_response({"room_id": await create(wanted)})
        except (Refusal, CommandError) as error:
            # A client shows it as it is.
            return json_response({"refused": notice(worded(error))["body"]})

    return web.post(CREATE_PATH, created)


def _told(raw: bytes, key: str) -> CreationRequest:
    """What is asked. Raises MatrixError where it is not signed with the key, or has another form."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise MatrixError(400, "M_NOT_JSON", f"The body is not JSON: {error}") from error
    asked, signature = (body.get(name) if isinstance(body, dict) else None for name in ("asked", "signature"))
    if not isinstance(asked, str) or not isinstance(signature, str):
        raise MatrixError(400, "M_BAD_JSON", "The body has the texts asked and signature.")
    if not is_signed(sign_creation(key, asked), signature):
        raise MatrixError(403, "M_FORBIDDEN", "The signature is not made with guard.key of the bridge's configuration.")
    try:
        return request_from_json(json_in.loads(asked.encode()))
    except (ValueError, KeyError, TypeError) as error:
        raise MatrixError(400, "M_BAD_JSON", f"This is no creation request: {error}.") from error
