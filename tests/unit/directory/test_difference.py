"""Which records of two tables differ, and that two tables are compared once."""

from __future__ import annotations

import gc
from weakref import ref

from bridge.firm.difference import differing
from bridge.firm.model import Firm, Matter
from bridge.firm.table import Table

BEFORE = Table({"same": 1, "changed": 2, "gone": 3})
NOW = Table({"same": 1, "changed": 5, "new": 4})


class Counted:
    """A record that counts how often it is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return False

    __hash__ = None  # type: ignore[assignment]


def test_what_was_added_changed_or_removed() -> None:
    assert differing(BEFORE, NOW) == differing(dict(BEFORE), dict(NOW)) == {"changed", "gone", "new"}
    assert differing(NOW, BEFORE) == {"changed", "gone", "new"}
    assert differing(BEFORE, BEFORE) == differing(dict(BEFORE), dict(BEFORE)) == set()


def test_two_tables_are_compared_once_and_with_another_one_anew() -> None:
    before, now = Table({"m1": Counted()}), Table({"m1": Counted()})
    Counted.compared = 0
    assert differing(before, now) == {"m1"} == differing(before, now)
    assert Counted.compared == 1
    assert differing(Table(now), now) == set()
    assert differing(before, now) == {"m1"}
    assert Counted.compared == 2


def test_a_table_does_not_keep_the_one_before() -> None:
    before, now = Table({"m1": 1}), Table({"m1": 2})
    differing(before, now)
    kept = ref(before)
    del before
    gc.collect()
    assert kept() is None
    assert differing(Table({"m1": 2}), now) == set()


def test_firms_have_tables_of_their_people_and_matters() -> None:
    firm = Firm(matters={"m1": Matter("m1", "1", "Estate")})
    assert isinstance(firm.matters, Table)
    assert isinstance(firm.staff, Table)
