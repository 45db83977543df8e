"""What the guard lets through, for every change, every room and every state of the firm."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.facts import Facts
from bridge.firm.model import Firm, Matter, MatterStatus, Staff, Wall, WallKind
from bridge.firm.policy import may_access
from bridge.firm.room_keys import CHECK, KEEPER_SPACE, SPACE, STAFF_SPACE, matter_space_key
from bridge.guard.gate import (
    BOT_ONLY,
    GATED,
    NEVER,
    NO_KNOCKING,
    NO_POLICY,
    NOT_ADDED,
    NOT_ADDED_TO_DIRECT,
    NOT_INVITED,
    Change,
    Denial,
    Gate,
    Mark,
)
from bridge.guard.requests import FILES_KEPT, KEPT_ON_HOLD, Deleting, deletion_refusal

BOT, CHECKER = "@bot:firm.example", "@_check:firm.example"
GATE = Gate(BOT, CHECKER)
TODAY = date(2026, 11, 23)
LOCALPARTS = ["ann", "ben", "cleo", "eve", "mallory"]
MARKS = [
    Mark("matter", "talk"),
    Mark("channel", "court"),
    Mark("direct", "pair"),
    Mark("bot", "chat"),
    Mark(SPACE, STAFF_SPACE),
    Mark(SPACE, KEEPER_SPACE),
    Mark(SPACE, matter_space_key("m")),
    Mark(SPACE, "talk"),
    Mark("channel", "talk"),
    Mark("matter", "unknown"),
    Mark("", ""),
]
users = st.sampled_from([*(f"@{name}:firm.example" for name in LOCALPARTS), "@ann:elsewhere.example", "ann", ""])
walls = st.builds(
    Wall, st.just("w"), st.sampled_from(WallKind), st.just("m"), people=st.lists(st.sampled_from("abce")).map(tuple)
)


def facts_with(*walls: Wall, **matter: Any) -> Facts:
    """Ann, Ben and Cleo are active, Eve has left, Mallory has an account and is nobody of the firm's."""
    staff = {
        who: Staff(who, name, "Moor", "", former=name == "eve")
        for who, name in zip("abce", LOCALPARTS[:4], strict=True)
    }
    conversations = [
        Conversation("talk", ConversationKind.MATTER, matter_id="m"),
        Conversation("court", ConversationKind.CHANNEL),
        Conversation("pair", ConversationKind.DIRECT, participants=frozenset("abe")),
        Conversation("chat", ConversationKind.BOT, participants=frozenset("a")),
    ]
    return Facts(
        Firm(staff, {"m": Matter("m", "", "", **matter)}, walls={wall.id: wall for wall in walls}),
        {name: who for who, name in zip("abce", LOCALPARTS[:4], strict=True)},
        {each.id: each for each in conversations},
    )


FACTS = facts_with()


def entering(user_id: str, mark: Mark | None, facts: Facts | None = FACTS, by: str = BOT, how: str = "invite") -> Any:
    return GATE.refusal(Change("m.room.member", by, user_id, how), mark, facts, TODAY)


@given(users, st.sampled_from(MARKS), users | st.just(BOT), st.sampled_from(["join", "invite"]))
def test_F1_nobody_outside_active_staff_comes_in(user_id: str, mark: Mark, by: str, how: str) -> None:
    refusal = entering(user_id, mark, by=by, how=how)
    active = user_id in {f"@{name}:firm.example" for name in LOCALPARTS[:3]}
    assert active or refusal is not None
    if refusal is not None:
        # One sentence for each kind of room, whatever the person is.
        added = NOT_ADDED_TO_DIRECT if mark.kind == "direct" else NOT_ADDED
        assert refusal.sentence == (NOT_INVITED if by == user_id else added)


@given(walls, st.booleans(), st.lists(st.sampled_from("abc")).map(tuple), st.sampled_from(LOCALPARTS[:4]))
def test_M3_a_wall_beats_every_grant(wall: Wall, restricted: bool, granted: tuple[str, ...], name: str) -> None:
    facts = facts_with(wall, restricted=restricted, allowed=granted, assisting=granted)
    staff_id = facts.accounts[name]
    for mark in (MARKS[0], Mark(SPACE, matter_space_key("m"))):
        refusal = entering(f"@{name}:firm.example", mark, facts)
        assert (refusal is None) is bool(may_access(facts.firm, staff_id, facts.firm.matters["m"], TODAY))
        if (staff_id in wall.people) is (wall.kind is WallKind.EXCLUDE):
            assert refusal is not None
            assert refusal.rule in {"M3", "F2"}


@pytest.mark.parametrize(
    ("mark", "allowed"),
    [
        (MARKS[0], "ann ben cleo"),
        (MARKS[1], "ann ben cleo"),
        (MARKS[2], "ann ben"),
        (MARKS[3], "ann"),
        (MARKS[4], "ann ben cleo"),
        (MARKS[5], ""),
        (MARKS[6], "ann ben cleo"),
        *[(mark, "") for mark in MARKS[7:]],
        (Mark(CHECK, CHECK), "_check"),
        (None, ""),
    ],
)
def test_who_may_be_where(mark: Mark | None, allowed: str) -> None:
    found = [name for name in [*LOCALPARTS, "_check"] if entering(f"@{name}:firm.example", mark) is None]
    assert found == allowed.split()


@given(st.sampled_from([*MARKS, None]), users, st.sampled_from(["", "leave", "join"]))
def test_M3_no_event_is_written_for_somebody_who_never_was_in(mark: Mark | None, user_id: str, before: str) -> None:
    for how in ("ban", "leave"):
        refusal = GATE.refusal(Change("m.room.member", BOT, user_id, how, before), mark, FACTS, TODAY)
        assert (refusal is None) is bool(before)


@given(st.sampled_from([*MARKS, None]), users, st.sampled_from(["knock", "", "dance"]))
def test_M3_nobody_knocks(mark: Mark | None, user_id: str, how: str) -> None:
    refusal = GATE.refusal(Change("m.room.member", user_id, user_id, how), mark, FACTS, TODAY)
    assert refusal is not None
    assert refusal.sentence == NO_KNOCKING


def test_the_bot_comes_in_everywhere_also_without_a_policy() -> None:
    for mark in (*MARKS, None):
        assert entering(BOT, mark, None, by=BOT, how="join") is None
        # But nobody brings it into a direct conversation, where it is not seen (D3).
        assert entering(BOT, mark, FACTS, by="@ann:firm.example", how="invite") is not None


@given(st.sampled_from(MARKS), st.sampled_from(LOCALPARTS))
def test_without_a_policy_nobody_else_does(mark: Mark, name: str) -> None:
    refusal = entering(f"@{name}:firm.example", mark, None)
    assert refusal is not None
    assert refusal.sentence == NO_POLICY


def test_a_new_name_is_no_entry() -> None:
    eve = "@eve:firm.example"
    assert GATE.refusal(Change("m.room.member", eve, eve, "join", "join"), None, None, TODAY) is None
    assert GATE.refusal(Change("m.room.member", BOT, eve, "join", "join"), MARKS[1], FACTS, TODAY) is not None
    assert GATE.refusal(Change("m.room.member", eve, eve, "join", "invite"), MARKS[1], FACTS, TODAY) is not None


@pytest.mark.parametrize(
    ("status", "archived", "closed_room", "rule"),
    [
        (MatterStatus.CLOSED, False, "talk", "M4"),
        (MatterStatus.DELETED, False, "talk", "M4"),
        (MatterStatus.OPEN, True, "court", "C1"),
        (MatterStatus.OPEN, False, "", ""),
        (MatterStatus.PENDING, False, "", ""),
    ],
)
def test_M4_C1_in_a_closed_room_only_the_bot_writes(
    status: MatterStatus, archived: bool, closed_room: str, rule: str
) -> None:
    facts = facts_with(status=status)
    court = replace(facts.conversations["court"], archived=archived)
    facts = replace(facts, conversations={**facts.conversations, "court": court})
    for mark in MARKS[:4]:
        refusal = GATE.refusal_to_write("@ann:firm.example", mark, facts)
        assert (refusal.rule if refusal else "") == (rule if mark.key == closed_room else "")
        assert GATE.refusal_to_write(BOT, mark, facts) is None
    assert GATE.refusal_to_write("@ann:firm.example", None, facts) is None
    assert GATE.refusal_to_write("@ann:firm.example", MARKS[0], None) is None


@pytest.mark.parametrize("held", [True, False])
def test_under_legal_hold_nobody_deletes_in_the_matters_rooms(held: bool) -> None:
    facts = facts_with(held=held)
    for mark in MARKS[:4]:
        refusal = GATE.refusal_to_delete(mark, facts)
        assert (refusal is not None) is (held and mark.key == "talk")
    assert GATE.refusal_to_delete(None, facts) is None
    assert GATE.refusal_to_delete(MARKS[0], None) is None


def test_nothing_held_is_deleted_and_without_a_policy_nothing_of_the_firm() -> None:
    held, free, court = Mark("matter", "talk"), Mark("matter", "other"), Mark("channel", "court")
    facts = facts_with(held=True)
    assert deletion_refusal(Deleting("!r"), held, facts) == KEPT_ON_HOLD
    assert deletion_refusal(Deleting(""), None, facts) == FILES_KEPT
    assert [deletion_refusal(Deleting("!r"), one, facts) for one in (free, court, None)] == [None] * 3
    nothing_held = facts_with(held=False)
    assert deletion_refusal(Deleting("!r"), held, nothing_held) is None
    assert deletion_refusal(Deleting(""), None, nothing_held) is None
    for wanted, mark in ((Deleting("!r"), free), (Deleting(""), None)):
        refusal = deletion_refusal(wanted, mark, None)
        assert refusal is not None and refusal.sentence == NO_POLICY
    assert deletion_refusal(Deleting("!r"), None, None) is None


@pytest.mark.parametrize(
    "event_type",
    [
        "m.room.create",
        "m.room.power_levels",
        "m.room.join_rules",
        "m.room.history_visibility",
        "m.room.guest_access",
        "m.room.server_acl",
        "m.room.tombstone",
        "m.space.child",
        "org.firm-bridge.room",
        "im.vector.modular.widgets",
        "m.widget",
        "io.element.widgets.layout",
    ],
)
def test_O3_state_that_carries_access_is_the_bots(event_type: str) -> None:
    # Synapse asks the guard about these alone.
    assert event_type in GATED
    refusal = GATE.refusal(Change(event_type, "@ann:firm.example", ""), MARKS[1], FACTS, TODAY)
    assert refusal == Denial("O3", BOT_ONLY)
    # Which values the bot may set is in test_room_rules.py.
    assert GATE.refusal(Change("m.room.tombstone", BOT, ""), MARKS[1], FACTS, TODAY) is None


@pytest.mark.parametrize("event_type", ["m.room.encryption", "m.room.encrypted", "m.room.third_party_invite"])
@pytest.mark.parametrize("sender", [BOT, "@ann:firm.example"])
def test_F1_some_state_nobody_makes(event_type: str, sender: str) -> None:
    assert event_type in GATED
    assert GATE.refusal(Change(event_type, sender, ""), MARKS[1], FACTS, TODAY) == Denial("F1", NEVER)


def test_memberships_are_looked_at_and_nothing_else_is() -> None:
    assert "m.room.member" in GATED
    assert len(GATED) == 16


@pytest.mark.parametrize(
    ("user_id", "unsaid", "said"),
    [
        ("@ann:firm.example", False, False),
        ("@eve:firm.example", False, True),
        ("@mallory:firm.example", True, True),
        ("@ann:elsewhere.example", True, True),
        (CHECKER, True, True),
        (BOT, False, False),
        ("", True, True),
    ],
)
def test_F2_a_leavers_account_is_closed_when_the_bridge_said_so_and_staffs_never(
    user_id: str, unsaid: bool, said: bool
) -> None:
    assert GATE.may_be_deactivated(user_id, facts_with(), told=False) is unsaid
    assert GATE.may_be_deactivated(user_id, facts_with(), told=True) is said


def test_F2_staff_disabled_in_the_directory_may_have_the_account_closed() -> None:
    facts = facts_with()
    firm = replace(facts.firm, staff={**facts.firm.staff, "a": replace(facts.firm.staff["a"], enabled=False)})
    assert GATE.may_be_deactivated("@ann:firm.example", replace(facts, firm=firm), told=True)


@pytest.mark.parametrize(
    ("user_id", "gone"),
    [
        ("@ann:firm.example", False),
        ("@eve:firm.example", True),
        ("@stranger:firm.example", False),
        ("@eve:elsewhere.example", False),
        (BOT, False),
    ],
)
def test_F2_the_accounts_of_those_who_left_open_nothing(user_id: str, gone: bool) -> None:
    assert GATE.is_cut_off(user_id, facts_with()) is gone
    assert not GATE.is_cut_off(user_id, None)


@pytest.mark.parametrize("kind", ["direct", "matter", "channel", "bot", SPACE, "admins"])
def test_O3_nobody_shuts_down_a_room_of_the_firm(kind: str) -> None:
    for requester in (BOT, "@ann:firm.example", ""):
        assert not GATE.may_be_shut_down(requester, Mark(kind, "key"))


def test_O3_the_checks_own_room_and_those_of_others_may_be_shut_down() -> None:
    assert GATE.may_be_shut_down(BOT, Mark(CHECK, "key"))
    assert not GATE.may_be_shut_down("@ann:firm.example", Mark(CHECK, "key"))
    assert GATE.may_be_shut_down("@ann:firm.example", None)


def test_F2_without_facts_no_account_is_closed() -> None:
    assert not GATE.may_be_deactivated("@ann:firm.example", None, told=True)


def test_M3_nobody_but_the_bot_writes_where_a_conversation_was_held_before() -> None:
    """Whatever its power levels, and whether or not the guard knows a policy."""
    for facts in (None, Facts()):
        assert GATE.refusal_to_write("@ann:firm.example", MARKS[0], facts, replaced=True) is not None
        assert GATE.refusal_to_write(BOT, MARKS[0], facts, replaced=True) is None
        assert GATE.refusal_to_write("@ann:firm.example", None, facts, replaced=True) is None
