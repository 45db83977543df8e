"""The API's own web application: from a request to the operation, and back."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from typing import Final

import orjson
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from pydantic import BaseModel

from bridge.desk import Desk
from bridge.failures import describe, frames
from bridge.firm.errors import BridgeError
from bridge.metrics import Metrics
from bridge.operations.once import Once, asked_once, finished, known_cause, new_cause, undone
from bridge.operations.rehearsal import rehearsal
from bridge.operations.tokens import Holder, holder
from bridge.refusal import Kind, Refusal
from bridge.web.api.asking import ApiCall, what_is_named
from bridge.web.api.cursors import Cursors
from bridge.web.api.noting import Noting
from bridge.web.api.openapi import description
from bridge.web.api.problems import AGAIN, ProblemError, refused
from bridge.web.api.rates import Rates
from bridge.web.api.reading import body, idempotency_key, is_known, parameters, require_no_condition
from bridge.web.api.routes import ROUTES
from bridge.web.api.table import API_PATH, Given, Rehearsed, Route
from bridge.web.bearer import bearer
from bridge.web.handing import Downloads

log = structlog.get_logger(__name__)
_HEADERS: Final = web.RequestKey("headers", dict[str, str])
_NAMES: Final = {(one.method, f"{API_PATH}{one.path}"): one.name for one in ROUTES}
_NOBODY = (
    "Send a token that works as Authorization: Bearer TOKEN. Whoever runs the server makes one with"
    " firm-bridge token new."
)

_FOR_PEOPLE = "A system that acts as itself may not ask for this. Use a token that acts as a person who may."


def make_api(desk: Desk, begun: Callable[[], bool], metrics: Metrics) -> web.Application:
    """The API. `begun` is whether the bridge has shut out who must be out, before which nothing is shown."""
    app = web.Application(middlewares=[_counted(metrics), _problems])
    api = Api(desk, begun)
    text = orjson.dumps(description(ROUTES, desk.settings.panel.url))

    async def described(request: web.Request) -> web.Response:
        return _with_tag(request, web.Response(body=text, content_type="application/json"))

    app.add_routes([web.get("/openapi.json", described, allow_head=False)])
    app.add_routes([web.route(one.method, one.path, api.handler(one)) for one in ROUTES])
    app.on_response_prepare.append(_headed)
    return app


async def _headed(request: web.Request, response: web.StreamResponse) -> None:
    for name, value in request.get(_HEADERS, {}).items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Vary", "Authorization")


def _counted(metrics: Metrics) -> Middleware:
    """Count answers by route and status."""

    @web.middleware
    async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        metrics.api_requests.labels(_NAMES.get((request.method, _pattern(request)), ""), str(response.status)).inc()
        return response

    return counted


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever goes wrong into a problem. What nobody expected is logged."""
    try:
        return await handler(request)
    except ProblemError as problem:
        return problem.response()
    except Refusal as refusal:
        return refused(refusal).response()
    except web.HTTPNotFound:
        return ProblemError(404, "no_address", "The API has no such address. Its description lists them.").response()
    except web.HTTPMethodNotAllowed as error:
        allowed = {"Allow": ", ".join(sorted(error.allowed_methods))}
        return ProblemError(405, "method", "This address cannot be asked for in this way.", allowed).response()
    except web.HTTPRequestEntityTooLarge:
        return ProblemError(413, "too_large", "The body is larger than a megabyte.").response()
    except (web.HTTPException, web.RequestPayloadError):
        return ProblemError(400, "not_understood", "The request could not be read.").response()
    except ConnectionResetError:
        raise
    except BridgeError as error:
        log.warning("api_waits", route=_pattern(request), reason=describe(error))
        detail = "The firm's server or the bridge's database does not answer. Try again soon."
        return ProblemError(503, "away", detail, {"Retry-After": "10"}).response()
    except Exception as error:  # noqa: BLE001 - logged with its cause; the message could quote what people wrote
        log.error("api_failed", route=_pattern(request), error=type(error).__name__, stack=frames(error))  # noqa: TRY400
        detail = "Something is wrong in the bridge. Your firm admin can see what in its log."
        return ProblemError(500, "failed", detail).response()


def _pattern(request: web.Request) -> str:
    """The pattern of an address, without what may be secret in it."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else ""


class Api:
    """Answers requests by the table of routes."""

    def __init__(self, desk: Desk, begun: Callable[[], bool]) -> None:
        self._desk = desk
        self._begun = begun
        self._rates = Rates()
        self._noting = Noting()
        self._downloads = Downloads()
        self._rehearsing = asyncio.Lock()
        """Held by the one dry run under way: each does some work again and again, which keeps others waiting."""
        self._under_way: set[str] = set()
        """Requests with a key that are being done."""
        self._key = desk.settings.security.alias_key.get_secret_value().encode()

    def handler(self, route: Route) -> Handler:
        """What answers to a route."""

        async def answered(request: web.Request) -> web.StreamResponse:
            if not self._begun():
                detail = "The firm's messages are just starting. Try again in a minute."
                raise ProblemError(503, "starting", detail, {"Retry-After": "30"})
            found = await holder(self._desk, bearer(request)) if bearer(request) else None
            if found is None:
                raise ProblemError(401, "no_token", _NOBODY, {"WWW-Authenticate": "Bearer"})
            request[_HEADERS] = dict(await self._rates.taken(found.token, route.rate))
            return await self._allowed(request, route, found)

        return answered

    async def _allowed(self, request: web.Request, route: Route, holder: Holder) -> web.StreamResponse:
        """Answer where the token's scopes and the rights of whoever holds it are enough."""
        token, person = holder.token, holder.person
        if route.scope not in token.scopes:
            await self._noting.refused(self._desk, person, token, route)
            raise ProblemError(
                403,
                "scope",
                f"This token has not the scope {route.scope}. Make one that has.",
                {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{route.scope}"'},
            )
        if token.system and not route.for_systems:
            await self._noting.refused(self._desk, person, token, route, "A1")
            raise ProblemError(403, "for_people", _FOR_PEOPLE, rule="A1")
        decision = holder.desk.may_administer(person.id) if route.for_admins else True
        if not decision:
            await self._noting.refused(self._desk, person, token, route, "F1")
            raise Refusal(Kind.FOR_ADMINS, "F1")
        return await self._asked(request, route, holder)

    async def _asked(self, request: web.Request, route: Route, holder: Holder) -> web.StreamResponse:
        """Read the request, and do it."""
        if route.writes:
            require_no_condition(request)
        query, given = parameters(request, route), await body(request, route)
        dry = isinstance(query, Rehearsed) and query.dry_run
        # What is named is looked up only when it is its turn: it may not be seen any more by then.
        async with self._rehearsing if dry else nullcontext():
            return await self._answered(request, route, holder, query, given, dry=dry)

    async def _answered(
        self,
        request: web.Request,
        route: Route,
        holder: Holder,
        query: Given,
        sent: tuple[bytes, Given | None],
        *,
        dry: bool,
    ) -> web.StreamResponse:
        token, person = holder.token, holder.person
        raw, given = sent
        key = idempotency_key(request) if route.writes else None
        cause = (await known_cause(self._desk, token, key) if key is not None and not dry else None) or new_cause(token)
        desk = rehearsal(holder.desk) if dry else holder.desk
        named = {
            part: await what_is_named(desk, person, part, value, cause) for part, value in request.match_info.items()
        }
        models = tuple(one for one in (query, given) if one is not None)
        # With what the address names: the same list of two matters is two lists.
        parts = sorted(request.match_info.items())
        about = f"{route.name}\n{parts}\n{person.id}\n{_without_page(query)}".encode("utf-8", "replace")
        # Only now: what somebody may not see any more is not answered again, either.
        once = await asked_once(self._desk, token, key, _said(request, raw)) if key is not None and not dry else None
        cause = cause if once is None else once.cause
        call = ApiCall(desk, person, token, request, named, models, cause, Cursors(self._key, about), self._downloads)
        try:
            answer = await (self._done(call, route) if once is None else self._once(call, route, once))
        except ConnectionResetError:
            # A part of a file went out.
            await self._noting.used(self._desk, call, route, dry=dry)
            raise
        except Refusal as refusal:
            await self._noting.use_refused(self._desk, call, route, refusal, dry=dry)
            raise
        await self._noting.used(self._desk, call, route, dry=dry)
        return answer

    async def _once(self, call: ApiCall, route: Route, once: Once) -> web.StreamResponse:
        """What comes under a key: done, or answered as it was."""
        if once.is_other:
            raise ProblemError(
                422, "key_reused", "Something else was asked for under this Idempotency-Key. Take another."
            )
        if once.status is not None:
            return web.Response(
                text=once.answer,
                status=once.status,
                content_type="application/json",
                headers={"Idempotency-Replayed": "true"},
            )
        if once.key_hash in self._under_way:
            raise ProblemError(
                409, "under_way", "This request is being done. Ask again in a moment.", {"Retry-After": "2"}
            )
        self._under_way.add(once.key_hash)
        try:
            answer = await self._done(call, route)
            assert isinstance(answer, web.Response)
            if route.kept:
                await finished(self._desk, once, answer.status, answer.text or "")
        except (Refusal, ProblemError) as error:
            if not (isinstance(error, Refusal) and error.kind in AGAIN):
                await undone(self._desk, once)
            raise
        finally:
            self._under_way.discard(once.key_hash)
        return answer

    async def _done(self, call: ApiCall, route: Route) -> web.StreamResponse:
        answer = await route.run(call)
        if isinstance(answer, web.StreamResponse):
            return answer
        assert isinstance(answer, BaseModel)
        response = web.Response(text=answer.model_dump_json(), content_type="application/json")
        return response if route.writes else _with_tag(call.request, response)


def _said(request: web.Request, raw: bytes) -> bytes:
    return b"\n".join((request.method.encode(), request.raw_path.encode("utf-8", "replace"), raw))


def _without_page(query: Given) -> str:
    """The parameters that make a list, without those that choose a page of it."""
    return query.model_dump_json(exclude={"cursor", "limit"})


def _with_tag(request: web.Request, response: web.Response) -> web.Response:
    """The answer with its tag; nothing new where whoever asks has it already."""
    assert isinstance(response.body, bytes)
    tag = f'"{hashlib.sha256(response.body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if is_known(request, tag):
        return web.Response(status=304, headers=headers)
    response.headers.update(headers)
    return response
