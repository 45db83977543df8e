"""The application-service endpoints, which the homeserver calls (specification: application service API)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from aiohttp import web

from bridge import json_in
from bridge.handlers.inbox import Effect, Inbox
from bridge.mapping.event import Event, event_of
from bridge.metrics import Metrics
from bridge.store.record.homeserver_time import HOMESERVER_TIME
from bridge.web.bearer import bearer, is_token
from bridge.web.errors import Handler, MatrixError, json_response
from bridge.web.transaction import WrongShapeError, check_ping, parts_of

Json = dict[str, Any]
T = TypeVar("T")
PREFIX = "/_matrix/app/v1"
ANSWER_WITHIN = 45.0
"""Seconds that a transaction may wait for room in the inbox and for the database; Synapse gives up after 60."""


@dataclass(frozen=True)
class AppserviceEndpoints:
    """What the endpoints need to know and do."""

    token: bytes
    inbox: Inbox
    kept: Callable[[Event, Json], Json | None]
    """What of an event, which is given as it came as well, is stored and handled; None for nothing."""
    news: Callable[[list[Event]], Awaitable[Effect | None]]
    """What is to be written down of all events before the transaction is answered, if anything."""
    beside: Callable[[list[Json]], None]
    """Takes note of what comes beside events and is not stored, such as receipts."""
    user_known: Callable[[str], Awaitable[bool]]
    alias_known: Callable[[str], Awaitable[bool]]
    metrics: Metrics

    def routes(self) -> list[web.RouteDef]:
        """All routes."""
        nothing_here = self._with_token(_nothing_here)
        empty_list = self._with_token(_empty_list)
        return [
            web.put(PREFIX + "/transactions/{txn_id:[^/]*}", self._with_token(self._transaction)),
            web.post(PREFIX + "/ping", self._with_token(self._ping)),
            web.get(PREFIX + "/users/{user_id:[^/]*}", self._with_token(self._user)),
            web.get(PREFIX + "/rooms/{alias:[^/]*}", self._with_token(self._alias)),
            web.get(PREFIX + "/thirdparty/protocol/{protocol:[^/]*}", nothing_here),
            web.get(PREFIX + "/thirdparty/user", empty_list),
            web.get(PREFIX + "/thirdparty/user/{protocol:[^/]*}", nothing_here),
            web.get(PREFIX + "/thirdparty/location", empty_list),
            web.get(PREFIX + "/thirdparty/location/{protocol:[^/]*}", nothing_here),
        ]

    def _with_token(self, handler: Handler) -> Handler:
        async def checked(request: web.Request) -> web.StreamResponse:
            given = bearer(request)
            if not given:
                self.metrics.tokens_refused.inc()
                raise MatrixError(401, "M_MISSING_TOKEN", "The Authorization header with the hs_token is missing.")
            if not is_token(given, self.token):
                self.metrics.tokens_refused.inc()
                raise MatrixError(
                    403, "M_FORBIDDEN", "This is not the hs_token of appservice.hs_token in the bridge's configuration."
                )
            return await handler(request)

        return checked

    async def _transaction(self, request: web.Request) -> web.Response:
        outcome = "refused"
        try:
            events, beside = _taken_in(await request.read())
            HOMESERVER_TIME.hear(events)
            outcome = "busy"
            typed = [event_of(given) for given in events]
            each = zip(typed, events, strict=True)
            kept = [found for event, given in each if (found := self.kept(event, given)) is not None]
            await self._accept(kept, await self.news(typed))
            self.beside(beside)
            outcome = "accepted"
        finally:
            self.metrics.transactions.labels(outcome).inc()
        self.metrics.events_received.inc(len(events))
        return json_response({})

    async def _accept(self, events: list[Json], news: Effect | None) -> None:
        end = asyncio.get_running_loop().time() + ANSWER_WITHIN
        try:
            if events and not self.inbox.has_room_for(len(events)):
                async with asyncio.timeout_at(end):
                    await self.inbox.room_for(len(events))
        except TimeoutError as error:
            raise MatrixError(
                503, "M_UNKNOWN", "Too many events wait to be handled. Send this transaction again later."
            ) from error
        # A homeserver that is refused waits longer and longer before it sends anything again.
        await self.inbox.accept_until(end, events, news)

    async def _ping(self, request: web.Request) -> web.Response:
        _checked(check_ping, await request.read() or b"{}")
        return json_response({})

    async def _user(self, request: web.Request) -> web.Response:
        user_id = request.match_info["user_id"]
        if not _is_id(user_id, "@") or not await self.user_known(user_id):
            raise MatrixError(404, "M_NOT_FOUND", "The bridge does not know this user.")
        return json_response({})

    async def _alias(self, request: web.Request) -> web.Response:
        alias = request.match_info["alias"]
        if not _is_id(alias, "#") or not await self.alias_known(alias):
            raise MatrixError(404, "M_NOT_FOUND", "The bridge has no room with this alias.")
        return json_response({})


async def _nothing_here(request: web.Request) -> web.Response:
    raise MatrixError(404, "M_NOT_FOUND", "The bridge joins no third-party network.")


async def _empty_list(request: web.Request) -> web.Response:
    return json_response([])


def _is_id(given: str, sigil: str) -> bool:
    """Whether it can be a Matrix id at all. No id has a NUL, and PostgreSQL could not look for one."""
    return given.startswith(sigil) and "\0" not in given


def _taken_in(raw: bytes) -> tuple[list[Json], list[Json]]:
    """The events of a transaction, without what no database stores, and what comes beside them. Raises MatrixError."""
    # Checked as it came: an id with a NUL is none, and must not become another.
    taken = _checked(parts_of, raw)
    return parts_of(json_in.loads(raw)) if json_in.has_nul(raw) else taken


def _checked(check: Callable[[object], T], raw: bytes) -> T:
    """What a check makes of a JSON body. Raises MatrixError for one that is no JSON or has the wrong shape."""
    try:
        return check(orjson.loads(raw))
    except orjson.JSONDecodeError as error:
        raise MatrixError(400, "M_NOT_JSON", f"The body is not JSON: {error}") from error
    except WrongShapeError as error:
        raise MatrixError(400, "M_BAD_JSON", str(error)) from error
