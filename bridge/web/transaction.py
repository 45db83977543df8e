"""What a transaction must look like (specification: application service API, PUT /transactions/{txnId}). Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bridge.firm.errors import BridgeError

Json = dict[str, Any]

_SIGILS = (("event_id", "$"), ("room_id", "!"), ("sender", "@"))
MAX_SAFE_INTEGER = 2**53 - 1
_MAX_ID = 255
"""Characters of an id (specification: size limits, which some room versions count in bytes)."""


class WrongShapeError(BridgeError):
    """A body is JSON but not what the specification asks for. The message names the place."""


def events_of(body: object) -> list[Json]:
    """The events of a transaction's body. Raises WrongShapeError."""
    if not isinstance(body, dict):
        raise WrongShapeError("The body must be an object.")
    if "events" not in body:
        raise WrongShapeError("events: is missing.")
    events: list[Json] = body["events"]
    for name, check in (("events", _wrong_event), ("ephemeral", _wrong_ephemeral)):
        items = body.get(name, [])
        if not isinstance(items, list):
            raise WrongShapeError(f"{name}: must be a list.")
        for index, item in enumerate(items):
            if wrong := check(item):
                raise WrongShapeError(f"{name}[{index}]{wrong}")
    return events


def parts_of(body: object) -> tuple[list[Json], list[Json]]:
    """The events of a transaction's body, and its ephemeral events. Raises WrongShapeError."""
    events = events_of(body)
    ephemeral: list[Json] = body.get("ephemeral", []) if isinstance(body, dict) else []
    return events, ephemeral


def check_ping(body: object) -> None:
    """Check the body of a ping. Raises WrongShapeError."""
    if not isinstance(body, dict):
        raise WrongShapeError("The body must be an object.")
    if not isinstance(body.get("transaction_id", ""), str):
        raise WrongShapeError("transaction_id: must be text.")


def _wrong_event(event: object) -> str:
    """What is wrong with an event, as the end of a sentence that begins with its path; empty where it is right."""
    if not isinstance(event, dict):
        return ": must be an object."
    get = event.get
    for name, sigil in _SIGILS:
        value = get(name)
        if not isinstance(value, str) or not value.startswith(sigil):
            return f".{name}: must be text that begins with {sigil}"
        # No Matrix id has a NUL, and PostgreSQL could not store it.
        if "\0" in value:
            return f".{name}: must not contain a NUL character."
        if len(value) > _MAX_ID:
            return f".{name}: must have at most {_MAX_ID} characters."
    if not isinstance(get("type"), str):
        return ".type: must be text."
    if not _is_whole(get("origin_server_ts")):
        return ".origin_server_ts: must be a whole number."
    if not isinstance(get("content"), dict):
        return ".content: must be an object."
    if not isinstance(get("state_key", ""), str):
        return ".state_key: must be text."
    return f".unsigned{wrong}" if (wrong := _wrong_unsigned(get("unsigned", {}))) else ""


def _wrong_unsigned(unsigned: object) -> str:
    if not isinstance(unsigned, dict):
        return ": must be an object."
    for name, value in unsigned.items():
        rule = _UNSIGNED.get(name)
        if rule is not None and not rule[0](value):
            return f".{name}: {rule[1]}"
    return ""


def _wrong_ephemeral(event: object) -> str:
    if not isinstance(event, dict):
        return ": must be an object."
    if not isinstance(event.get("type"), str):
        return ".type: must be text."
    return "" if isinstance(event.get("content"), dict) else ".content: must be an object."


def _is_whole(value: object) -> bool:
    """Whether it is a whole number of 64 bits, the specification's int64. 1.0 is one too."""
    if isinstance(value, int):
        return not isinstance(value, bool) and -(2**63) <= value < 2**63
    # The parser gives integers beyond 64 bits as floats, so a float has to be well within.
    return isinstance(value, float) and abs(value) <= MAX_SAFE_INTEGER and value.is_integer()


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_event_id(value: object) -> bool:
    return isinstance(value, str) and value[:1] == "$"


_UNSIGNED: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "age": (_is_whole, "must be a whole number."),
    "membership": (_is_text, "must be text."),
    "transaction_id": (_is_text, "must be text."),
    "replaces_state": (_is_event_id, "must be text that begins with $"),
    "prev_content": (_is_object, "must be an object."),
    "redacted_because": (_is_object, "must be an object."),
}
"""What those fields of an event's unsigned must be, where they are there."""
