"""How failures are told: the bridge's own in their words, others without what they may quote."""

from __future__ import annotations

from bridge.failures import backoff, describe, frames
from bridge.matrix.errors import NotFoundError


def _fails(words: str) -> None:
    try:
        dict[str, str]()[words]
    except KeyError as error:
        raise ValueError(words) from error


def test_the_bridges_own_errors_speak_for_themselves() -> None:
    assert describe(NotFoundError("GET /x", 404, "M_NOT_FOUND", "no such room")) == (
        "NotFoundError: GET /x: 404 M_NOT_FOUND: no such room"
    )


def test_of_other_errors_only_kind_and_place_are_told() -> None:
    words = "".join(["what ", "somebody ", "wrote"])
    try:
        _fails(words)
    except ValueError as error:
        told, stack = describe(error), frames(error)
    assert told.startswith("ValueError at _fails:")
    assert "KeyError at _fails:" in stack
    assert words not in told + stack


def test_an_error_that_was_never_raised_is_told_by_its_kind() -> None:
    assert describe(ValueError("x")) == "ValueError"


def test_pauses_double_up_to_a_minute() -> None:
    assert [backoff(attempt) for attempt in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert backoff(10_000) == 60
