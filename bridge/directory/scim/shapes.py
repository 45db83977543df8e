"""Requests as Entra, Okta, OneLogin and others write them, where RFC 7643 and RFC 7644 have them otherwise. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

Json = Any
_DEPTH = 20
"""So deep at most is a body that has a meaning."""
_SEVERAL = frozenset(
    {"members", "emails", "phonenumbers", "addresses", "ims", "photos", "roles", "entitlements", "x509certificates"}
)
"""Attributes that have several values."""
_MEMBER = re.compile(r'((?:\S+:)?members)\[\s*value\s+eq\s+"([^"\\]+)"\s*\]', re.IGNORECASE)
"""A path that picks one member by its id."""
_YES_NO = re.compile(r'\b(primary|active)(\s+)(eq|ne)(\s+)"(true|false)"', re.IGNORECASE)


def put_right(body: Json) -> Json:
    """The body of a request as the RFCs have it.

    `manager` is an object with an address (RFC 7643, section 8.7.1): Entra sends an id, or a list. Of a PATCH (RFC
    7644, section 3.5.2) each operation says in its path what it is about, and what a removal takes away. Raises
    ValueError where the body is nested deeper than anything that has a meaning.
    """
    fixed = _managers(body, 0)
    name = next((key for key in fixed if key.casefold() == "operations"), "") if isinstance(fixed, dict) else ""
    if name and isinstance(fixed[name], list):
        fixed[name] = [one for each in fixed[name] for one in _operations(each)]
    return fixed


def put_right_filter(written: str) -> str:
    """A filter in which yes and no are no text: `active eq "True"`."""
    return _YES_NO.sub(lambda found: f"{found[1]}{found[2]}{found[3]}{found[4]}{found[5].lower()}", written)


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
    if value is None or path.rpartition(":")[2].casefold() not in _SEVERAL:
        return {**rest, "path": put_right_filter(path)}
    entries = value if isinstance(value, list) else [value]
    return {**rest, "path": path, "value": [_entry(one) for one in entries]}


def _entry(given: Json) -> Json:
    if isinstance(given, dict):
        return {"value": given["value"]} if "value" in given else given
    return {"value": given}


def _managers(body: Json, depth: int) -> Json:
    if depth > _DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(body, list):
        return [_managers(one, depth + 1) for one in body]
    if not isinstance(body, dict):
        return body
    fixed = {key: _manager(value) if _is_manager(key) else _managers(value, depth + 1) for key, value in body.items()}
    names = {key.casefold(): key for key in fixed}
    if _is_manager(str(fixed.get(names.get("path", ""), ""))) and "value" in names:
        fixed[names["value"]] = _manager(fixed[names["value"]])
    return fixed


def _is_manager(name: str) -> bool:
    return name.rpartition(":")[2].casefold() == "manager"


def _manager(value: Json) -> Json:
    """Who somebody's manager is, with the address that the schema wants; nothing where nobody is named."""
    if isinstance(value, list):
        value = value[0] if value else None
    given = value if isinstance(value, dict) else {"value": value}
    names = {key.casefold(): key for key in given}
    who = given.get(names.get("value", ""))
    if not who or not isinstance(who, str):
        return None
    return {**given, names.get("$ref", "$ref"): given.get(names.get("$ref", "")) or f"Users/{quote(who, safe='')}"}
