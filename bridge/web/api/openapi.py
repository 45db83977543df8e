"""The API's description (OpenAPI 3.1), made from the table of routes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from bridge import __version__
from bridge.web.api.problems import PROBLEM_TYPE
from bridge.web.api.reading import KEY_PATTERN
from bridge.web.api.table import API_PATH, Route

Json = dict[str, Any]
_REF: Final = "#/components/schemas/{model}"
_PROBLEM: Final[Json] = {
    "type": "object",
    "title": "Problem",
    "description": "Why something was not done (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "Tells one kind of problem from others."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened and what to do next, for people."},
        "rule": {"type": "string", "description": "The firm's rule that decided."},
        "errors": {
            "type": "array",
            "description": "What in the request is wrong.",
            "items": {
                "type": "object",
                "required": ["in", "pointer", "detail"],
                "properties": {
                    "in": {"enum": ["query", "body"]},
                    "pointer": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_HEADERS: Final[Json] = {
    "RateLimit": {"description": "What is left, and for how many seconds.", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "How many requests in how many seconds.", "schema": {"type": "string"}},
}
_REFUSALS: Final = {
    400: "The request could not be read.",
    401: "There is no token, or it has ended.",
    403: "The token's scopes or the person's rights are not enough.",
    404: "There is nothing that the person can see.",
    409: "It is not possible as things are.",
    412: "It was to be done only under a condition.",
    413: "The body is too large.",
    415: "The body has another type.",
    422: "What is asked for cannot be.",
    429: "Too many requests.",
    503: "The firm's server does not answer, or not yet.",
}
_PART = re.compile(r"{(\w+)}")


def description(routes: Sequence[Route], address: str) -> Json:
    """The description of an API that is reached at this address."""
    return {**_of_routes(tuple(routes)), "servers": [{"url": f"{address.rstrip('/')}{API_PATH}"}]}


@cache
def _of_routes(routes: tuple[Route, ...]) -> Json:
    models: list[type[BaseModel]] = [model for one in routes for model in (one.answer, one.body) if model is not None]
    known, shared = models_json_schema([(model, "validation") for model in dict.fromkeys(models)], ref_template=_REF)
    paths: Json = {}
    for one in routes:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, known)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "firm-bridge",
            "version": __version__,
            "description": "A law firm's conversations, files and walls, as far as the person may see"
            " them for whom a token acts.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": {**shared.get("$defs", {}), "Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, known: dict[Any, Json]) -> Json:
    summary, more = route.said
    notes = [
        more,
        "For firm admins." * route.for_admins,
        "Also for systems that act as themselves." * route.for_systems,
        f"Scope: `{route.scope}`. At most {route.rate.a_minute} times a minute for a token.",
    ]
    found: Json = {
        "operationId": route.name,
        "tags": [route.name.partition(".")[0]],
        "summary": summary,
        "description": " ".join(filter(None, notes)),
        "parameters": [*_parameters(route)],
        "responses": _responses(route, known),
    }
    if route.body is not None:
        found["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": known[route.body, "validation"]}},
        }
    return found


def _parameters(route: Route) -> Iterable[Json]:
    for part in _PART.findall(route.path):
        yield {"name": part, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    schema = route.query.model_json_schema(ref_template=_REF)
    shared = schema.get("$defs", {})
    for name, own in schema.get("properties", {}).items():
        plain = shared[own["$ref"].rpartition("/")[2]] | own if "$ref" in own else own
        plain = {key: value for key, value in plain.items() if key not in {"$ref", "title"}}
        if "anyOf" in plain:
            # Left out, it is null; given, it is the other.
            (other,) = (one for one in plain.pop("anyOf") if one != {"type": "null"})
            plain = {key: value for key, value in plain.items() if key != "default"}
            plain |= shared[other["$ref"].rpartition("/")[2]] if "$ref" in other else other
        said = plain.pop("description", "")
        yield {"name": name, "in": "query", "required": False, "description": said, "schema": plain}
    if route.writes:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "What comes again under the same key within a day happens once.",
            "schema": {"type": "string", "pattern": KEY_PATTERN},
        }


def _responses(route: Route, known: dict[Any, Json]) -> Json:
    content: Json
    if route.answer is None:
        content = {"application/octet-stream": {}}
    else:
        content = {"application/json": {"schema": known[route.answer, "validation"]}}
    found: Json = {"200": {"description": "Done.", "content": content, "headers": _HEADERS}}
    if not route.writes:
        found["304"] = {"description": "As in If-None-Match."}
    for status, said in _REFUSALS.items():
        problem = {"schema": {"$ref": _REF.format(model="Problem")}}
        found[str(status)] = {"description": said, "content": {PROBLEM_TYPE: problem}}
    # What is no request of HTTP, or has too long an address, reaches no route.
    found["400"]["content"]["text/plain"] = {"schema": {"type": "string"}}
    return found
