"""SCIM 2.0 (RFC 7644) on the panel's address: the protocol is scim2-server's, run within the bridge's own loop."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

import orjson
import structlog
from aiohttp import web
from scim2_models import Context, Error, PatchOp, Resource, ResponseParameters, SCIMException, User
from scim2_server.conditions import Conditions
from scim2_server.handler import AsyncScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import SCIM_MEDIA_TYPE, ScimResponse
from scim2_server.service import ScimService

from bridge.clock import now_ms
from bridge.desk import Desk
from bridge.directory.scim.members import patched
from bridge.directory.scim.refusals import why_of
from bridge.directory.scim.running import Scim
from bridge.directory.scim.shapes import leaves, put_right, put_right_filter
from bridge.failures import describe, frames
from bridge.firm.errors import BridgeError
from bridge.firm.model import Staff
from bridge.metrics import Metrics
from bridge.operations.noting import note_use_of_api
from bridge.operations.tokens import Scope, Token, holder
from bridge.web.api.problems import ProblemError
from bridge.web.api.rates import Rates
from bridge.web.api.table import Rate
from bridge.web.arriving import arriving
from bridge.web.bearer import SCIM_PATH, bearer

log = structlog.get_logger(__name__)
_BODY_MAX: Final = 1024 * 1024
_HOUR_MS: Final = 3_600_000
NAMED: Final = frozenset({"Users", "Groups", "ServiceProviderConfig", "ResourceTypes", "Schemas"})
"""What the server has, by its name in an address."""
_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


def make_scim(desk: Desk, scim: Scim, begun: Callable[[], bool], metrics: Metrics) -> web.Application:
    """The SCIM server. `begun` is whether the bridge has shut out who must be out, before which nothing is taken."""
    server = _Server(desk, scim, begun, metrics)
    app = web.Application(client_max_size=_BODY_MAX)
    app.add_routes([web.route("*", "/{path:.*}", server.answered)])
    return app


class _Service(ScimService):
    """Answers a PATCH with what came of it (RFC 7644, section 3.5.2), and not with 204: clients go by the answer."""

    def apply_replacement(
        self, current: Resource[Any], replacement: Resource[Any], conditions: Conditions
    ) -> Resource[Any] | None:
        """Replace a resource. Who has left does not come back by that nothing is said of it (F2, S3)."""
        if isinstance(replacement, User) and replacement.active is None and getattr(current, "active", None) is False:
            replacement.active = False
        return super().apply_replacement(current, replacement, conditions)

    def apply_patch(
        self, current: Resource[Any], patch_op: PatchOp[Any], conditions: Conditions
    ) -> Resource[Any] | None:
        self.check_preconditions(current, "PATCH", conditions)
        return current if patched(current, patch_op) else None

    def patch_response(
        self, base_url: str, resource: Resource[Any], response_parameters: ResponseParameters[Any]
    ) -> ScimResponse:
        published = self.publish(base_url, resource)
        return self.resource_response(published, Context.RESOURCE_REPLACEMENT_RESPONSE, response_parameters)


class _Server:
    def __init__(self, desk: Desk, scim: Scim, begun: Callable[[], bool], metrics: Metrics) -> None:
        self._desk = desk
        self._begun = begun
        self._metrics = metrics
        self._refusals = scim.refusals
        self._rates = Rates()
        self._service = _Service(scim.provider)
        self._resources = scim.resources
        self._handler = AsyncScimHandler(self._service, scim.resources)
        self._noted: set[tuple[object, ...]] = set()
        self._hour = 0
        self._base = desk.settings.panel.url.rstrip("/") + SCIM_PATH

    async def answered(self, request: web.Request) -> web.Response:
        """Answer a request; whatever goes wrong is an error in SCIM's own form (RFC 7644, section 3.12)."""
        asked, why = _asked(request), ""
        try:
            response = await self._answered(request)
        except ProblemError as problem:
            why = problem.name
            response = _error(problem.status, problem.detail, problem.headers)
        except SCIMException as error:
            response = _sent(self._service.error_response(error))
        except web.HTTPRequestEntityTooLarge:
            response = _error(413, "The body is larger than a megabyte.")
        except (web.HTTPException, web.RequestPayloadError):
            response = _error(400, "The request could not be read.")
        except BridgeError as error:
            log.warning("scim_waits", asked=asked, reason=describe(error))
            response = _error(503, "The bridge's database does not answer. Try again soon.", {"Retry-After": "10"})
        except (ConnectionResetError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - logged with its cause; the message could quote what was sent
            log.error("scim_failed", asked=asked, error=type(error).__name__, stack=frames(error))  # noqa: TRY400
            response = _error(500, "Something is wrong in the bridge. Your firm admin can see what in its log.")
        self._metrics.api_requests.labels(f"scim {asked}", str(response.status)).inc()
        if response.status >= 400:
            self._refusals.add(why_of(response.status, why))
        response.headers.update({"Cache-Control": "no-store", "Vary": "Authorization"})
        return response

    async def _answered(self, request: web.Request) -> web.Response:
        if not self._begun():
            detail = "The firm's messages are just starting. Try again in a minute."
            raise ProblemError(503, "starting", detail, {"Retry-After": "30"})
        found = await holder(self._desk, bearer(request)) if bearer(request) else None
        if found is None or found.token.system:
            detail = "Send a token that works as Authorization: Bearer TOKEN, with the scope scim."
            raise ProblemError(401, "no_token", detail, {"WWW-Authenticate": 'Bearer realm="SCIM"'})
        token, person = found.token, found.person
        headers = await self._rates.taken(token, Rate.SCIM)
        await self._require_allowed(request, token, person)
        async with arriving(request):
            body = await request.read()
        said = _put_right(body)
        asked = ScimRequest(
            method=request.method,
            base_url=self._base,
            path="/" + request.match_info["path"],
            query=_query(request),
            headers=list(request.headers.items()),
            body=body if said is None else orjson.dumps(said),
        )
        try:
            response = _sent(await self._handler.handle(asked))
        except SCIMException as error:
            if error.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT} and leaves(said):
                await self._let_leave(asked)
            # That somebody is not there any more is said of what is stored too.
            await self._resources.stored()
            raise
        await self._resources.stored()
        await self._note(request, token, person)
        response.headers.update(headers)
        return response

    async def _let_leave(self, asked: ScimRequest) -> None:
        """Have a user leave who is to, whatever else was refused that was said of them (F2)."""
        if asked.method in {"PUT", "PATCH"}:
            body = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
            headers = [("Content-Type", SCIM_MEDIA_TYPE)]
            alone = replace(asked, method="PATCH", query={}, headers=headers, body=orjson.dumps(body))
            with suppress(SCIMException):
                await self._handler.handle(alone)

    async def _require_allowed(self, request: web.Request, token: Token, person: Staff) -> None:
        """Raise ProblemError where the token has not the scope, or the person is no firm admin (F1)."""
        if Scope.SCIM not in token.scopes:
            await self._note(request, token, person, refused=True)
            challenge = {"WWW-Authenticate": 'Bearer error="insufficient_scope", scope="scim"'}
            raise ProblemError(403, "scope", "This token has not the scope scim. Make one that has.", challenge)
        if not self._desk.may_administer(person.id):
            await self._note(request, token, person, refused=True)
            raise ProblemError(403, "for_admins", "The person this token acts as is no firm admin.")

    async def _note(self, request: web.Request, token: Token, person: Staff, *, refused: bool = False) -> None:
        """Have the audit log tell of the first of each sort in an hour: what changes in the firm it tells of anyway."""
        if (hour := now_ms() // _HOUR_MS) != self._hour:
            self._hour = hour
            self._noted.clear()
        what = (token.number, _asked(request), refused)
        if what not in self._noted:
            cause = f"scim/{token.number}"
            await note_use_of_api(self._desk, person, f"scim {_asked(request)}", cause, refused=refused)
            self._noted.add(what)


def _asked(request: web.Request) -> str:
    """What was asked for, without ids and whatever else somebody may write in an address."""
    name = request.match_info["path"].partition("/")[0]
    method = request.method if request.method in _METHODS else "other"
    return f"{method} {name if name in NAMED else 'other'}"


def _put_right(body: bytes) -> Any:
    """What the body says, as the RFCs have it; None for nothing."""
    if not body:
        return None
    try:
        return put_right(orjson.loads(body.removeprefix(BOM_UTF8)))
    except ValueError as error:
        raise ProblemError(400, "not_understood", "The body is no JSON, or nested too deeply.") from error


def _query(request: web.Request) -> dict[str, str]:
    query = dict(request.query)
    return {**query, "filter": put_right_filter(query["filter"])} if "filter" in query else query


def _sent(response: ScimResponse) -> web.Response:
    body = None if response.body is None else orjson.dumps(response.body)
    return web.Response(body=body, status=int(response.status), headers=response.headers)


def _error(status: int, detail: str, headers: dict[str, str] | None = None) -> web.Response:
    body: dict[str, Any] = Error(status=HTTPStatus(status), detail=detail).model_dump()
    return web.Response(
        body=orjson.dumps(body), status=status, headers={"Content-Type": SCIM_MEDIA_TYPE, **(headers or {})}
    )
