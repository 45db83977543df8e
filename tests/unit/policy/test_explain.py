"""What is said of a decision is the decision that the policy makes, with the rule that decided (O2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.explain import explain_access, explain_place, way_to
from bridge.firm.model import Firm, Group, Matter, MatterRole, MatterStatus, Staff, Wall, WallKind
from bridge.firm.policy import may_access, may_be_in

TODAY = date(2026, 11, 23)
PEOPLE = [f"s{number}" for number in range(4)]
GROUPS = [f"g{number}" for number in range(3)]
ids = st.sampled_from([*PEOPLE, "nobody"])
principals = st.lists(st.sampled_from([*PEOPLE, *GROUPS, "nobody"]), unique=True, max_size=4).map(tuple)
days = st.none() | st.integers(-2, 2).map(lambda number: TODAY + timedelta(days=number))

walls = st.builds(
    Wall,
    id=st.sampled_from(["w1", "w2", "w3"]),
    kind=st.sampled_from(list(WallKind)),
    matter_id=st.sampled_from(["m1", "other"]),
    people=principals,
    memo=st.sampled_from(["", "A cousin."]),
    set_by=st.sampled_from(["", "s0", "gone"]),
    since=days,
    expires=days,
) | st.builds(Wall, id=st.just("w4"), client=st.sampled_from(["Quill", "QUILL", "Else"]), people=principals)
matters = st.builds(
    Matter,
    id=st.just("m1"),
    number=st.just("2026-0042"),
    title=st.just("Estate"),
    status=st.sampled_from(list(MatterStatus)),
    roles=st.sampled_from([(), (MatterRole("Client", "Quill", is_client=True),)]),
    responsible=ids,
    assisting=st.lists(ids, unique=True, max_size=2).map(tuple),
    restricted=st.booleans(),
    allowed=principals,
)


@st.composite
def firms(draw: st.DrawFn) -> Firm:
    staff = {
        name: Staff(
            name, name, "Finch", f"{name}@firm.example", former=draw(st.booleans()), enabled=draw(st.booleans())
        )
        for name in PEOPLE
    }
    groups = {name: Group(name, name.upper(), draw(principals), deleted=draw(st.booleans())) for name in GROUPS}
    matter = draw(matters)
    set_walls = draw(st.lists(walls, max_size=3))
    return Firm(staff, {"m1": matter}, groups, {wall.id: wall for wall in set_walls})


@given(firms(), ids)
def test_O2_the_deciding_consideration_is_the_decision_of_the_policy(firm: Firm, person: str) -> None:
    matter = firm.matters["m1"]
    decided, explained = may_access(firm, person, matter, TODAY), explain_access(firm, person, matter, TODAY)
    assert (explained.decision.allowed, explained.decision.rule) == (decided.allowed, decided.rule)
    assert explained.deciding not in explained.others
    assert len(explained.others) == len(explained.considered) - 1


@given(firms(), ids)
def test_O2_every_wall_around_the_matter_is_named(firm: Firm, person: str) -> None:
    matter = firm.matters["m1"]
    said = " ".join(one.text for one in explain_access(firm, person, matter, TODAY).considered)
    assert all(f"({wall.id}" in said for wall in firm.walls_around(matter))


@given(firms(), ids, st.sampled_from(list(ConversationKind)), st.sampled_from(["m1", "gone"]), st.sets(ids))
def test_O2_of_every_kind_of_conversation(
    firm: Firm, person: str, kind: ConversationKind, matter_id: str, people: set[str]
) -> None:
    conversation = Conversation("c", kind, matter_id=matter_id, participants=frozenset(people))
    decided = may_be_in(firm, person, conversation, TODAY)
    explained = explain_place(firm, person, conversation, TODAY).decision
    assert (explained.allowed, explained.rule) == (decided.allowed, decided.rule)


@given(firms(), principals, ids)
def test_a_way_is_found_to_exactly_those_whom_a_list_names(
    firm: Firm, principals: tuple[str, ...], person: str
) -> None:
    assert (way_to(firm, principals, person) is not None) == (person in firm.people(principals))


def test_O2_a_reason_has_the_wall_its_memo_and_the_group() -> None:
    staff = {name: Staff(name, name.upper(), "Finch", f"{name}@firm.example") for name in PEOPLE}
    groups = {"g1": Group("g1", "Juniors", ("g2",)), "g2": Group("g2", "Trainees", ("s1",))}
    wall = Wall("w1", matter_id="m1", people=("g1",), memo="A cousin.", set_by="s0", since=date(2026, 1, 2))
    firm = Firm(staff, {"m1": Matter("m1", "2026-0042", "Estate")}, groups, {"w1": wall})
    explained = explain_access(firm, "s1", firm.matters["m1"], TODAY)
    assert explained.decision.reason == (
        "There is a wall around matter 2026-0042 (w1, set by S0 Finch, since 2026-01-02). Its memo: A cousin."
        " This person is named in it, through the group Juniors, in it Trainees."
    )
    assert "The matter is open to all active staff." in [one.text for one in explained.others]
    later = replace(wall, since=TODAY + timedelta(days=1))
    open_now = explain_access(replace(firm, walls={"w1": later}), "s1", firm.matters["m1"], TODAY)
    assert open_now.decision.allowed
    assert "begins on 2026-11-24" in open_now.others[1].text
