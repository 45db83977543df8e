"""What a transaction must look like (specification: application service API, PUT /transactions/{txnId}). Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
_Check = Callable[[object], str]
"""What is wrong with a value, as the end of a sentence; empty where it is right."""


class WrongShape(Exception):
    """A body is JSON but not what the specification asks for. The message names the place."""


def events_of(body: object) -> list[Json]:
    """The events of a transaction's body. Raises WrongShape."""
    if not isinstance(body, dict):
        raise WrongShape("The body must be an object.")
    if "events" not in body:
        raise WrongShape("events: is missing.")
    events: list[Json] = _list_of(body["events"], "events", _EVENT)
    _list_of(body.get("ephemeral", []), "ephemeral", _EPHEMERAL)
    return events


def check_ping(body: object) -> None:
    """Check the body of a ping. Raises WrongShape."""
    if not isinstance(body, dict):
        raise WrongShape("The body must be an object.")
    _check_fields(body, "", ((), {"transaction_id": _text("")}))


def _list_of(value: object, path: str, fields: _Fields) -> list[Json]:
    if not isinstance(value, list):
        raise WrongShape(f"{path}: must be a list.")
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            raise WrongShape(f"{path}[{index}]: must be an object.")
        _check_fields(item, f"{path}[{index}].", fields)
    return value


def _check_fields(item: Json, path: str, fields: _Fields) -> None:
    required, checks = fields
    for name in required:
        if name not in item:
            raise WrongShape(f"{path}{name}: is missing.")
    for name, check in checks.items():
        if name in item and (wrong := check(item[name])):
            raise WrongShape(f"{path}{name}{wrong}")


def _text(prefix: str) -> _Check:
    def check(value: object) -> str:
        if not isinstance(value, str):
            return ": must be text."
        return "" if value.startswith(prefix) else f": must begin with {prefix}"

    return check


def _identifier(prefix: str) -> _Check:
    text = _text(prefix)

    def check(value: object) -> str:
        # No Matrix id has a NUL, and PostgreSQL could not store it.
        return text(value) or (": must not contain a NUL character." if "\0" in str(value) else "")

    return check


def _whole_number(value: object) -> str:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return "" if is_whole or (isinstance(value, float) and value.is_integer()) else ": must be a whole number."


def _object(value: object) -> str:
    return "" if isinstance(value, dict) else ": must be an object."


def _unsigned(value: object) -> str:
    if not isinstance(value, dict):
        return ": must be an object."
    for name, check in _UNSIGNED.items():
        if name in value and (wrong := check(value[name])):
            return f".{name}{wrong}"
    return ""


_Fields = tuple[tuple[str, ...], dict[str, _Check]]
_UNSIGNED: dict[str, _Check] = {
    "age": _whole_number,
    "membership": _text(""),
    "prev_content": _object,
    "redacted_because": _object,
    "replaces_state": _text("$"),
    "transaction_id": _text(""),
}
_EVENT: _Fields = (
    ("event_id", "room_id", "type", "sender", "origin_server_ts", "content"),
    {
        "event_id": _identifier("$"),
        "room_id": _identifier("!"),
        "type": _text(""),
        "sender": _identifier("@"),
        "origin_server_ts": _whole_number,
        "content": _object,
        "state_key": _text(""),
        "unsigned": _unsigned,
    },
)
_EPHEMERAL: _Fields = (("type", "content"), {"type": _text(""), "content": _object})
