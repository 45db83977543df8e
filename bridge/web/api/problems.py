"""What an answer says where something was not done: a problem in JSON (RFC 9457), with the bot's own sentence."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from aiohttp import web

from bridge.firm.errors import BridgeError
from bridge.refusal import NOT_THEIRS, Kind, Refusal
from bridge.wording.markdown import notice
from bridge.wording.refusals import worded

PROBLEM_TYPE: Final = "application/problem+json"
NOT_THERE: Final = (
    "There is nothing here that you can see. It may have been renamed, or you may have no access to it any more."
)
_MISSING = frozenset(
    {
        Kind.NO_SUCH_MATTER,
        Kind.NO_SUCH_CHANNEL,
        Kind.NO_SUCH_PLACE,
        Kind.NO_SUCH_WALL,
        Kind.NO_SUCH_MESSAGE,
        Kind.NOT_THERE_ANY_MORE,
        Kind.NOT_TOLD_OF_WALL,
    }
)
_FORBIDDEN = NOT_THEIRS | {
    Kind.NOT_IN_CHANNEL,
    Kind.NOT_IN_CONVERSATION,
    Kind.CHANGED_FROM_INSIDE,
    Kind.PEOPLE_CHANGED_FROM_INSIDE,
    Kind.PINS_NOT_SET,
    Kind.SCOPE_MISSING,
}
_WRONG = frozenset(
    {
        Kind.SEVERAL_CALLED,
        Kind.NOBODY_CALLED,
        Kind.HAS_LEFT,
        Kind.NO_MEMO,
        Kind.MEMO_TOO_LONG,
        Kind.WALL_NAMES_NOBODY,
        Kind.WALL_LETS_NOBODY_IN,
        Kind.WALL_NAMES_UNKNOWN,
        Kind.WALL_WOULD_BE_OVER,
        Kind.NOTHING_TO_WALL,
        Kind.NOBODY_BESIDES_YOU,
        Kind.NOBODY_TO_START_WITH,
        Kind.CHANNEL_NAME_UNUSABLE,
        Kind.TOPIC_TOO_LONG,
        Kind.NO_TITLE,
        Kind.TITLE_UNSEEN,
        Kind.TITLE_TOO_LONG,
        Kind.WEBHOOK_ADDRESS,
    }
)
AGAIN = frozenset({Kind.NOT_COMPLETE, Kind.MADE_ANEW})
"""Refusals after which the same request may work in a moment."""


class ProblemError(BridgeError):
    """A request that is not done. The detail is for whoever reads the answer, and is in no log."""

    def __init__(
        self, status: int, name: str, detail: str, headers: Mapping[str, str] | None = None, **more: object
    ) -> None:
        super().__init__(name)
        self.status = status
        self.name = name
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more

    def response(self) -> web.Response:
        """The answer."""
        body: dict[str, Any] = {
            "type": f"urn:firm-bridge:{self.name}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        return web.Response(
            body=orjson.dumps(body), status=self.status, content_type=PROBLEM_TYPE, headers=self.headers
        )


def not_there() -> ProblemError:
    """For what is not there and for what this person must not know of alike (M3)."""
    return ProblemError(404, "not_found", NOT_THERE)


def refused(refusal: Refusal) -> ProblemError:
    """A refusal, in the bot's words without markup."""
    detail: str = notice(worded(refusal))["body"]
    headers = {"Retry-After": "5"} if refusal.kind in AGAIN else None
    return ProblemError(
        _status(refusal.kind), refusal.kind, detail, headers, **({"rule": refusal.rule} if refusal.rule else {})
    )


def _status(kind: Kind) -> int:
    if kind in AGAIN:
        return 503
    for status, kinds in ((404, _MISSING), (403, _FORBIDDEN), (422, _WRONG)):
        if kind in kinds:
            return status
    return 409
