"""Lists of pinned messages that several clients change at once (V2)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping.pins import REMEMBERED, List, Seen, listed, merged, remembered


@pytest.mark.parametrize(
    "content", [None, [], {}, {"pinned": "x"}, {"pinned": [1]}, {"pinned": [""]}, {"pinned": None}]
)
def test_V2_what_is_no_list_is_none(content: Any) -> None:
    assert listed(content) is None


def test_V2_a_list_has_everything_once() -> None:
    assert listed({"pinned": ["$b", "$a", "$b"]}) == ("$b", "$a")


def test_V2_two_people_pin_at_once() -> None:
    assert merged(("$x", "$a"), [Seen(("$x",), 0), Seen(("$x", "$a"), 5)], ("$x", "$b"), 9) == ("$x", "$a", "$b")


def test_V2_one_unpins_while_another_pins() -> None:
    assert merged(("$x", "$y", "$a"), [Seen(("$x", "$y"), 0)], ("$x",), 9) == ("$x", "$a")


def test_V2_somebody_pins_twice_before_their_client_hears_of_another_pin() -> None:
    seen = [Seen(("$x",), 0), Seen(("$x", "$a"), 5), Seen(("$x", "$b"), 9)]
    assert merged(("$x", "$a", "$b"), seen, ("$x", "$b", "$c"), 12) == ("$x", "$a", "$b", "$c")


def test_V2_much_later_it_is_what_they_meant() -> None:
    assert merged(("$x", "$a"), [Seen(("$x",), 0), Seen(("$x", "$a"), 5)], ("$x", "$b"), 60_000) == ("$x", "$b")


def test_V2_a_list_that_differs_in_much_is_taken_as_it_is() -> None:
    assert merged(("$x", "$a"), [Seen(("$x",), 0)], ("$p", "$q"), 9) == ("$p", "$q")


def test_V2_another_order_is_kept() -> None:
    assert merged(("$x", "$a"), [], ("$a", "$x"), 9) == ("$a", "$x")


CHANGES = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["pin", "unpin", "look"])), max_size=REMEMBERED // 2 - 1
)


@given(CHANGES)
def test_V2_nobodys_pin_is_lost_however_far_behind_the_clients_are(changes: list[tuple[int, str]]) -> None:
    """Clients pin from whatever they show, and take off what they see. What stands is what all of them meant."""
    shown: list[List] = [()] * 3
    standing: List = ()
    meant: list[str] = []
    seen: tuple[Seen, ...] = (Seen((), 0),)
    for number, (who, what) in enumerate(changes):
        if what != "pin":
            shown[who] = standing
        if what == "look" or (what == "unpin" and not standing):
            continue
        if what == "pin":
            said = (*shown[who], f"${number}")
            meant.append(f"${number}")
        else:
            said = shown[who][1:]
            meant.remove(shown[who][0])
        shown[who] = said
        stands = merged(standing, seen, said, number)
        seen = remembered(seen, Seen(said, number), Seen(stands, number))
        standing = stands
    assert list(standing) == meant
