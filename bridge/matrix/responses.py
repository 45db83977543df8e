"""What a response means that is no success: which error it is, and whether the request is worth repeating."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import ClientResponse

from bridge.guard.protocol import OUTDATED
from bridge.matrix import errors
from bridge.matrix.retry import PassingError, may_pass

_BRIDGE_NOT_REACHED = frozenset({"M_CONNECTION_FAILED", "M_CONNECTION_TIMEOUT", "M_BAD_STATUS"})


def not_matrix(name: str, response: ClientResponse) -> errors.UnreachableError:
    """What to raise for an answer that no homeserver gives."""
    message = (
        f"the answer ({response.content_type}) is not a homeserver's; a proxy may stand in for it."
        " If it stays so, compare homeserver.url with the homeserver's address."
    )
    return errors.UnreachableError(name, response.status, "M_UNKNOWN", message)


def failure(name: str, response: ClientResponse, body: bytes) -> Exception:
    """What to raise for an answer, with this body, that is no success: PassingError where the request may be repeated,
    or HomeserverError."""
    status = response.status
    if status < 400:
        return errors.BadRequestError(
            name, status, "M_UNKNOWN", "the answer is a redirect; homeserver.url must be the homeserver's own address"
        )
    told = _error_body(body)
    if told is None and status == 413:
        return errors.BadRequestError(name, status, "M_TOO_LARGE", "too large for the proxy before the homeserver")
    if told is None:
        # Proxies answer with a page, 404 or 502, while the homeserver behind them restarts.
        return PassingError(not_matrix(name, response), _asked_pause(response.headers, {}))
    errcode, message = str(told["errcode"]), str(told.get("error", ""))
    if not may_pass(status):
        return _typed(status, errcode, message)(name, status, errcode, message)
    error = errors.UnreachableError(name, status, errcode, message)
    # The homeserver is well: it says that it could not reach the bridge.
    return error if errcode in _BRIDGE_NOT_REACHED else PassingError(error, _asked_pause(response.headers, told))


def _error_body(body: bytes) -> Mapping[str, Any] | None:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return told if isinstance(told, dict) and "errcode" in told else None


def _asked_pause(headers: Mapping[str, str], told: Mapping[str, Any]) -> float | None:
    """The seconds that the homeserver asks for, in the header Retry-After or in the body; the longer of the two."""
    milliseconds = told.get("retry_after_ms")
    asked = [milliseconds / 1000] if isinstance(milliseconds, int | float) else []
    # The header may also be a date, which the policy's own pauses serve as well.
    with contextlib.suppress(ValueError):
        asked.append(float(headers.get("retry-after", "")))
    return max((seconds for seconds in asked if math.isfinite(seconds) and seconds >= 0), default=None)


def _typed(status: int, errcode: str, message: str) -> type[errors.HomeserverError]:
    """The type of error for a refusal that stays."""
    if errcode == "M_ROOM_IN_USE" or (status == 409 and "already exists" in message):
        return errors.AliasTakenError
    if errcode == "M_USER_IN_USE":
        return errors.UserTakenError
    if errcode == OUTDATED:
        return errors.PolicyOutdatedError
    if errcode in {"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN"}:
        return errors.TokenRejectedError
    if status == 403:
        return errors.ForbiddenError
    # An endpoint that the homeserver does not have says nothing about the room or user asked for.
    if status == 404 and errcode != "M_UNRECOGNIZED":
        return errors.NotFoundError
    return errors.BadRequestError
