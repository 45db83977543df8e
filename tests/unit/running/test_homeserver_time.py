"""The homeserver's time: from what it says of itself, and never from two clocks compared."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.check.finding import Verdict
from bridge.check.homeserver import clock_finding
from bridge.store.record.homeserver_time import HomeserverTime, sentence

NOON = 1_800_000_000_000.0


class Clocks:
    """The bridge's two clocks, in seconds."""

    def __init__(self) -> None:
        self.monotonic = 50.0
        self.wall = NOON / 1000

    def time(self) -> HomeserverTime:
        return HomeserverTime(lambda: self.monotonic, lambda: self.wall)


def event(at: float, **unsigned: Any) -> dict[str, Any]:
    return {"origin_server_ts": int(at), "unsigned": unsigned}


def test_until_the_homeserver_said_something_it_is_the_bridges_time() -> None:
    assert Clocks().time().now_ms() == NOON


@pytest.mark.parametrize("ahead", [-3600, -120, -1, 0, 1, 120, 3600, 10**7])
def test_an_event_tells_the_time_however_far_the_bridges_clock_is_off(ahead: float) -> None:
    clocks = Clocks()
    clocks.wall += ahead
    time = clocks.time()
    time.take_date(NOON - 1000, 10)
    time.hear([event(NOON - 300, age=300)])
    assert time.now_ms() == NOON
    clocks.monotonic += 2
    clocks.wall -= 500
    assert time.now_ms() == NOON + 2000
    assert time.bridge_ahead_seconds() == pytest.approx(ahead - 502)


def test_events_that_come_late_or_say_nothing_do_not_turn_it_back() -> None:
    time = Clocks().time()
    time.take_date(NOON, 10)
    for late in ([event(NOON - 86_400_000)], [event(NOON - 5000, age=10)], [], [event(0)], [{"origin_server_ts": 1}]):
        time.hear(late)
        assert time.now_ms() == NOON
    for odd in ({"age": "x"}, {"age": -1}, {"age": None}, {"age": True}):
        time.hear([event(NOON - 1, **odd)])
        assert time.now_ms() == NOON


def test_an_event_with_a_time_of_its_own_does_not_set_the_clock() -> None:
    time = Clocks().time()
    time.hear([event(NOON + 86_400_000)])
    assert time.bridge_ahead_seconds() == pytest.approx(0, abs=1)
    time.take_date(NOON, 10)
    time.hear([event(NOON + 86_400_000), event(NOON + 200)])
    assert time.now_ms() == NOON + 200


def test_a_date_bounds_it_and_turns_it_back_where_the_homeserver_did() -> None:
    time = Clocks().time()
    time.take_date(NOON, 10)
    assert time.now_ms() == NOON
    time.hear([event(NOON + 700)])
    time.take_date(NOON, 10)
    assert time.now_ms() == NOON + 700
    time.take_date(NOON - 3_600_000, 10)
    assert time.now_ms() == NOON - 3_600_000
    time.take_date(NOON + 3_600_000, 10)
    assert time.now_ms() == NOON + 3_600_000


@pytest.mark.parametrize(("ahead", "words"), [(120, "120 seconds ahead of"), (-45, "45 seconds behind")])
def test_clocks_apart_are_said_with_what_to_do(ahead: float, words: str) -> None:
    assert words in sentence(ahead)
    assert "time server" in sentence(ahead)


@pytest.mark.parametrize("ahead", [0, 1, -2, 29, -30])
def test_clocks_that_agree_are_not_worth_a_word(ahead: float) -> None:
    assert sentence(ahead) == ""


def test_check_has_a_row_for_the_clocks() -> None:
    date, at = "Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777.0
    assert clock_finding(date, at).state is Verdict.OK
    apart = clock_finding(date, at + 120)
    assert (apart.state, "120 seconds ahead of" in apart.what) == (Verdict.WARNING, True)
    assert apart.remedy.startswith("Let both machines follow")
    for odd in ("", "yesterday", "0"):
        assert clock_finding(odd, at).state is Verdict.UNSEEN
