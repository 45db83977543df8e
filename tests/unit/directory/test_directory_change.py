"""What a change takes away, when it waits, and what an admin is told about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from bridge.directory.change import diff_firms
from bridge.directory.records import firm_from_records
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.model import Firm, Group, Matter, MatterRole, Matters, MatterStatus, Staff, Wall, WallKind
from bridge.firm.policy import (
    accessible,
    administrators,
    desired_participants,
    may_access,
    may_administer,
    may_be_in,
    with_access,
)
from tests.unit.directory.test_directory_records import records_of

TODAY = date(2026, 11, 23)
PEOPLE = ("ann", "ben", "cat", "dan", "eve")
people = st.lists(st.sampled_from((*PEOPLE, "team", "board")), unique=True, max_size=4).map(tuple)
days = st.none() | st.sampled_from([date(2026, 11, 22), TODAY, date(2026, 11, 24)])


def person(staff_id: str, *, former: bool = False, enabled: bool = True) -> Staff:
    return Staff(staff_id, staff_id.title(), "Finch", f"{staff_id}@firm.example", former=former, enabled=enabled)


def firm_of(*matters: Matter, walls: tuple[Wall, ...] = (), groups: tuple[Group, ...] = ()) -> Firm:
    return Firm(
        staff={staff_id: person(staff_id) for staff_id in PEOPLE},
        matters={matter.id: matter for matter in matters},
        walls={wall.id: wall for wall in walls},
        groups={group.id: group for group in groups},
    )


def without(firm: Firm, *staff_ids: str) -> Firm:
    return replace(firm, staff={key: value for key, value in firm.staff.items() if key not in staff_ids})


def matter(number: int, **facts: object) -> Matter:
    return replace(Matter(f"m{number}", f"2026-{number:04}", "Estate"), **facts)  # type: ignore[arg-type]


@st.composite
def firms(draw: st.DrawFn) -> Firm:
    def a_matter(number: int) -> Matter:
        client = draw(st.sampled_from([(), (MatterRole("Client", "Hollis", is_client=True),)]))
        return Matter(
            f"m{number}",
            str(number),
            "Estate",
            status=draw(st.sampled_from(list(MatterStatus))),
            roles=client,
            responsible=draw(st.sampled_from(("", *PEOPLE))),
            restricted=draw(st.booleans()),
            allowed=draw(people),
        )

    def a_wall(number: int) -> Wall:
        client = draw(st.booleans())
        return Wall(
            f"w{number}",
            kind=draw(st.sampled_from(list(WallKind))),
            matter_id="" if client else draw(st.sampled_from(["m0", "m1", "m2"])),
            client="hollis" if client else "",
            people=draw(people),
            since=draw(days),
            expires=draw(days),
        )

    staff = {
        each: person(each, former=draw(st.booleans()), enabled=draw(st.booleans()))
        for each in draw(st.lists(st.sampled_from(PEOPLE), unique=True))
    }
    groups = [Group(name, name, draw(people), deleted=draw(st.booleans())) for name in ("team", "board")]
    matters = [a_matter(number) for number in range(draw(st.integers(0, 3)))]
    walls = [a_wall(number) for number in range(draw(st.integers(0, 3)))]
    return replace(
        firm_of(*matters, walls=tuple(walls), groups=tuple(groups)),
        staff=staff,
    )


@given(firms())
def test_M3_with_access_is_what_the_policy_says(firm: Firm) -> None:
    for each in firm.matters.values():
        allowed = {staff_id for staff_id in PEOPLE if may_access(firm, staff_id, each, TODAY)}
        assert with_access(firm, each, TODAY) == allowed
    for staff_id in PEOPLE:
        found = [one for one in firm.listed if may_access(firm, staff_id, one, TODAY)]
        assert accessible(firm, staff_id, firm.listed, TODAY) == found


@given(
    firms(), st.sampled_from(list(ConversationKind)), st.sampled_from(["m0", "gone"]), st.sets(st.sampled_from(PEOPLE))
)
def test_M3_who_should_be_in_a_conversation_is_what_the_policy_says_of_each(
    firm: Firm, kind: ConversationKind, matter_id: str, picked: set[str]
) -> None:
    talk = Conversation("c", kind, matter_id=matter_id, participants=frozenset(picked))
    allowed = {staff_id for staff_id in picked if may_be_in(firm, staff_id, talk, TODAY)}
    assert desired_participants(firm, talk, TODAY) == allowed


@given(firms(), st.frozensets(st.sampled_from(["Owner", "clerk", "IT"])), st.sampled_from(["owner", "Clerk", ""]))
def test_administrators_are_whom_the_policy_lets_administer(firm: Firm, roles: frozenset[str], role: str) -> None:
    firm = replace(firm, staff={one: replace(person, role=role) for one, person in firm.staff.items()})
    allowed = {staff_id for staff_id in PEOPLE if may_administer(firm, staff_id, roles)}
    assert administrators(firm, roles) == allowed


def test_what_is_found_in_matters_is_found_once_and_known_to_a_firm_with_other_walls() -> None:
    firm, asked = firm_of(matter(1), matter(2)), []

    def find(matters: Matters) -> int:
        asked.append(matters)
        return len(matters)

    walled = replace(firm, walls={"w1": Wall("w1", matter_id="m1")})
    other = replace(firm, matters={"m1": firm.matters["m1"]})
    assert [one.found_in_matters(find) for one in (firm, walled, firm, other)] == [2, 2, 2, 1]
    assert len(asked) == 2


@given(firms(), firms())
def test_M3_every_access_that_ends_is_listed(old: Firm, new: Firm) -> None:
    def pairs(firm: Firm) -> set[tuple[str, str]]:
        return {
            (staff_id, each.id)
            for each in firm.matters.values()
            for staff_id in PEOPLE
            if may_access(firm, staff_id, each, TODAY)
        }

    change = diff_firms(old, new, TODAY)
    assert change.lost_access == Counter(staff_id for staff_id, _ in pairs(old) - pairs(new))
    assert change.old_access == (len(pairs(old)) if change.lost_access else 0)
    assert set(change.leavers) == old.active_staff - new.active_staff


@given(firms(), firms())
def test_applying_the_listed_records_gives_the_new_firm(old: Firm, new: Firm) -> None:
    change = diff_firms(old, new, TODAY)
    new_records = {record[:2]: record for record in records_of(new)}
    records = {record[:2]: record for record in records_of(old)}
    for kind, differs in change.kinds.items():
        for record_id in differs.removed:
            del records[kind, record_id]
        for record_id in (*differs.added, *differs.changed):
            records[kind, record_id] = new_records[kind, record_id]
    assert firm_from_records(records.values()) == new
    assert change.empty is (old == new)


@given(firms(), firms())
def test_the_fingerprint_is_the_new_contents(old: Firm, new: Firm) -> None:
    backwards = replace(new, staff=dict(reversed(list(new.staff.items()))), walls=dict(sorted(new.walls.items())))
    assert diff_firms(old, new, TODAY).fingerprint() == diff_firms(new, backwards, TODAY).fingerprint()
    same = diff_firms(new, old, TODAY).fingerprint() == diff_firms(old, new, TODAY).fingerprint()
    assert same is (old == new)


def test_one_of_five_leaving_is_a_fifth_and_not_more() -> None:
    old = firm_of()
    one, two = diff_firms(old, without(old, "eve"), TODAY), diff_firms(old, without(old, "dan", "eve"), TODAY)
    assert (one.staff_share, two.staff_share) == (20.0, 40.0)
    assert not one.needs_confirmation(20)
    assert one.needs_confirmation(19)
    assert two.needs_confirmation(20)
    assert not two.needs_confirmation(100)


def test_F2_becoming_former_or_disabled_counts_as_leaving() -> None:
    old = firm_of()
    gone = {**old.staff, "ann": person("ann", former=True), "ben": person("ben", enabled=False)}
    assert diff_firms(old, replace(old, staff=gone), TODAY).leavers == ("ann", "ben")


def test_M3_restricting_a_matter_ends_accesses() -> None:
    old = firm_of(matter(1), matter(2))
    new = firm_of(matter(1, restricted=True, responsible="ann", allowed=("ben",)), matter(2))
    change = diff_firms(old, new, TODAY)
    assert change.lost_access == {"cat": 1, "dan": 1, "eve": 1}
    assert change.access_share == 30.0
    assert change.needs_confirmation(20)


def test_M3_a_wall_and_a_group_change_end_accesses_of_matters_that_stayed_the_same() -> None:
    group = Group("board", "Board", ("ann", "ben"))
    kept = matter(1, restricted=True, allowed=("board",))
    old = firm_of(kept, groups=(group,))
    smaller = firm_of(kept, groups=(replace(group, members=("ann",)),))
    walled = firm_of(kept, groups=(group,), walls=(Wall("w", matter_id="m1", people=("ann",)),))
    assert diff_firms(old, smaller, TODAY).lost_access == {"ben": 1}
    assert diff_firms(old, walled, TODAY).lost_access == {"ann": 1}
    assert diff_firms(walled, old, TODAY).lost_access == {}


def test_closing_a_matter_takes_nothing_and_deleting_it_does() -> None:
    old = firm_of(matter(1))
    assert not diff_firms(old, firm_of(matter(1, status=MatterStatus.CLOSED)), TODAY).lost_access
    assert len(diff_firms(old, firm_of(matter(1, status=MatterStatus.DELETED)), TODAY).lost_access) == 5
    assert len(diff_firms(old, firm_of(), TODAY).lost_access) == 5


def test_nothing_is_lost_of_an_empty_firm() -> None:
    change = diff_firms(Firm(), firm_of(matter(1)), TODAY)
    assert (change.staff_share, change.access_share) == (0.0, 0.0)
    assert not change.needs_confirmation(0)


def test_the_summary_names_people_and_numbers() -> None:
    old = firm_of(matter(1), matter(2))
    summary = diff_firms(old, without(firm_of(matter(1, title="Trust")), "eve"), TODAY).summary()
    assert summary.splitlines() == [
        "Staff: 1 removed (Eve Finch).",
        "Matter: 1 changed (2026-0001), 1 removed (2026-0002).",
        "No longer active staff: 1 of 5 (20 %): Eve Finch.",
        "Accesses to matters that end: 6 of 10 (60 %):"
        " Eve Finch 2, Ann Finch 1, Ben Finch 1, Cat Finch 1, Dan Finch 1.",
    ]
    assert diff_firms(old, old, TODAY).summary() == "Nothing changes."


def test_M3_the_summary_has_nothing_of_what_the_reader_must_not_see_not_even_in_numbers() -> None:
    old = firm_of(matter(1), matter(2), matter(3), walls=(Wall("w-estate", matter_id="m1", people=("ann",)),))
    new = firm_of(matter(1, title="Trust", restricted=True), matter(2, title="Trust"))
    change = diff_firms(old, new, TODAY)
    assert change.lines(lambda kind, record_id: record_id == "m2") == ("Matter: 1 changed (2026-0002).",)
    assert change.lines(lambda kind, record_id: record_id == "m3") == (
        "Matter: 1 removed (2026-0003).",
        "Accesses to matters that end: 5: Ann Finch 1, Ben Finch 1, Cat Finch 1, Dan Finch 1, Eve Finch 1.",
    )
    assert change.lines(lambda kind, record_id: False) == ("Nothing changes that you can see.",)
    assert diff_firms(old, old, TODAY).lines(lambda kind, record_id: False) == ("Nothing changes.",)
