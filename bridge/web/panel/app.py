"""The panel's own web application, beside the one that the homeserver talks to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware

from bridge.desk import Desk
from bridge.failures import describe, frames
from bridge.firm.errors import BridgeError
from bridge.operations.panel import SESSION_HOURS, invited, sign_in, signed_in
from bridge.refusal import NOT_THEIRS, CommandError, Refusal
from bridge.web.api.table import API_PATH
from bridge.web.arriving import arriving
from bridge.web.bearer import SCIM_PATH
from bridge.web.handing import Downloads
from bridge.web.panel import conversation, doing, pages
from bridge.web.panel import conversation_deeds as deeds
from bridge.web.panel.about import about
from bridge.web.panel.admins import deeds as admin_deeds
from bridge.web.panel.admins import people, walls
from bridge.web.panel.admins.audit import audit_log
from bridge.web.panel.admins.overview import HEALTH, Health, overview
from bridge.web.panel.admins.why import why_asked
from bridge.web.panel.downloads import DOWNLOADS, download, picture
from bridge.web.panel.files import all_files, files, versions
from bridge.web.panel.forms import Form, said
from bridge.web.panel.live import Live
from bridge.web.panel.pages import Page, PanelRequest
from bridge.web.panel.rendering import message, page
from bridge.web.panel.safety import COOKIE, FORM_TOKEN, HEADERS, is_own_form, is_own_page, set_session
from bridge.web.panel.search import search
from bridge.web.panel.sign_on import WAY_OUT, sign_on_routes, ways_in
from bridge.web.panel.widget.door import widget_routes

if TYPE_CHECKING:
    from bridge.oidc.provider import Provider

log = structlog.get_logger(__name__)
Deed = Callable[[PanelRequest, Form], Awaitable[web.StreamResponse]]
_STATIC: Final = Path(__file__).parent / "static"
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_BODY_MAX: Final = 1024 * 1024
_FIELDS_MAX: Final = 10_000
"""Of a form in which a whole firm is ticked."""

PAGES: Final[dict[str, Page]] = {
    "/": pages.home,
    "/conversation/{conversation}": files,
    "/conversation/{conversation}/pinned": conversation.pinned,
    "/conversation/{conversation}/participants": conversation.participants,
    "/conversation/{conversation}/about": about,
    "/conversation/{conversation}/versions": versions,
    "/conversation/{conversation}/message/{event}/seen": conversation.seen_message,
    "/conversation/{conversation}/file/{event}": download,
    "/conversation/{conversation}/file/{event}/picture": picture,
    "/files": all_files,
    "/matters": pages.matters,
    "/matter/{matter}": pages.matter,
    "/channels": pages.channels,
    "/new/direct": pages.new_direct,
    "/new/channel": pages.new_channel,
    "/search": search,
    "/sessions": pages.signed_in_where,
    "/admin": overview,
    "/admin/staff": people.staff,
    "/admin/staff/{person}": people.person,
    "/admin/matter/{matter}": people.matter_access,
    "/admin/why": why_asked,
    "/admin/walls": walls.walls,
    "/admin/walls/new": walls.new_wall,
    "/admin/wall/{wall}": walls.wall,
    "/admin/audit": audit_log,
}
"""What is shown to whoever is signed in, by address."""
DEEDS: Final[dict[str, Deed]] = {
    "/conversation/{conversation}/participants": deeds.change_participants,
    "/conversation/{conversation}/join": deeds.join,
    "/conversation/{conversation}/leave": deeds.leave,
    "/conversation/{conversation}/rename": deeds.rename,
    "/conversation/{conversation}/topic": deeds.change_topic,
    "/conversation/{conversation}/archive": deeds.archive,
    "/conversation/{conversation}/restore": deeds.restore,
    "/conversation/{conversation}/unpin": deeds.unpin_message,
    "/conversation/{conversation}/transcript": deeds.transcript,
    "/matter/{matter}": doing.start_in_matter,
    "/new/direct": doing.open_conversation,
    "/new/channel": doing.create_channel,
    "/admin/staff/{person}/leave": admin_deeds.leave,
    "/admin/staff/{person}/return": admin_deeds.come_back,
    "/admin/walls/new": walls.make_wall,
    "/admin/wall/{wall}/lift": walls.lift,
    "/admin/directory/confirm": admin_deeds.confirm,
    "/admin/directory/undo": admin_deeds.undo,
    "/sessions/{session}/end": doing.out_there,
    "/out": doing.out,
    "/out/everywhere": doing.out_everywhere,
}
"""What is done for whoever is signed in, by address."""
_NOT_SIGNED_IN = "To open the panel, type !panel in your chat with the bot, and open the link that it gives you."


def make_panel(
    desk: Desk, live: Live, begun: Callable[[], bool], health: Health, provider: Provider | None = None
) -> web.Application:
    """The panel. `begun` is whether the bridge has shut out who must be out, before which nothing is
    shown; `health` what is wrong, by check; `provider` the firm's single sign-on, if it has one."""
    app = web.Application(
        middlewares=[_guarded(begun)],
        client_max_size=_BODY_MAX,
        client_max_fields=_FIELDS_MAX,
    )
    app[DOWNLOADS] = Downloads()
    app[HEALTH] = health
    if provider is not None:
        app[WAY_OUT] = provider.way_out
    app.on_shutdown.append(lambda app: live.close())
    app.add_routes(
        [
            *(web.get(address, _shown(desk, one), allow_head=False) for address, one in PAGES.items()),
            *(web.post(address, _done(desk, one)) for address, one in DEEDS.items()),
            web.get("/in/{token}", _invitation(desk)),
            web.post("/in/{token}", _entrance(desk)),
            *sign_on_routes(desk, provider),
            web.get("/events", _stream(desk, live), allow_head=False),
            *widget_routes(desk, live),
            *(web.get(f"/static/{file.name}", _static(file)) for file in sorted(_STATIC.iterdir())),
        ]
    )
    return app


def _guarded(begun: Callable[[], bool]) -> Middleware:
    """Answers of one kind for all that goes wrong, and headers for every answer."""

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await _answered(request, handler) if begun() or _is_api(request) else _starting()
        if not response.prepared:
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
        return response

    return guarded


def _is_api(request: web.Request) -> bool:
    """Whether it is for the API or for SCIM, which answer in their own forms."""
    return request.path.startswith((f"{API_PATH}/", f"{SCIM_PATH}/"))


def _starting() -> web.Response:
    return message("Just starting", "The firm's messages are just starting. Load this page again in a minute.", 503)


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return pages.not_there()
    except web.HTTPMethodNotAllowed as error:
        answer = message("Not possible", "This address cannot be asked for in this way.", 405)
        answer.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return answer
    except web.HTTPException as error:
        return message(
            "Not understood",
            "The panel did not understand that. Go back, load the page again, and try once more.",
            error.status,
        )
    except (Refusal, CommandError) as error:
        status = 403 if isinstance(error, Refusal) and error.kind in NOT_THEIRS else 409
        return message("Not possible", said(error), status, back=True)
    except BridgeError as error:
        log.warning("panel_waits", route=_route(request), reason=describe(error))
        return message(
            "Not just now", "The firm's server or the bridge's database does not answer. Try again soon.", 503
        )
    except ConnectionResetError:
        raise
    except Exception as error:  # noqa: BLE001 - logged with its cause; the message could quote what people wrote
        log.error("panel_failed", route=_route(request), error=type(error).__name__, stack=frames(error))  # noqa: TRY400
        return message(
            "That did not work", "Something is wrong in the bridge. Your firm admin can see what in its log.", 500
        )


def _route(request: web.Request) -> str:
    """The pattern of an address, without what may be secret in it."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""


def _shown(desk: Desk, show: Page) -> Handler:
    async def shown(request: web.Request) -> web.StreamResponse:
        asked = await _asked(desk, request)
        return _to_sign_in(desk, request) if asked is None else await show(asked)

    return shown


def _done(desk: Desk, do: Deed) -> Handler:
    async def done(request: web.Request) -> web.StreamResponse:
        asked = await _asked(desk, request)
        if asked is None:
            return _to_sign_in(desk, request)
        try:
            async with arriving(request):
                form = await request.post()
        except (ValueError, LookupError, web.RequestPayloadError, HttpProcessingError) as error:
            raise web.HTTPBadRequest from error
        given = form.get(FORM_TOKEN, "")
        if not isinstance(given, str) or not is_own_form(request, desk.settings.panel.url, asked.session, given):
            return message(
                "Not done", "That form was not sent by the panel. Load the page again, and try once more.", 403
            )
        return await do(asked, form)

    return done


async def _asked(desk: Desk, request: web.Request) -> PanelRequest | None:
    session = request.cookies.get(COOKIE, "")
    person = await signed_in(desk, session) if session else None
    return None if person is None else PanelRequest(request, desk, person, session)


def _to_sign_in(desk: Desk, request: web.Request) -> web.Response:
    return message("Please sign in", _NOT_SIGNED_IN, 401, links=ways_in(desk, request))


def _invitation(desk: Desk) -> Handler:
    async def shown(request: web.Request) -> web.StreamResponse:
        person = await invited(desk, request.match_info["token"])
        if person is None:
            return _spent(desk)
        firm = desk.settings.firm.name
        return page("sign_in", {"firm": firm, "name": person.name, "hours": SESSION_HOURS})

    return shown


def _entrance(desk: Desk) -> Handler:
    async def entered(request: web.Request) -> web.StreamResponse:
        if not is_own_page(request, desk.settings.panel.url):
            return message("Not done", "Open the link itself, and press its button.", 403)
        session = await sign_in(desk, request.match_info["token"], request.headers.get("User-Agent", ""))
        if session is None:
            return _spent(desk)
        response = web.Response(status=303, headers={"Location": "/"})
        set_session(response, session, SESSION_HOURS)
        return response

    return entered


def _spent(desk: Desk) -> web.Response:
    text = f"A link works once, and for five minutes. {_NOT_SIGNED_IN}"
    return message("This link does not sign in any more", text, 410, links=ways_in(desk))


def _stream(desk: Desk, live: Live) -> Handler:
    async def streamed(request: web.Request) -> web.StreamResponse:
        asked = await _asked(desk, request)
        if asked is None:
            return _to_sign_in(desk, request)
        return await live.stream(request, asked.session, asked.person.id)

    return streamed


def _static(file: Path) -> Handler:
    text, kind = file.read_text(encoding="utf-8"), _TYPES[file.suffix]

    async def given(request: web.Request) -> web.StreamResponse:
        return web.Response(text=text, content_type=kind, headers={"Cache-Control": "no-cache"})

    return given
