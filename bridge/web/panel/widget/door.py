"""The page that a client frames beside the messages of a conversation, and how its person gets in.

The page itself has nothing of anybody: it is the same for every conversation, whether there is one or not. What the
client then proves of its person opens a session for that one conversation. Its token is in the page's memory alone and
comes in a header, so no cookie and no other page can speak for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from bridge.desk import Desk
from bridge.mapping.clients.widgets import WIDGET_PATH
from bridge.operations.doors.widget import beside, sign_in_by_client
from bridge.operations.overview import View
from bridge.operations.panel import sign_out
from bridge.settings import PanelSettings
from bridge.web.arriving import arriving
from bridge.web.panel.live import Live
from bridge.web.panel.pages import PanelRequest
from bridge.web.panel.rendering import message, page
from bridge.web.panel.safety import HEADERS, is_own_page
from bridge.web.panel.widget.tabs import TABS

_ONE: Final = f"{WIDGET_PATH}/{{conversation}}"
_IN: Final = f"{WIDGET_PATH}/in"
_OUT: Final = f"{WIDGET_PATH}/out"
_BODY_MAX: Final = 4096
_PROVED_AT_ONCE: Final = 8
"""Proofs that the homeserver is asked about at the same time: anybody can send what is none."""
_FIELDS: Final = ("conversation", "matrix_server_name", "access_token")

BESIDE: Final[Mapping[str, str]] = {
    f"GET {_ONE}": "The page that clients frame. It has nothing of anybody.",
    f"POST {_IN}": "Signs in the person whose client gave the proof, for this conversation.",
    f"POST {_OUT}": "Ends that session.",
    f"GET {_ONE}/{{tab}}": "Files, pinned messages, participants and facts of the conversation.",
    f"GET {_ONE}/events": "Tells an open page that something of it may have changed (server-sent events).",
}
"""What is answered where the panel stands beside messages, for the page of endpoints."""
Beside = Callable[[PanelRequest, View], Awaitable[web.StreamResponse]]


def widget_routes(desk: Desk, live: Live) -> list[web.RouteDef]:
    """What is answered beside the messages; nothing where the firm wants no widgets."""
    if not desk.settings.panel.widget:
        return []

    async def streamed(asked: PanelRequest, seen: View) -> web.StreamResponse:
        return await live.stream(asked.request, asked.session, asked.person.id, seen.conversation.id)

    return [
        web.get(_ONE, _framed(desk.settings.panel), allow_head=False),
        web.post(_IN, _entrance(desk)),
        web.post(_OUT, _exit(desk)),
        web.get(f"{_ONE}/events", _shown(desk, streamed), allow_head=False),
        *(web.get(f"{_ONE}/{name}", _shown(desk, tab.show), allow_head=False) for name, tab in TABS.items()),
    ]


def framing_headers(settings: PanelSettings) -> dict[str, str]:
    """The headers of a page that the firm's clients may frame, and nobody else."""
    policy = HEADERS["Content-Security-Policy"].replace(
        "frame-ancestors 'none'", f"frame-ancestors {' '.join(settings.widget)}"
    )
    return {**HEADERS, "Content-Security-Policy": policy}


def _framed(settings: PanelSettings) -> Handler:
    headers = framing_headers(settings)

    async def framed(request: web.Request) -> web.StreamResponse:
        shell = page("widget/shell", {"clients": " ".join(settings.widget), "tabs": TABS})
        shell.headers.update(headers)
        return shell

    return framed


def _entrance(desk: Desk) -> Handler:
    proving = asyncio.Semaphore(_PROVED_AT_ONCE)

    async def entered(request: web.Request) -> web.StreamResponse:
        given = await _proof(request)
        if given is None or not is_own_page(request, desk.settings.panel.url):
            return _refused()
        if proving.locked():
            return message("Too many at once", "Many people come in at this moment. Try again soon.", 429)
        async with proving:
            session = await sign_in_by_client(desk, *given, request.headers.get("User-Agent", ""))
        return _refused() if session is None else web.json_response({"session": session})

    return entered


async def _proof(request: web.Request) -> tuple[str, str, str] | None:
    """Conversation, server name and token of what a page sends; None for what is nothing of the kind."""
    if (request.content_length or _BODY_MAX + 1) > _BODY_MAX or request.content_type != "application/json":
        return None
    try:
        async with arriving(request):
            given: Any = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        return None
    given = given if isinstance(given, dict) else {}
    conversation, server_name, token = (
        one if isinstance(one, str) and "\0" not in one else "" for one in map(given.get, _FIELDS)
    )
    return (conversation, server_name, token) if conversation and server_name and token else None


def _refused() -> web.Response:
    """The one answer to whatever opens nothing, so that nobody learns what there is (M3)."""
    return message("Nothing here", "There is nothing here that you can see.", 403)


def _exit(desk: Desk) -> Handler:
    async def left(request: web.Request) -> web.StreamResponse:
        if session := _bearer(request):
            await sign_out(desk, session)
        return web.Response(status=204)

    return left


def _shown(desk: Desk, show: Beside) -> Handler:
    async def shown(request: web.Request) -> web.StreamResponse:
        session, conversation = _bearer(request), request.match_info["conversation"]
        found = None if "\0" in conversation else await beside(desk, session, conversation)
        if found is None:
            return _to_prove()
        person, seen = found
        return await show(PanelRequest(request, desk, person, session), seen)

    return shown


def _to_prove() -> web.Response:
    answer = message("Please come in again", "Open this page in your client again.", 401)
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme == "Bearer" else ""
