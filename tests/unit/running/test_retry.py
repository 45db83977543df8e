"""The one retry policy: what is repeated, when, and when it ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.matrix.errors import ForbiddenError, UnreachableError
from bridge.matrix.retry import FIRST_PAUSE, LONGEST_PAUSE, PassingError, may_pass, next_pause, patience, repeat
from tests.fakes.clock import Clock

BROKEN = UnreachableError("GET /x", 502, "M_UNKNOWN", "broken")


@pytest.mark.parametrize(
    ("status", "expected"),
    [(429, True), (500, True), (502, True), (504, True), (400, False), (403, False), (404, False)],
)
def test_only_what_may_pass_is_repeated(status: int, expected: bool) -> None:
    assert may_pass(status) is expected


def test_pauses_double_up_to_the_longest() -> None:
    pauses = [next_pause(failures, None, left=1000, chance=1.0) for failures in range(1, 9)]
    assert pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, LONGEST_PAUSE, LONGEST_PAUSE]


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_pause_is_a_part_of_its_step(failures: int, chance: float) -> None:
    pause = next_pause(failures, None, left=1000, chance=chance)
    assert pause is not None
    assert 0 <= pause <= min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 20))


@given(st.integers(1, 100), st.floats(0, 100), st.floats(0, 1))
def test_a_pause_that_was_asked_for_is_never_cut_short(failures: int, asked: float, chance: float) -> None:
    pause = next_pause(failures, asked, left=1000, chance=chance)
    assert pause is not None
    assert asked <= pause <= asked + FIRST_PAUSE


def test_it_ends_where_the_next_attempt_would_come_too_late() -> None:
    assert next_pause(1, 30.0, left=30.0, chance=0.0) is None
    assert next_pause(1, 29.0, left=30.0, chance=0.0) == 29.0
    assert next_pause(1, None, left=-1.0, chance=0.0) is None


class Attempts:
    """Attempts that take a second each and end as told; the last end stays."""

    def __init__(self, clock: Clock, *ends: Exception | str) -> None:
        self.clock, self.ends, self.left = clock, list(ends), list[float]()

    async def __call__(self, left: float) -> str:
        self.left.append(left)
        self.clock.now += 1
        end = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        if isinstance(end, Exception):
            raise end
        return end


async def tried(attempts: Attempts, deadline: float) -> str:
    return await repeat(attempts, deadline, clock=attempts.clock, sleep=attempts.clock.sleep, chance=lambda: 1.0)


async def test_success_needs_one_attempt() -> None:
    attempts = Attempts(Clock(), "done")
    assert await tried(attempts, 10) == "done"
    assert attempts.left == [10]


async def test_it_is_tried_again_with_the_time_that_is_left() -> None:
    attempts = Attempts(Clock(), PassingError(BROKEN), PassingError(BROKEN, asked=3.0), "done")
    assert await tried(attempts, 10) == "done"
    assert attempts.clock.slept == [0.25, 3.25]
    assert attempts.left == [10, 10 - 1.25, 10 - 1.25 - 4.25]


async def test_at_the_deadline_the_last_failure_is_raised() -> None:
    last = UnreachableError("GET /x", 503, "M_UNKNOWN", "still broken")
    attempts = Attempts(Clock(), PassingError(BROKEN), PassingError(last))
    with pytest.raises(UnreachableError) as caught:
        await tried(attempts, 6)
    assert caught.value is last
    assert attempts.clock.now <= 106


async def test_an_attempt_that_the_deadline_cut_short_hides_no_reason() -> None:
    clock = Clock()

    async def attempt(left: float) -> str:
        if clock.now == 100.0:
            clock.now += 1
            raise PassingError(BROKEN)
        clock.now += left
        raise PassingError(UnreachableError("GET /x", 0, "M_UNKNOWN", "no answer")) from TimeoutError()

    with pytest.raises(UnreachableError) as raised:
        await repeat(attempt, 5, clock=clock, sleep=clock.sleep, chance=lambda: 1.0)
    assert raised.value is BROKEN


async def test_what_stays_is_raised_at_once() -> None:
    attempts = Attempts(Clock(), ForbiddenError("GET /x", 403, "M_FORBIDDEN", "no"), "never asked")
    with pytest.raises(ForbiddenError):
        await tried(attempts, 10)
    assert attempts.clock.slept == []


async def test_the_cause_is_kept() -> None:
    cause = OSError("gone")
    passing = PassingError(BROKEN)
    passing.__cause__ = cause
    with pytest.raises(UnreachableError) as caught:
        await tried(Attempts(Clock(), passing), 0.5)
    assert caught.value.__cause__ is cause


async def test_with_patience_the_last_attempt_begins_sooner_and_takes_its_time() -> None:
    clock = Clock()
    attempts = Attempts(clock, PassingError(BROKEN))
    with patience(3.0), pytest.raises(UnreachableError):
        await repeat(attempts, 100.0, clock=clock, sleep=clock.sleep, chance=lambda: 1.0)
    assert clock.now - 100.0 <= 4.0
    assert min(attempts.left) > 90.0
