"""What of a change that waits takes access away, and so does not wait with it (F2, M3, S3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from bridge.directory.at_once import at_once
from bridge.directory.change import diff_firms
from bridge.firm.model import Firm, Group, Matter, Staff, Wall, WallKind
from bridge.firm.policy import with_access

TODAY = date(2026, 3, 1)
NAMES = ("ann", "ben", "cat", "dan", "eve", "fay", "gus", "hal")
MATTER = Matter(id="m", number="1", title="Secret")
OTHERS = {f"x{one}": Matter(id=f"x{one}", number=f"x{one}", title="Open") for one in range(60)}
BOARD, LARGER = (Group("board", "Board", members) for members in (("ann",), ("ann", "ben")))
OUTER = Group("outer", "Outer", ("board",))


def firm_of(matter: Matter = MATTER, wall: Wall | None = None, *groups: Group, more: str = "") -> Firm:
    people = (*NAMES, more) if more else NAMES
    return Firm(
        staff={one: Staff(id=one, first_name=one, last_name="", email=f"{one}@firm.example") for one in people},
        matters={"m": matter, **OTHERS},
        groups={one.id: one for one in groups},
        walls={wall.id: wall} if wall else {},
    )


def inside(old: Firm, new: Firm) -> frozenset[str]:
    """Who may still see the matter while most of the staff would leave with the change."""
    leavers = {one: replace(new.staff[one], former=True) for one in ("fay", "gus", "hal")}
    change = diff_firms(old, replace(new, staff={**new.staff, **leavers}), TODAY)
    assert change.needs_confirmation(10)
    kept = at_once(change, 10, old)
    assert kept.active_staff == old.active_staff
    # At the next look it is the same.
    assert at_once(diff_firms(kept, change.new, TODAY), 10, old).walls == kept.walls
    return with_access(kept, kept.matters["m"], TODAY)


@pytest.mark.parametrize("named", ["board", "outer"])
def test_M3_whoever_comes_into_a_group_behind_a_wall_is_out_at_once(named: str) -> None:
    wall = Wall("w", matter_id="m", people=(named,))
    old, new = firm_of(MATTER, wall, BOARD, OUTER), firm_of(MATTER, wall, LARGER, OUTER)
    assert inside(old, new) == {*NAMES} - {"ann", "ben"}


def test_M3_whoever_takes_the_place_of_another_in_such_a_group_is_out_too() -> None:
    wall = Wall("w", matter_id="m", people=("board",))
    other = replace(BOARD, members=("ben",))
    assert inside(firm_of(MATTER, wall, BOARD), firm_of(MATTER, wall, other)) == {*NAMES} - {"ann", "ben"}


def test_M3_whoever_is_in_the_group_no_more_that_alone_may_see_a_matter_is_out_at_once() -> None:
    wall = Wall("w", WallKind.ONLY, "m", people=("board",))
    assert inside(firm_of(MATTER, wall, LARGER), firm_of(MATTER, wall, BOARD)) == {"ann"}


def test_M3_whoever_is_in_the_group_no_more_that_a_restricted_matter_allows_is_out_at_once() -> None:
    matter = replace(MATTER, restricted=True, allowed=("outer",))
    assert inside(firm_of(matter, None, LARGER, OUTER), firm_of(matter, None, BOARD, OUTER)) == {"ann"}


@pytest.mark.parametrize("people", [("ben", "zed"), ("board",)])
def test_M3_a_new_wall_screens_those_who_are_here_whoever_else_is_on_it(people: tuple[str, ...]) -> None:
    wall = Wall("w", matter_id="m", people=people)
    new = firm_of(MATTER, wall, Group("board", "Board", ("ben", "zed")), more="zed")
    assert inside(firm_of(), new) == {*NAMES} - {"ben"}


def test_M3_a_new_wall_that_lets_in_a_newcomer_too_stands_at_once() -> None:
    wall = Wall("w", WallKind.ONLY, "m", people=("ben", "zed"))
    assert inside(firm_of(), firm_of(MATTER, wall, more="zed")) == {"ben"}


def test_M3_a_wall_for_newcomers_alone_waits_with_them() -> None:
    wall = Wall("w", matter_id="m", people=("zed",))
    assert inside(firm_of(), firm_of(MATTER, wall, more="zed")) == {*NAMES}
