"""Requests as Entra and Okta write them, where RFC 7643 has them otherwise. Pure."""

from __future__ import annotations

from typing import Any

Json = Any
_DEPTH = 20
"""So deep at most is a body that has a meaning."""


def put_right(body: Json, depth: int = 0) -> Json:
    """A body with every `manager` as the object that section 4.3 of RFC 7643 has: Entra sends its id, or a list.

    Raises ValueError where it is nested deeper than anything that has a meaning.
    """
    if depth > _DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(body, list):
        return [put_right(one, depth + 1) for one in body]
    if not isinstance(body, dict):
        return body
    fixed = {key: _manager(value) if _is_manager(key) else put_right(value, depth + 1) for key, value in body.items()}
    names = {key.casefold(): key for key in fixed}
    if _is_manager(str(fixed.get(names.get("path", ""), ""))) and "value" in names:
        fixed[names["value"]] = _manager(fixed[names["value"]])
    return fixed


def _is_manager(name: str) -> bool:
    return name.rpartition(":")[2].casefold() == "manager"


def _manager(value: Json) -> Json:
    if isinstance(value, list):
        value = value[0] if value else None
    return {"value": value} if isinstance(value, str) else value
