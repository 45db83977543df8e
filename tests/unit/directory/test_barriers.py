"""Whom a change lets in who was kept out before, and the change without that (S1, S3, M3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.directory.barriers import UNTIL_KNOWN, opening, with_gone, without_opening
from bridge.directory.change import diff_firms
from bridge.firm.model import Firm, Group, Matter, MatterRole, MatterStatus, Wall, WallKind
from bridge.firm.policy import may_access
from tests.unit.directory.test_directory_change import PEOPLE, TODAY, firm_of, firms, matter, person, without

HOLLIS = (MatterRole("Client", "Hollis", is_client=True),)
BOARD = Group("board", "Board", ("ann", "ben"))
SECRET = matter(1, roles=HOLLIS, responsible="eve")
WALL = Wall("w", client="Hollis", people=("ann", "ben"))
WALLED = firm_of(SECRET, walls=(WALL,), groups=(BOARD,))
LISTED = firm_of(matter(1, restricted=True, allowed=("ann",)), groups=(BOARD,))


@given(firms(), firms(), firms())
def test_S3_without_its_opening_a_change_lets_in_nobody_who_was_kept_out(old: Firm, new: Firm, before: Firm) -> None:
    day_ago = Firm(*({**one, **two} for one, two in zip(_tables(old), _tables(before), strict=True)))
    opens = opening(old, new, TODAY, day_ago)
    kept = without_opening(old, new, opens)
    for one in kept.matters.values():
        for staff_id in PEOPLE:
            let_in = bool(may_access(kept, staff_id, one, TODAY))
            assert not let_in or may_access(new, staff_id, new.matters[one.id], TODAY)
            out = opens.walled.get(one.id, frozenset()) | opens.restricted.get(one.id, frozenset())
            assert not (let_in and staff_id in out)
    assert opening(old, kept, TODAY, day_ago).share == 0


def _tables(firm: Firm) -> list[Any]:
    return [firm.staff, firm.matters, firm.groups, firm.walls, firm.channels]


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


def step(old: Firm, said: Firm, limit: float = 0) -> Firm:
    """The firm in force after a source said this and nobody confirmed anything."""
    new = with_gone(old, said, TODAY)
    opens = opening(old, new, TODAY)
    return without_opening(old, new, opens) if opens.share > limit else new


@given(st.lists(firms(), min_size=2, max_size=4))
def test_S3_however_often_a_source_speaks_nobody_gets_in_whom_a_wall_kept_out(said: list[Firm]) -> None:
    out: set[tuple[str, str]] = set()
    now = Firm()
    for one in said:
        # Some say the same twice.
        now = step(step(now, one), one)
        let_in = {(m, p) for m in now.matters for p in PEOPLE if may_access(now, p, now.matters[m], TODAY)}
        assert not out & let_in
        for wall in now.walls.values():
            if wall.in_force(TODAY):
                out |= {
                    (m.id, p)
                    for m in now.walled_by(wall)
                    for p in now.staff
                    if now.names(wall.people, p) is (wall.kind is WallKind.EXCLUDE)
                }


def test_S3_a_held_wall_is_kept_beside_any_other_of_its_name() -> None:
    """Also where so little ends the second time that it would not wait by itself."""
    matters = [matter(number) for number in range(20)]
    walls = [Wall(f"w{number}", matter_id=f"m{number}", people=("ann", "ben", "cat")) for number in range(20)]
    shorter = [replace(wall, people=("cat",)) for wall in walls]
    own = Wall("kept-m1", matter_id="m1", people=("dan",))
    first = step(firm_of(*matters, walls=tuple(walls)), firm_of(*matters, walls=tuple(shorter)), 20)
    said = firm_of(*matters, walls=(replace(shorter[0], people=("dan",)), *shorter[1:], own))
    second = step(first, said, 20)
    for one in second.matters.values():
        assert not [each for each in ("ann", "ben") if may_access(second, each, one, TODAY)]
    assert not may_access(second, "dan", second.matters["m1"], TODAY)
    assert second.walls["kept-m1"] == own


@pytest.mark.parametrize(
    "away",
    [
        firm_of(),
        firm_of(replace(SECRET, status=MatterStatus.DELETED)),
        firm_of(replace(matter(2), number=SECRET.number)),
        without(firm_of(), "ann", "ben"),
        without(firm_of(SECRET), "ann", "ben"),
        replace(firm_of(SECRET), staff={each: person(each, former=each in {"ann", "ben"}) for each in PEOPLE}),
    ],
    ids=["no matter", "deleted", "its number another's", "nobody and no matter", "nobody", "who left"],
)
@pytest.mark.parametrize("before", [WALLED, LISTED], ids=["walled", "restricted"])
def test_S3_what_keeps_people_out_is_there_when_matter_and_people_come_back(before: Firm, away: Firm) -> None:
    open_again = firm_of(replace(SECRET, responsible=""))
    out = {each for each in PEOPLE if not may_access(before, each, before.matters["m1"], TODAY)}
    gone = step(before, away, 20)
    change = diff_firms(gone, with_gone(gone, open_again, TODAY), TODAY)
    assert change.needs_confirmation(20)
    assert out & gone.staff.keys() <= change.opens.people().keys()
    back = step(gone, open_again, 20)
    assert not [each for each in out if may_access(back, each, back.matters["m1"], TODAY)]
    assert len({one.number for one in gone.matters.values()}) == len(gone.matters)


def test_S3_that_a_matter_goes_waits_for_nobody_and_once_confirmed_its_wall_is_forgotten() -> None:
    gone = with_gone(WALLED, firm_of(matter(2)), TODAY)
    assert not opening(WALLED, gone, TODAY)
    assert gone.matters["m1"].status is MatterStatus.DELETED
    assert step(gone, firm_of(matter(2), matter(3)), 20).matters.keys() == {"m1", "m2", "m3"}
    # What is confirmed is what the source says.
    confirmed = with_gone(gone, firm_of(SECRET), TODAY)
    assert not confirmed.walls
    assert may_access(confirmed, "ann", confirmed.matters["m1"], TODAY)
