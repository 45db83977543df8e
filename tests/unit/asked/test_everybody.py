"""Whom a name or an e-mail address means, among many (D1, A1)."""

from __future__ import annotations

from collections.abc import ValuesView

import pytest

from bridge.firm.model import Firm, Staff
from bridge.firm.table import Table
from bridge.operations.everybody import Everybody
from bridge.refusal import Kind, Refusal


class _Counted(Table[Staff]):
    """Staff that count how often somebody goes through all of them."""

    walked = 0

    def values(self) -> ValuesView[Staff]:  # type: ignore[override]
        self.walked += 1
        return super().values()


def test_A1_many_names_are_found_without_going_through_everybody_each_time() -> None:
    people = [Staff(f"p{n}", f"First{n}", f"Last{n}", f"P{n}@Firm.example") for n in range(50)]
    staff = _Counted({person.id: person for person in people})
    for person in people:
        # As each request begins with its own.
        known = Everybody(Firm(staff=staff), {person.id: person.id for person in people}, "firm.example")
        typed = (person.id, person.email.upper(), person.name, f"@{person.id}", f"@{person.id}:firm.example")
        assert [known.named(one) for one in typed] == [person] * len(typed)
        assert known.named("nobody@firm.example") is None
    assert staff.walked == 2


def test_D1_an_address_that_two_have_is_nobodys_to_choose() -> None:
    same = [Staff(one, one, "Price", "price@firm.example") for one in ("a", "b")]
    known = Everybody(Firm(staff={one.id: one for one in same}), {}, "firm.example")
    with pytest.raises(Refusal) as refused:
        known.named("Price@Firm.example")
    assert refused.value.kind is Kind.SEVERAL_CALLED
    assert known.named("") is None
