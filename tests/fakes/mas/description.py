"""MAS's own description of its admin API (OpenAPI), and whether a request and its answer are as it says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

Json = dict[str, Any]
SPECIFICATION = Path(__file__).parents[2] / "spec" / "mas-admin-openapi.json"


class NotDescribedError(AssertionError):
    """A request or an answer is not as MAS describes it."""


@cache
def described() -> Json:
    """The description."""
    found: Json = json.loads(SPECIFICATION.read_text())
    return found


@cache
def _paths() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), path) for path in described()["paths"])


def operation(method: str, path: str) -> Json:
    """What is said of this request. Raises NotDescribedError."""
    # One that is written out comes before one with a name in it.
    for pattern, template in sorted(_paths(), key=lambda one: "{" in one[1]):
        if pattern.fullmatch(path) and method.lower() in described()["paths"][template]:
            found: Json = described()["paths"][template][method.lower()]
            return found
    raise NotDescribedError(f"MAS has no {method} {path}")


def require_request(method: str, path: str, query: Mapping[str, str], body: Any) -> None:
    """Raise NotDescribedError where a request is not as described."""
    said = operation(method, path)
    schemas = {one["name"]: one["schema"] for one in said.get("parameters", ()) if one["in"] == "query"}
    for name, value in query.items():
        if name not in schemas:
            raise NotDescribedError(f"{method} {path} has no parameter {name}")
        _require(schemas[name], value if "$ref" in schemas[name] else _as_typed(value), f"{method} {path} {name}")
    content = said.get("requestBody", {}).get("content", {}).get("application/json")
    if content is not None:
        _require(content["schema"], body, f"the body of {method} {path}")
        unknown = set(body) - set(_properties(content["schema"]))
        if unknown:
            raise NotDescribedError(f"{method} {path} takes no {', '.join(unknown)}")


def require_answer(method: str, path: str, status: int, body: Any) -> None:
    """Raise NotDescribedError where an answer is not as described."""
    if status in {401, 500}:
        return
    responses = operation(method, path)["responses"]
    if str(status) not in responses:
        raise NotDescribedError(f"{method} {path} is never answered {status}")
    content = responses[str(status)].get("content", {}).get("application/json")
    if content is not None:
        _require(content["schema"], body, f"the answer {status} of {method} {path}")


def _as_typed(text: str) -> Any:
    return json.loads(text) if re.fullmatch(r"[0-9]+|true|false", text) else text


def _properties(schema: Json) -> Json:
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Json = (described()["components"]["schemas"][name] if name else schema).get("properties", {})
    return found


def _require(schema: Json, value: Any, what: str) -> None:
    whole = {**schema, "components": described()["components"]}
    errors = [error.message for error in Draft202012Validator(whole).iter_errors(value)]
    if errors:
        raise NotDescribedError(f"{what}: {'; '.join(errors)[:500]}")
