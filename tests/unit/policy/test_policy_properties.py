"""What holds of every decision, whatever happened to the firm before and in whatever order it happened.

The firm is built by random sequences of events: somebody is put on a list, given a role, walled off, leaves, returns.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from bridge.firm import policy
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.facts import Facts, records_of, with_changes
from bridge.firm.model import Firm, Group, Matter, MatterRole, MatterStatus, Staff, Wall, WallKind
from bridge.firm.policy import Decision
from bridge.firm.room_keys import KEEPER_SPACE, STAFF_SPACE, matter_space_key

TODAY = date(2026, 11, 23)
YESTERDAY, TOMORROW = date(2026, 11, 22), date(2026, 11, 24)
PEOPLE = ("a", "b", "c", "d")
STRANGER = "nobody"
ANYBODY = (*PEOPLE, STRANGER)
GROUP = "g"
CLIENT = "Orla Quill"
ROLES = frozenset({"Owner"})
RULES = frozenset({"F1", "F2", "F4", "D2", "M1", "M3", "O3"})
"""Those that say who may act, know of a matter, or be somewhere."""

Event = Callable[[Firm], Firm]


def the_matter(firm: Firm) -> Matter:
    return firm.matters["m"]


@dataclass(frozen=True)
class ToMatter:
    """Something changes in the matter."""

    change: str
    who: str = ""

    def __call__(self, firm: Firm) -> Firm:
        before = the_matter(firm)
        match self.change:
            case "grant":
                after = replace(before, allowed=(*before.allowed, self.who))
            case "revoke":
                after = replace(before, allowed=tuple(who for who in before.allowed if who != self.who))
            case "role":
                after = replace(before, assisting=(*before.assisting, self.who))
            case "lead":
                after = replace(before, responsible=self.who)
            case "restrict" | "open up":
                after = replace(before, restricted=self.change == "restrict")
            case _:
                after = replace(before, status=MatterStatus(self.change))
        return replace(firm, matters={"m": after})


@dataclass(frozen=True)
class ToPerson:
    """Somebody leaves, returns, is disabled, gets a role in the firm, or joins the group."""

    change: str
    who: str

    def __call__(self, firm: Firm) -> Firm:
        person = firm.staff[self.who]
        match self.change:
            case "leave" | "return":
                person = replace(person, former=self.change == "leave")
            case "disable" | "enable":
                person = replace(person, enabled=self.change == "enable")
            case "own":
                person = replace(person, role="owner")
            case "join group":
                group = firm.groups[GROUP]
                return replace(firm, groups={GROUP: replace(group, members=(*group.members, self.who))})
        return replace(firm, staff={**firm.staff, self.who: person})


@dataclass(frozen=True)
class SetWall:
    """A wall is set, or another of the same id takes its place."""

    wall: Wall

    def __call__(self, firm: Firm) -> Firm:
        return replace(firm, walls={**firm.walls, self.wall.id: self.wall})


@dataclass(frozen=True)
class Lift:
    """A wall is lifted."""

    wall_id: str

    def __call__(self, firm: Firm) -> Firm:
        return replace(firm, walls={wall_id: wall for wall_id, wall in firm.walls.items() if wall_id != self.wall_id})


people = st.sampled_from(PEOPLE)
principals = st.sampled_from([*PEOPLE, GROUP])
walls = st.builds(
    Wall,
    id=st.sampled_from(["w1", "w2"]),
    kind=st.sampled_from(WallKind),
    matter_id=st.sampled_from(["m", "another"]),
    people=st.lists(principals, unique=True).map(tuple),
    since=st.sampled_from([None, YESTERDAY, TODAY, TOMORROW]),
    expires=st.sampled_from([None, YESTERDAY, TODAY, TOMORROW]),
) | st.builds(Wall, id=st.just("w3"), client=st.sampled_from([CLIENT.upper(), "Another"]), people=st.tuples(people))
grants: st.SearchStrategy[Event] = st.one_of(
    st.builds(ToMatter, st.sampled_from(["grant", "role"]), principals),
    st.builds(ToMatter, st.just("open up")),
    st.builds(ToPerson, st.sampled_from(["own", "join group"]), people),
)
events: st.SearchStrategy[Event] = st.one_of(
    grants,
    st.builds(ToMatter, st.just("revoke"), principals),
    # A new person responsible takes the role from the one before.
    st.builds(ToMatter, st.just("lead"), people),
    st.builds(ToMatter, st.sampled_from(["restrict", *MatterStatus])),
    st.builds(ToPerson, st.sampled_from(["leave", "return", "disable", "enable"]), people),
    st.builds(SetWall, walls),
    st.builds(Lift, st.sampled_from(["w1", "w2", "w3"])),
)
histories = st.lists(events, max_size=12)
conversations = st.builds(
    Conversation,
    id=st.just("talk"),
    kind=st.sampled_from(ConversationKind),
    matter_id=st.sampled_from(["m", "gone"]),
    everyone=st.booleans(),
    archived=st.booleans(),
    participants=st.frozensets(st.sampled_from(ANYBODY)),
)


def firm_after(history: Iterable[Event]) -> Firm:
    """The firm to which all this happened."""
    firm = Firm(
        staff={who: Staff(who, who.upper(), "Finch", f"{who}@firm.example", "Associate") for who in PEOPLE},
        matters={"m": Matter("m", "2026-0042", "Estate", roles=(MatterRole("Client", CLIENT, is_client=True),))},
        groups={GROUP: Group(GROUP, "Litigation")},
    )
    for event in history:
        firm = event(firm)
    return firm


def decisions(firm: Firm, who: str, talk: Conversation) -> dict[str, Decision]:
    """Everything that the policy decides about one person, by what was asked."""
    spaces = {key: policy.may_be_in_space(firm, who, key, TODAY) for key in (STAFF_SPACE, KEEPER_SPACE)}
    return {
        "act": policy.may_act(firm, who),
        "administer": policy.may_administer(firm, who, ROLES),
        "access": policy.may_access(firm, who, the_matter(firm), TODAY),
        "conversation": policy.may_be_in(firm, who, talk, TODAY),
        "matter's space": policy.may_be_in_space(firm, who, matter_space_key("m"), TODAY),
        "no matter's space": policy.may_be_in_space(firm, who, matter_space_key("gone"), TODAY),
        **spaces,
    }


ABOUT_THE_MATTER = ("access", "conversation", "matter's space")
matter_talks = conversations.map(lambda talk: replace(talk, kind=ConversationKind.MATTER, matter_id="m"))


def test_every_function_that_decides_is_asked_here() -> None:
    deciding = {
        name
        for name, function in inspect.getmembers(policy, inspect.isfunction)
        if function.__module__ == policy.__name__ and inspect.signature(function).return_annotation == "Decision"
    }
    assert deciding == {
        "may_act",
        "may_administer",
        "may_access",
        "may_be_in",
        "may_be_in_space",
        "_may_access_by_id",
        "_open_to_systems",
    }


@given(histories, histories, walls, people, matter_talks)
def test_M3_a_wall_beats_every_grant_whatever_came_before_and_comes_after_it(
    before: list[Event], after: list[Event], wall: Wall, who: str, talk: Conversation
) -> None:
    standing = replace(wall, id="w9", matter_id="m", client="", since=None, expires=None)
    firm = firm_after([*before, SetWall(standing), *after])
    screened = (who in firm.people(standing.people)) is (standing.kind is WallKind.EXCLUDE)
    if screened:
        found = decisions(firm, who, talk)
        assert not any(found[asked] for asked in ABOUT_THE_MATTER)
        assert {found[asked].rule for asked in ABOUT_THE_MATTER} <= {"M3", "F2"}
        assert who not in policy.desired_participants(firm, talk, TODAY)


@given(st.lists(grants, max_size=6).flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))), histories)
def test_M1_grants_count_the_same_in_every_order(orders: tuple[list[Event], list[Event]], history: list[Event]) -> None:
    one, other = (firm_after([*history, *order]) for order in orders)
    for who in ANYBODY:
        first, second = (policy.may_access(firm, who, the_matter(firm), TODAY) for firm in (one, other))
        assert first == second


@given(histories, conversations)
def test_F1_F2_nobody_outside_active_staff_is_ever_allowed_anything(history: list[Event], talk: Conversation) -> None:
    firm = firm_after(history)
    for who in set(ANYBODY) - firm.active_staff:
        found = decisions(firm, who, talk)
        assert not any(found.values())
        assert {decision.rule for decision in found.values()} == {"F2" if who in firm.staff else "F1"}
    assert policy.desired_participants(firm, talk, TODAY) <= firm.active_staff


@given(histories, conversations, grants)
def test_M1_a_grant_never_takes_anything_from_anybody_unless_a_group_is_walled(
    history: list[Event], talk: Conversation, grant: Event
) -> None:
    before, after = firm_after(history), firm_after([*history, grant])
    joined_a_group = isinstance(grant, ToPerson) and grant.change == "join group"
    if joined_a_group and any(GROUP in wall.people for wall in before.walls.values()):
        return
    for who in ANYBODY:
        now = decisions(after, who, talk)
        assert all(now[asked] for asked, decision in decisions(before, who, talk).items() if decision)


@given(histories, conversations, walls)
def test_M3_one_more_wall_never_gives_anything_to_anybody(history: list[Event], talk: Conversation, wall: Wall) -> None:
    before, after = firm_after(history), firm_after([*history, SetWall(replace(wall, id="w9"))])
    for who in ANYBODY:
        was = decisions(before, who, talk)
        assert all(was[asked] for asked, decision in decisions(after, who, talk).items() if decision)


@given(histories, people, conversations)
def test_F2_who_comes_back_may_do_what_they_might_before(history: list[Event], who: str, talk: Conversation) -> None:
    there = firm_after([*history, ToPerson("return", who)])
    back = firm_after([*history, ToPerson("leave", who), ToPerson("return", who)])
    assert decisions(back, who, talk) == decisions(there, who, talk)


@given(histories, walls, conversations)
def test_M3_a_lifted_wall_leaves_nothing_behind(history: list[Event], wall: Wall, talk: Conversation) -> None:
    lifted = firm_after([SetWall(replace(wall, id="w9")), *history, Lift("w9")])
    for who in ANYBODY:
        assert decisions(lifted, who, talk) == decisions(firm_after(history), who, talk)


@given(histories, conversations)
def test_every_decision_names_its_rule_and_gives_a_sentence(history: list[Event], talk: Conversation) -> None:
    firm = firm_after(history)
    for who in ANYBODY:
        for decision in decisions(firm, who, talk).values():
            assert decision.rule in RULES
            assert re.fullmatch(r"\S.*\.|.*\(w\d\)\.", decision.reason)


@given(histories, conversations)
def test_the_guard_decides_the_same_whatever_happened(history: list[Event], talk: Conversation) -> None:
    firm = firm_after(history)
    written = json.loads(json.dumps(records_of(Facts(firm, conversations={talk.id: talk}))))
    told = with_changes(Facts(), written, {})
    for who in ANYBODY:
        here, there = decisions(firm, who, talk), decisions(told.firm, who, told.conversations[talk.id])
        # Of roles in the firm and of what a sentence names the guard is told nothing.
        for asked in here.keys() - {"administer"}:
            assert (here[asked].allowed, here[asked].rule) == (there[asked].allowed, there[asked].rule)
