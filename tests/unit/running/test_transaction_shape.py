"""What a transaction must look like, and how a wrong one is named."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from bridge.web.transaction import WrongShapeError, check_ping, events_of

EVENT: dict[str, Any] = {
    "event_id": "$1",
    "room_id": "!a:localhost",
    "type": "m.room.message",
    "sender": "@robin:localhost",
    "origin_server_ts": 1,
    "content": {},
}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"state_key": ""},
        {"origin_server_ts": 1.0},
        {"unsigned": {}},
        {"unsigned": {"age": -5, "membership": "join", "prev_content": {}, "replaces_state": "$0"}},
        {"unsigned": {"redacted_because": {}, "transaction_id": "t", "org.example": [1]}},
        {"anything": None},
        {"event_id": "$" + "a" * 254},
    ],
)
def test_right_events_pass(more: dict[str, Any]) -> None:
    assert events_of({"events": [EVENT | more]}) == [EVENT | more]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (None, "The body must be an object."),
        ([], "The body must be an object."),
        ({}, "events: is missing."),
        ({"events": {}}, "events: must be a list."),
        ({"events": [7]}, "events[0]: must be an object."),
        ({"events": [], "ephemeral": {}}, "ephemeral: must be a list."),
        ({"events": [], "ephemeral": [{"type": "m.typing", "content": {}}, {"type": "x"}]}, "ephemeral[1].content:"),
        ({"events": [], "ephemeral": [{"content": {}}]}, "ephemeral[0].type:"),
        ({"events": [], "ephemeral": [None]}, "ephemeral[0]:"),
    ],
)
def test_a_wrong_body_is_named(body: object, told: str) -> None:
    with pytest.raises(WrongShapeError) as caught:
        events_of(body)
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event_id", "1"),
        ("event_id", ""),
        ("event_id", None),
        ("event_id", "$a\0b"),
        ("event_id", "$" + "a" * 255),
        ("room_id", "#a:localhost"),
        ("room_id", ["!"]),
        ("room_id", "!" + "a" * 255),
        ("sender", "robin"),
        ("sender", 7),
        ("sender", "@" + "a" * 255),
        ("type", None),
        ("origin_server_ts", "1"),
        ("origin_server_ts", True),
        ("origin_server_ts", 1.5),
        ("origin_server_ts", float("inf")),
        ("origin_server_ts", float("nan")),
        ("origin_server_ts", 2**63),
        ("origin_server_ts", -(2**63) - 1),
        ("origin_server_ts", -float(2**63)),
        ("content", None),
        ("content", []),
        ("state_key", None),
        ("state_key", 7),
        ("unsigned", None),
        ("unsigned.age", "5"),
        ("unsigned.membership", 1),
        ("unsigned.prev_content", []),
        ("unsigned.redacted_because", "x"),
        ("unsigned.replaces_state", "0"),
        ("unsigned.replaces_state", 0),
        ("unsigned.transaction_id", {}),
    ],
)
def test_a_wrong_field_is_named_with_its_place(field: str, value: object) -> None:
    wrong: dict[str, Any] = {**copy.deepcopy(EVENT), "unsigned": {}}
    outer, _, inner = field.partition(".")
    if inner:
        wrong[outer][inner] = value
    else:
        wrong[outer] = value
    with pytest.raises(WrongShapeError) as caught:
        events_of({"events": [EVENT, wrong]})
    assert str(caught.value).startswith(f"events[1].{field}: must ")


@pytest.mark.parametrize("field", sorted(EVENT))
def test_a_missing_field_is_named(field: str) -> None:
    with pytest.raises(WrongShapeError) as caught:
        events_of({"events": [{name: value for name, value in EVENT.items() if name != field}]})
    assert str(caught.value).startswith(f"events[0].{field}: ")


def test_a_ping_may_have_a_transaction_id() -> None:
    check_ping({})
    check_ping({"transaction_id": "start"})


@pytest.mark.parametrize("body", [[], None, {"transaction_id": 7}, {"transaction_id": None}])
def test_a_ping_of_another_shape_is_refused(body: object) -> None:
    with pytest.raises(WrongShapeError):
        check_ping(body)
