"""Whom a change lets in who was kept out before, and the change without that (S1, S3, M3)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from bridge.directory.barriers import UNTIL_KNOWN, opening, without_opening
from bridge.directory.change import diff_firms
from bridge.firm.model import Firm, Group, Matter, MatterRole, Wall, WallKind
from bridge.firm.policy import may_access
from tests.unit.directory.test_directory_change import PEOPLE, TODAY, firm_of, firms, matter

HOLLIS = (MatterRole("Client", "Hollis", is_client=True),)
BOARD = Group("board", "Board", ("ann", "ben"))
SECRET = matter(1, roles=HOLLIS, responsible="eve")
WALL = Wall("w", client="Hollis", people=("ann", "ben"))
WALLED = firm_of(SECRET, walls=(WALL,), groups=(BOARD,))
LISTED = firm_of(matter(1, restricted=True, allowed=("ann",)), groups=(BOARD,))


@given(firms(), firms())
def test_S3_without_its_opening_a_change_lets_in_nobody_who_was_kept_out(old: Firm, new: Firm) -> None:
    opens = opening(old, new, TODAY)
    kept = without_opening(old, new, opens)
    for one in kept.matters.values():
        for staff_id in PEOPLE:
            let_in = bool(may_access(kept, staff_id, one, TODAY))
            assert not let_in or may_access(new, staff_id, new.matters[one.id], TODAY)
            out = opens.walled.get(one.id, frozenset()) | opens.restricted.get(one.id, frozenset())
            assert not (let_in and staff_id in out)
    assert opening(old, kept, TODAY).share == 0


@pytest.mark.parametrize(
    "new",
    [
        firm_of(SECRET),
        firm_of(SECRET, walls=(replace(WALL, people=("cat",)),)),
        firm_of(SECRET, walls=(replace(WALL, expires=TODAY.replace(day=1)),)),
        firm_of(SECRET, walls=(replace(WALL, kind=WallKind.ONLY),)),
        firm_of(replace(SECRET, roles=()), walls=(WALL,)),
        firm_of(SECRET, walls=(replace(WALL, people=("board",)),), groups=(replace(BOARD, members=("cat",)),)),
    ],
    ids=["gone", "shorter", "ended", "of the other form", "another client", "an empty group"],
)
def test_S3_however_a_wall_ends_it_waits(new: Firm) -> None:
    change = diff_firms(WALLED, new, TODAY)
    assert change.opens.people() == {"ann": 1, "ben": 1}
    assert change.needs_confirmation(99)
    assert any(line.startswith("Walls and restrictions that end (100 %)") for line in change.lines())
    assert not [line for line in change.lines(lambda kind, _: kind != "matter") if line.startswith("Walls and")]


@pytest.mark.parametrize(
    ("after", "opens"),
    [
        (matter(1), True),
        (matter(1, restricted=True, allowed=("ann", "ben", "cat", "dan")), True),
        (matter(1, restricted=True, allowed=("ann",), assisting=PEOPLE), True),
        (matter(1, restricted=True, allowed=("ann", "ben")), False),
        (matter(1, restricted=True, allowed=("ann",), assisting=("ben",)), False),
        (matter(1, restricted=True, allowed=(UNTIL_KNOWN,)), False),
    ],
    ids=["open", "a list of most", "all on the team", "one more", "one more on the team", "nobody"],
)
def test_S3_a_restricted_matter_that_opens_waits_and_one_person_more_does_not(after: Matter, opens: bool) -> None:
    new = replace(LISTED, matters={"m1": after})
    assert diff_firms(LISTED, new, TODAY).opens.share == (100 if opens else 0)


def test_S3_a_matter_that_was_restricted_until_its_source_had_spoken_waits_for_nobody() -> None:
    until = firm_of(matter(1, restricted=True, allowed=(UNTIL_KNOWN,)))
    assert not diff_firms(until, firm_of(matter(1)), TODAY).needs_confirmation(0)


def test_S3_one_wall_of_five_ends_as_it_always_did() -> None:
    walls = tuple(Wall(f"w{number}", matter_id="m1", people=(PEOPLE[number],)) for number in range(5))
    old = firm_of(matter(1), walls=walls)
    assert not diff_firms(old, firm_of(matter(1), walls=walls[1:]), TODAY).needs_confirmation(20)
    assert diff_firms(old, firm_of(matter(1), walls=walls[2:]), TODAY).needs_confirmation(20)
