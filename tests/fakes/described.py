"""A system's own description of its API (OpenAPI), and whether a request and its answer are as it says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

Json = dict[str, Any]
_FOLDER = Path(__file__).parents[1] / "spec"
_FORMATS = FormatChecker(formats=())


class NotDescribedError(AssertionError):
    """A request or an answer is not as the system describes it."""


def _fits(bits: int) -> Callable[[object], bool]:
    return lambda value: not isinstance(value, int) or -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)


_FORMATS.checkers |= {"int32": (_fits(32), ()), "int64": (_fits(64), ())}


class Description:
    """The description in a file of tests/spec."""

    def __init__(self, called: str, file: str) -> None:
        self._called = called
        self._file = file

    @cached_property
    def said(self) -> Json:
        """The description."""
        found: Json = json.loads((_FOLDER / self._file).read_text())
        return found

    @cached_property
    def _paths(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        # One that is written out comes before one with a name in it.
        paths = sorted(self.said["paths"], key=lambda path: "{" in path)
        return tuple((re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), path) for path in paths)

    def operation(self, method: str, path: str) -> Json:
        """What is said of this request. Raises NotDescribedError."""
        for pattern, template in self._paths:
            if pattern.fullmatch(path) and method.lower() in self.said["paths"][template]:
                found: Json = self.said["paths"][template][method.lower()]
                return found
        raise NotDescribedError(f"{self._called} has no {method} {path}")

    def require_request(self, method: str, path: str, query: Mapping[str, str], body: Any) -> None:
        """Raise NotDescribedError where a request is not as described."""
        said = self.operation(method, path)
        schemas = {one["name"]: one["schema"] for one in said.get("parameters", ()) if one["in"] == "query"}
        for name, value in query.items():
            if name not in schemas:
                raise NotDescribedError(f"{method} {path} has no parameter {name}")
            typed = value if "$ref" in schemas[name] else _as_typed(value)
            self._require(schemas[name], typed, f"{method} {path} {name}")
        content = said.get("requestBody", {}).get("content", {}).get("application/json")
        if content is not None:
            self._require(content["schema"], body, f"the body of {method} {path}")
            unknown = set(body) - set(self._properties(content["schema"]))
            if unknown:
                raise NotDescribedError(f"{method} {path} takes no {', '.join(unknown)}")

    def require_answer(self, method: str, path: str, status: int, body: Any) -> None:
        """Raise NotDescribedError where an answer is not as described."""
        if status in {401, 500}:
            return
        responses = self.operation(method, path)["responses"]
        if str(status) not in responses:
            raise NotDescribedError(f"{method} {path} is never answered {status}")
        content = responses[str(status)].get("content", {}).get("application/json")
        if content is not None:
            self._require(content["schema"], body, f"the answer {status} of {method} {path}")

    def _properties(self, schema: Json) -> Json:
        (schema,) = schema.get("allOf", (schema,))
        name = schema.get("$ref", "").rpartition("/")[2]
        found: Json = (self.said["components"]["schemas"][name] if name else schema).get("properties", {})
        return found

    def _require(self, schema: Json, value: Any, what: str) -> None:
        whole = {**schema, "components": self.said["components"]}
        errors = [error.message for error in Draft202012Validator(whole, format_checker=_FORMATS).iter_errors(value)]
        if errors:
            raise NotDescribedError(f"{what}: {'; '.join(errors)[:500]}")


def _as_typed(text: str) -> Any:
    return json.loads(text) if re.fullmatch(r"-?[0-9]+|true|false", text) else text
