"""What a system that acts as itself may know of any firm, and that it is nobody elsewhere (A1, M3, F1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.model import Firm, Matter, MatterStatus, Wall
from bridge.firm.policy import accessible, desired_participants, may_access, may_act, may_administer, may_be_in
from bridge.firm.systems import for_system, is_system_name, system_called, system_id
from tests.unit.policy.test_policy import STAFF, TODAY, matters, walls

ITSELF = system_id("intake")


@given(matters, st.one_of(st.none(), walls))
def test_A1_M3_a_system_knows_a_matter_that_is_open_to_all_while_no_wall_stands_around_it(
    matter: Matter, wall: Wall | None
) -> None:
    firm = Firm(STAFF, {matter.id: matter}, walls={} if wall is None else {wall.id: wall})
    theirs = for_system(firm, ITSELF)
    open_to_all = not matter.restricted and wall is None and matter.status is not MatterStatus.DELETED
    talk = Conversation("c", ConversationKind.MATTER, "General", matter_id=matter.id, participants=frozenset(STAFF))
    assert bool(may_access(theirs, ITSELF, matter, TODAY)) is open_to_all
    assert bool(accessible(theirs, ITSELF, [matter], TODAY)) is open_to_all
    assert bool(may_be_in(theirs, ITSELF, talk, TODAY)) is open_to_all
    # For everybody else, and in the firm as it is for others, nothing is another way.
    for person in STAFF:
        assert may_access(theirs, person, matter, TODAY) == may_access(firm, person, matter, TODAY)
    assert desired_participants(theirs, talk, TODAY) == desired_participants(firm, talk, TODAY)
    for nobody in (firm, for_system(firm, system_id("other"))):
        assert not may_act(nobody, ITSELF)
        assert not may_access(nobody, ITSELF, matter, TODAY)


@pytest.mark.parametrize("kind", list(ConversationKind))
def test_A1_D4_a_system_may_enter_no_conversation_that_belongs_to_some(kind: ConversationKind) -> None:
    firm = for_system(Firm(STAFF), ITSELF)
    talk = Conversation("c", kind, "", participants=frozenset(STAFF), everyone=kind is ConversationKind.CHANNEL)
    assert bool(may_be_in(firm, ITSELF, talk, TODAY)) is (kind is ConversationKind.CHANNEL)
    assert ITSELF not in desired_participants(firm, talk, TODAY)
    assert not may_administer(firm, ITSELF, frozenset({"", "Associate"}))


def test_A1_systems_are_called_so_that_nobody_takes_one_for_a_person() -> None:
    assert all(map(is_system_name, ("intake", "dms-2", "a" * 40)))
    assert not any(map(is_system_name, ("", "-x", "Intake", "a b", "a" * 41, "intake\n", "x:y")))
    assert system_called(ITSELF) == "the system intake"
    assert [system_called(one) for one in ("ruth", "system:", "system:A", "@system:x")] == ["", "", "", ""]
