"""docs/api-reference.md and the API's rows of docs/endpoints.md, made from the table of routes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from bridge.web.api.openapi import description
from bridge.web.api.routes import ROUTES
from bridge.web.api.table import API_PATH, Route

Table = Callable[[tuple[str, ...], Iterable[tuple[str, ...]]], str]


def api_rows() -> Iterator[tuple[str, ...]]:
    """Request, scope and meaning of each route."""
    yield f"`GET {API_PATH}/openapi.json`", "none", "The description of the API (OpenAPI 3.1)."
    for one in ROUTES:
        admins = " For firm admins." * one.for_admins
        yield f"`{one.method} {API_PATH}{one.path}`", f"`{one.scope}`", f"{one.said[0]}.{admins}"


def api_parts(table: Table) -> Iterator[str]:
    """The reference below its head."""
    whole = description(ROUTES, "")
    yield (
        f"Every address stands below `{{panel.url}}{API_PATH}`; [api.md](api.md) says how to begin. For programs:"
        f" `GET {API_PATH}/openapi.json`."
    )
    subject, subjects = "", list(dict.fromkeys(map(_subject, ROUTES)))
    for one in sorted(ROUTES, key=lambda one: subjects.index(_subject(one))):
        if _subject(one) != subject:
            subject = _subject(one)
            yield f"## {subject.capitalize()}"
        found = whole["paths"][one.path][one.method.lower()]
        yield f"### `{one.method} {one.path}`"
        yield f"{found['summary']}. {found['description']}"
        rows = [*_query(found), *_body(one)]
        if rows:
            yield table(("Gives", "Where", "Meaning"), rows)
        if one.answer is not None:
            yield f"Answers with `{one.answer.__name__}`: {', '.join(f'`{name}`' for name in one.answer.model_fields)}."


def _subject(route: Route) -> str:
    return route.name.partition(".")[0]


def _query(found: dict[str, list[dict[str, str]]]) -> Iterator[tuple[str, ...]]:
    for one in found["parameters"]:
        if one["in"] == "query":
            yield f"`{one['name']}`", "query", one["description"]


def _body(route: Route) -> Iterator[tuple[str, ...]]:
    fields = {} if route.body is None else route.body.model_fields
    for name, one in fields.items():
        yield f"`{name}`{', required' * one.is_required()}", "body", one.description or ""
