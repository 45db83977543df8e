"""Requests as Entra, Okta, OneLogin and others write them, where RFC 7643 and RFC 7644 have them otherwise. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from bridge.directory.scim.values import SEVERAL, fitted, last_of, value_of
from bridge.directory.sources.cleaning import truth

Json = Any
_MEMBER = re.compile(r'((?:\S+:)?members)\[\s*(?:value\s+eq\s+"|\$ref\s+eq\s+"[^"\\]*/)([^"\\/]+)"\s*\]', re.IGNORECASE)
"""A path that picks one member by its id, or by the address that ends with it."""
_YES_NO = re.compile(r'\b(primary|active)(\s+)(eq|ne)(\s+)"(true|false)"', re.IGNORECASE)


def put_right(body: Json) -> Json:
    """The body of a request as the RFCs have it.

    Values have the form of their attributes. Of a PATCH (RFC 7644, section 3.5.2) each operation says in its path what
    it is about, and what a removal takes away. Raises ValueError where the body is nested deeper than anything that has
    a meaning, and InvalidValueException for a member whom it does not name.
    """
    fixed = fitted(body)
    name = next((key for key in fixed if key.casefold() == "operations"), "") if isinstance(fixed, dict) else ""
    if name and isinstance(fixed[name], list):
        fixed[name] = [one for each in fixed[name] for one in _operations(each)]
    return fixed


def put_right_filter(written: str) -> str:
    """A filter in which yes and no are no text: `active eq "True"`."""
    return _YES_NO.sub(lambda found: f"{found[1]}{found[2]}{found[3]}{found[4]}{found[5].lower()}", written)


def leaves(body: Json) -> bool:
    """Whether a request that was put right says of a user that they are not active, whatever else it says."""
    found = _folded(body)
    active, operations = found.get("active"), found.get("operations")
    for one in map(_folded, operations if isinstance(operations, list) else []):
        path, value = one.get("path"), one.get("value")
        values = {path: value} if isinstance(path, str) and path else value if isinstance(value, dict) else {}
        active = next((value for key, value in values.items() if last_of(key) == "active"), active)
    return truth(active) is False


def _folded(given: Json) -> dict[str, Json]:
    return {key.casefold(): value for key, value in given.items()} if isinstance(given, dict) else {}


def _operations(given: Json) -> Iterator[Json]:
    """An operation as those that it stands for."""
    if not isinstance(given, dict):
        yield given
        return
    known = {key.casefold(): key for key in given}
    path, value = given.get(known.get("path", "")), given.get(known.get("value", ""))
    rest = {key: one for key, one in given.items() if key.casefold() not in {"path", "value"}}
    if str(given.get(known.get("op", ""))).casefold() == "remove":
        yield _removal(rest, path, value)
        return
    if isinstance(path, str) and path:
        value = value_of(path, value)
        if value is None and given.get(known.get("value", "")) is not None:
            yield {"op": "remove", "path": put_right_filter(path)}
        else:
            yield {**rest, "path": put_right_filter(path), **({"value": value} if "value" in known else {})}
        return
    if isinstance(value, dict):
        # A key that picks one of several values says as much as a path.
        for key in [key for key in value if "[" in key]:
            yield {**rest, "path": put_right_filter(key), "value": value[key]}
        value = {key: one for key, one in value.items() if "[" not in key}
        if not value and given[known["value"]]:
            return
    yield {**rest, **({"value": value} if "value" in known else {})}


def _removal(rest: Json, path: Json, value: Json) -> Json:
    """A removal: of several values those that have these, whatever else is said of them; else of what the path says."""
    if not isinstance(path, str):
        return {**rest, "value": value}
    if found := _MEMBER.fullmatch(path):
        return {**rest, "path": found[1], "value": [{"value": found[2]}]}
    if value is None or path.rpartition(":")[2].casefold() not in SEVERAL:
        return {**rest, "path": put_right_filter(path)}
    return {**rest, "path": path, "value": [_by_value(one) for one in value_of(path, value)]}


def _by_value(entry: Json) -> Json:
    return {"value": entry["value"]} if "value" in entry else entry
