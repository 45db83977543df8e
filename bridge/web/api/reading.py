"""What a request gives, read by the models of its route. Whatever is wrong is said with its place."""

from __future__ import annotations

import re
from typing import Any

import orjson
from aiohttp import web
from pydantic import ValidationError

from bridge.firm.text.directions import together
from bridge.json_in import loads
from bridge.web.api.problems import ProblemError
from bridge.web.api.table import Given, Nothing, Route
from bridge.web.arriving import arriving
from bridge.wording.markdown import enumerated

_KEY = re.compile(r"[!-~]{1,200}")
KEY_PATTERN = f"^{_KEY.pattern}$"
_ERRORS_MAX = 20
_CONDITIONS = ("If-Match", "If-None-Match", "If-Unmodified-Since")


def idempotency_key(request: web.Request) -> str | None:
    """The key under which it happens once; None without one. Raises ProblemError."""
    given = request.headers.getall("Idempotency-Key", [])
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise ProblemError(400, "idempotency_key", "An Idempotency-Key has 1 to 200 characters of ASCII and no blanks.")
    return given[0]


def is_known(request: web.Request, tag: str) -> bool:
    """Whether whoever asks has what this tag stands for (RFC 9110, section 13.1.2)."""
    given = ",".join(request.headers.getall("If-None-Match", []))
    known = {one.strip().removeprefix("W/") for one in given.split(",")}
    return tag in known or "*" in known


def require_no_condition(request: web.Request) -> None:
    """Raise ProblemError where something is to be done only if it is still as it was: that is not compared here, and
    done all the same it could undo what somebody else did."""
    if any(name in request.headers for name in _CONDITIONS):
        raise ProblemError(
            412,
            "condition",
            f"Nothing was done: before a change no condition is looked at. Leave out {enumerated(_CONDITIONS)}.",
        )


def parameters(request: web.Request, route: Route) -> Given:
    """The parameters behind the address. Raises ProblemError."""
    given: dict[str, str] = {}
    for name, value in request.query.items():
        if name in given:
            raise ProblemError(422, "invalid", f"The parameter {name[:50]} is given twice. Give it once.")
        value = value.replace("\0", "\N{REPLACEMENT CHARACTER}")
        # What is looked for may be copied from an answer of the bot, which keeps names apart.
        given[name] = together(value) if name == "q" else value
    try:
        return route.query.model_validate(given)
    except ValidationError as error:
        raise _invalid(error, "query") from error


async def body(request: web.Request, route: Route) -> tuple[bytes, Given | None]:
    """The body, as it came and by its model. Raises ProblemError.

    Where a route has none an empty object is as good as nothing: what else is in it was meant to matter.
    """
    if not route.writes:
        return b"", None
    async with arriving(request):
        raw = await request.read()
    if route.body is None and not raw:
        return b"", None
    if request.content_type != "application/json":
        raise ProblemError(415, "media_type", "Send the body as application/json.")
    try:
        given = orjson.dumps(loads(raw))
    except orjson.JSONEncodeError as error:
        raise ProblemError(400, "not_json", "The body is no JSON.") from error
    except orjson.JSONDecodeError as error:
        raise ProblemError(400, "not_json", "The body is no JSON.") from error
    try:
        read = (route.body or Nothing).model_validate_json(given, strict=True)
    except ValidationError as error:
        raise _invalid(error, "body") from error
    return (b"", None) if route.body is None else (raw, read)


def _invalid(error: ValidationError, where: str) -> ProblemError:
    """Names each place, and never what stood there."""
    wrong: list[dict[str, Any]] = [
        {"in": where, "pointer": "".join(f"/{_pointer(part)}" for part in one["loc"]), "detail": one["msg"]}
        for one in error.errors(include_url=False, include_context=False, include_input=False)[:_ERRORS_MAX]
    ]
    return ProblemError(422, "invalid", "Something in the request is not as the description says.", errors=wrong)


def _pointer(part: str | int) -> str:
    """A part of a JSON Pointer (RFC 6901)."""
    return str(part)[:100].replace("~", "~0").replace("/", "~1")
