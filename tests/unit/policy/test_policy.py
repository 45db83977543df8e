"""The policy: walls, restrictions, roles and leavers, in every order."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.model import Firm, Group, Matter, MatterRole, MatterStatus, Staff, Wall, WallKind
from bridge.firm.policy import desired_participants, is_read_only, may_access, may_act, may_administer, may_be_in

TODAY = date(2026, 11, 23)
PEOPLE = [f"s{number}" for number in range(5)]
STAFF = {person: Staff(person, person, "Finch", f"{person}@firm.example", "Associate") for person in PEOPLE}
ids = st.sampled_from(PEOPLE)
some = st.lists(ids, unique=True).map(tuple)

walls = st.builds(
    Wall,
    id=st.just("w1"),
    kind=st.sampled_from(list(WallKind)),
    matter_id=st.just("m1"),
    people=some,
)
matters = st.builds(
    Matter,
    id=st.just("m1"),
    number=st.just("2026-0042"),
    title=st.just("Estate"),
    status=st.sampled_from(list(MatterStatus)),
    responsible=ids,
    assisting=some,
    restricted=st.booleans(),
    allowed=some,
)


def firm_of(matter: Matter, *walls: Wall, **changes: bool) -> Firm:
    staff = {name: replace(person, former=changes.get(name, False)) for name, person in STAFF.items()}
    return Firm(staff=staff, matters={matter.id: matter}, walls={wall.id: wall for wall in walls})


@given(matters, walls, ids)
def test_M3_a_wall_beats_every_grant(matter: Matter, wall: Wall, person: str) -> None:
    decision = may_access(firm_of(matter, wall), person, matter, TODAY)
    screened = (person in wall.people) is (wall.kind is WallKind.EXCLUDE)
    if screened:
        assert not decision
        assert decision.rule == "M3"


@given(matters, walls, ids)
def test_M3_a_wall_never_opens_what_was_closed(matter: Matter, wall: Wall, person: str) -> None:
    without = may_access(firm_of(matter), person, matter, TODAY)
    assert bool(may_access(firm_of(matter, wall), person, matter, TODAY)) <= bool(without)


@given(matters, ids, some)
def test_M1_more_people_on_the_list_never_close_anything(matter: Matter, person: str, more: tuple[str, ...]) -> None:
    before = may_access(firm_of(matter), person, matter, TODAY)
    wider = replace(matter, allowed=matter.allowed + more)
    assert bool(before) <= bool(may_access(firm_of(wider), person, wider, TODAY))


@given(matters, ids)
def test_F2_a_leaver_has_no_access_to_anything(matter: Matter, person: str) -> None:
    firm = firm_of(matter, **{person: True})
    assert not may_act(firm, person)
    assert may_access(firm, person, matter, TODAY).rule == "F2"


def test_F1_nobody_outside_the_directory_may_act() -> None:
    assert may_act(Firm(), "stranger").rule == "F1"
    assert not may_act(Firm(), "stranger")


def test_M1_roles_always_have_access_to_a_restricted_matter() -> None:
    matter = Matter("m1", "2026-0042", "Estate", responsible="s0", restricted=True)
    assert may_access(firm_of(matter), "s0", matter, TODAY)
    assert not may_access(firm_of(matter), "s1", matter, TODAY)


def test_M3_a_wall_around_a_client_covers_all_matters_of_the_client() -> None:
    matter = Matter("m1", "2026-0042", "Estate", roles=(MatterRole("Client", "Orla Quill", is_client=True),))
    wall = Wall("w1", client="orla quill", people=("s1",))
    assert not may_access(firm_of(matter, wall), "s1", matter, TODAY)
    assert may_access(firm_of(matter, wall), "s2", matter, TODAY)


def test_M3_a_wall_stands_from_its_first_to_its_last_day() -> None:
    matter = Matter("m1", "2026-0042", "Estate")
    wall = Wall("w1", matter_id="m1", people=("s1",), since=date(2026, 11, 23), expires=date(2026, 11, 24))
    seen = [bool(may_access(firm_of(matter, wall), "s1", matter, date(2026, 11, day))) for day in (22, 23, 24, 25)]
    assert seen == [True, False, False, True]


def test_walls_may_name_groups_within_groups_even_in_a_circle() -> None:
    groups = {"g1": Group("g1", "One", ("g2", "s1")), "g2": Group("g2", "Two", ("g1", "s2"))}
    assert Firm(staff=STAFF, groups=groups).people(("g1",)) == {"s1", "s2"}


def test_C4_everyone_active_is_in_the_firm_wide_channel() -> None:
    firm = firm_of(Matter("m1", "1", "t"), s3=True)
    channel = Conversation("c", ConversationKind.CHANNEL, everyone=True)
    assert desired_participants(firm, channel, TODAY) == set(PEOPLE) - {"s3"}


def test_D2_nobody_is_added_to_a_direct_conversation() -> None:
    direct = Conversation("d", ConversationKind.DIRECT, participants=frozenset({"s0", "s1"}))
    assert may_be_in(firm_of(Matter("m1", "1", "t")), "s2", direct, TODAY).rule == "D2"


def test_M3_a_conversation_whose_matter_is_gone_is_closed_to_all() -> None:
    orphan = Conversation("c", ConversationKind.MATTER, matter_id="gone", participants=frozenset(PEOPLE))
    firm = Firm(staff=STAFF)
    assert desired_participants(firm, orphan, TODAY) == frozenset()
    assert is_read_only(firm, orphan)


def test_M4_a_closed_matter_is_read_only_and_an_open_one_is_not() -> None:
    talk = Conversation("c", ConversationKind.MATTER, matter_id="m1", participants=frozenset(PEOPLE))
    for status, read_only in ((MatterStatus.OPEN, False), (MatterStatus.PENDING, False), (MatterStatus.CLOSED, True)):
        assert is_read_only(firm_of(Matter("m1", "1", "t", status)), talk) is read_only


def test_only_the_named_roles_administer() -> None:
    firm = Firm(staff={**STAFF, "it": Staff("it", "Ines", "Marsh", "i@firm.example", "it")})
    assert may_administer(firm, "it", frozenset({"IT"}))
    assert not may_administer(firm, "s0", frozenset({"IT"}))
