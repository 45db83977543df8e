"""What is made of a client's createRoom request: a request with nothing of the request's own, or a sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.firm.conversation import ConversationKind
from bridge.firm.facts import Facts
from bridge.firm.model import Firm, Staff
from bridge.guard.creation import (
    ALONE,
    NAMELESS,
    NO_ADDRESSES,
    NO_SPACES,
    NO_SUCCESSORS,
    NO_SUCH_ROOMS,
    NOT_STAFF,
    PRIVATE,
    CreationRequest,
    Opening,
    request_as_json,
    request_from_json,
    request_of,
)
from bridge.guard.gate import NO_POLICY, Denial, Gate

BOT = "@bot:firm.example"
ANN, BEN, CLEO, EVE, DEE, MALLORY = (
    f"@{name}:firm.example" for name in ("ann", "ben", "cleo", "eve", "dee", "mallory")
)
GATE = Gate(BOT, "@_check:firm.example")
STAFF = {
    "a": Staff("a", "Ann", "Moor", ""),
    "b": Staff("b", "Ben", "Moor", ""),
    "c": Staff("c", "Cleo", "Moor", ""),
    "e": Staff("e", "Eve", "Moor", "", former=True),
    "d": Staff("d", "Dee", "Moor", "", enabled=False),
}
FACTS = Facts(Firm(staff=STAFF), {"ann": "a", "ben": "b", "cleo": "c", "eve": "e", "dee": "d"})
ENCRYPTED = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
START_CHAT = {
    "preset": "trusted_private_chat",
    "visibility": "private",
    "is_direct": True,
    "invite": [BEN],
    "initial_state": [ENCRYPTED, {"type": "m.room.guest_access", "state_key": "", "content": {}}],
}
"""As Element sends it."""


def asked(content: dict[str, Any], by: str = ANN) -> CreationRequest | Denial:
    return request_of(by, content, GATE, FACTS)


def sentence(content: dict[str, Any], by: str = ANN) -> str:
    refusal = asked(content, by)
    assert isinstance(refusal, Denial)
    return refusal.sentence


def test_D1_start_chat_is_the_conversation_of_that_set_in_whatever_order() -> None:
    assert asked(START_CHAT) == CreationRequest(ConversationKind.DIRECT, "a", ("b",))
    three = CreationRequest(ConversationKind.DIRECT, "a", ("b", "c"))
    for invited in ([CLEO, BEN], [BEN, CLEO, BEN], [BEN, ANN, CLEO, BOT]):
        assert asked({"invite": invited}) == three
        # A name does not make it another conversation: direct ones are called after the people (D3).
        assert asked({"invite": invited, "is_direct": True, "name": "Lunch"}) == three


SPACE = "!space:firm.example"
IN_SPACE = {"type": "m.space.parent", "state_key": SPACE, "content": {"via": ["firm.example"]}}


def rule(name: Any, *allowed: Any) -> dict[str, Any]:
    """A join rule in the first state of a room, without a state key as Element sends it."""
    allow = [{"type": "m.room_membership", "room_id": one} for one in allowed]
    return {"type": "m.room.join_rules", "content": {"join_rule": name, **({"allow": allow} if allow else {})}}


def test_C1_a_new_public_room_with_a_name_is_a_channel() -> None:
    content = {
        "name": " Court Filings ",
        "topic": "Deadlines",
        "room_alias_name": "mine",
        "preset": "public_chat",
        "invite": [BEN, BOT],
        "initial_state": [ENCRYPTED, IN_SPACE],
    }
    channel = CreationRequest(
        ConversationKind.CHANNEL, "a", ("b",), "Court Filings", "Deadlines", (SPACE,), Opening.ALL
    )
    assert asked(content) == channel
    for public in (
        {"preset": "public_chat"},
        {"preset": "public_chat", "visibility": "private"},
        {"visibility": "public"},
        {"preset": "private_chat", "initial_state": [rule("public")]},
    ):
        assert asked({"name": "Tides", **public}) == CreationRequest(
            ConversationKind.CHANNEL, "a", name="Tides", opening=Opening.ALL
        )


def test_M1_a_new_room_for_the_members_of_a_space_is_one_there() -> None:
    wanted = CreationRequest(ConversationKind.CHANNEL, "a", (), "Disclosure", "", (SPACE,), Opening.SPACES)
    element = {"preset": "private_chat", "visibility": "private", "room_version": "9"}
    for first in ([IN_SPACE, rule("restricted", SPACE)], [rule("knock_restricted", SPACE)]):
        assert asked({**element, "name": "Disclosure", "initial_state": first}) == wanted


PRIVATE_ROOMS: list[dict[str, Any]] = [
    {},
    {"preset": "private_chat"},
    {"preset": "trusted_private_chat", "initial_state": [ENCRYPTED]},
    {"preset": "private_chat", "visibility": "public"},
    {"visibility": "private"},
    {"preset": "public_chat", "initial_state": [rule("invite")]},
    {"preset": "public_chat", "initial_state": [rule("knock")]},
    {"preset": "public_chat", "initial_state": [rule("private")]},
    {"preset": "public_chat", "initial_state": [rule("public"), rule("invite")]},
    {"preset": "public_chat", "initial_state": [rule("restricted")]},
    {"preset": "public_chat", "initial_state": [rule(["public"])]},
    {"preset": "public_chat", "initial_state": [{"type": "m.room.join_rules"}]},
    {"preset": "public", "visibility": "public"},
    {"preset": "private_chat", "initial_state": [IN_SPACE]},
]


@pytest.mark.parametrize("private", PRIVATE_ROOMS)
def test_C1_D4_a_room_for_those_invited_alone_is_never_one_that_others_read(private: dict[str, Any]) -> None:
    refusal = asked({"name": "Dismissal of Tom", "topic": "Not before Friday", **private})
    assert refusal == Denial("D1", PRIVATE, "private")
    # With people chosen it is their direct conversation, of which only the one who asked is told the name it had.
    direct = asked({"name": "Dismissal of Tom", "invite": [BEN], **private})
    assert direct == CreationRequest(ConversationKind.DIRECT, "a", ("b",), "Dismissal of Tom")


def test_a_chat_with_the_bot_is_the_one_there_is() -> None:
    assert asked({"is_direct": True, "invite": [BOT]}) == CreationRequest(ConversationKind.BOT, "a")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"name": "Ours", "creation_content": {"type": "m.space"}}, NO_SPACES),
        ({"name": "Ours", "creation_content": {"type": "org.matrix.msc3417.call"}}, NO_SUCH_ROOMS),
        ({"name": "Ours", "creation_content": {"predecessor": {"room_id": "!old:firm.example"}}}, NO_SUCCESSORS),
        ({"is_direct": True, "invite_3pid": [{"medium": "email", "address": "x@y.example"}]}, NO_ADDRESSES),
        ({"is_direct": True}, ALONE),
        ({"is_direct": True, "invite": [ANN], "name": "Me"}, ALONE),
        ({}, PRIVATE),
        ({"preset": "public_chat"}, NAMELESS),
        ({"preset": "public_chat", "invite": [BEN]}, NAMELESS),
        ({"name": "  ", "invite": "everybody", "visibility": "public"}, NAMELESS),
        ({"name": 7, "creation_content": [], "initial_state": "x", "topic": None}, PRIVATE),
    ],
)
def test_what_cannot_be_is_refused_with_what_does_it(content: dict[str, Any], expected: str) -> None:
    assert sentence(content) == expected
    assert "!" in expected


@pytest.mark.parametrize("by", [EVE, DEE, MALLORY, "@_check:firm.example", "@ann:elsewhere.example", ""])
def test_F1_nobody_but_active_staff_starts_anything(by: str) -> None:
    assert sentence(START_CHAT, by) == NOT_STAFF


@pytest.mark.parametrize("guest", [EVE, DEE, MALLORY, "@ben:elsewhere.example", "@BEN:firm.example", "ben", 7, None])
@pytest.mark.parametrize("content", [{"is_direct": True}, {"name": "Court"}, {}])
def test_F1_nobody_else_is_brought_in_and_all_are_refused_alike(guest: Any, content: dict[str, Any]) -> None:
    told = sentence({**content, "invite": [BEN, guest]})
    assert told.replace(str(guest), "X") == "X is not on the firm's staff. Write !dm @colleague to the bot."


def test_a_long_list_of_strangers_is_told_in_short() -> None:
    told = sentence({"invite": [f"@{'x' * 5000}{number}:e.example" for number in range(1000)]})
    assert "and 997 more are not on the firm's staff" in told
    assert len(told) < 1000


def test_without_a_policy_nothing_is_started() -> None:
    refusal = request_of(ANN, START_CHAT, GATE, None)
    assert isinstance(refusal, Denial)
    assert refusal.sentence == NO_POLICY


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from([ANN, BEN, EVE, BOT, "m.space"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
people = st.lists(st.sampled_from([ANN, BEN, CLEO, EVE, DEE, BOT, MALLORY, "@ben:elsewhere.example"]) | values)
requests = st.fixed_dictionaries(
    {},
    optional={
        "invite": people | values,
        "invite_3pid": st.just([]) | values,
        "is_direct": st.booleans() | values,
        "name": st.text() | values,
        "topic": st.text() | st.just("\ud800") | values,
        "preset": st.sampled_from(["trusted_private_chat", "public_chat"]) | values,
        "visibility": st.just("public") | values,
        "room_version": values,
        "room_alias_name": values,
        "power_level_content_override": values,
        "creation_content": st.fixed_dictionaries({}, optional={"type": values, "predecessor": values}) | values,
        "initial_state": st.lists(st.sampled_from([ENCRYPTED, IN_SPACE]) | st.builds(rule, values, values) | values)
        | values,
    },
)


@given(requests, st.sampled_from([ANN, BEN, EVE, DEE, MALLORY, ""]))
def test_F1_whatever_is_asked_only_active_staff_and_texts_come_of_it(content: dict[str, Any], by: str) -> None:
    before = json.dumps(content)
    wanted = asked(content, by)
    assert json.dumps(content) == before
    if isinstance(wanted, Denial):
        assert wanted.sentence
        return
    assert by in {ANN, BEN}
    assert {wanted.by, *wanted.people} <= {"a", "b", "c"}
    assert wanted.by not in wanted.people
    assert wanted.name or wanted.kind is not ConversationKind.CHANNEL
    # Nobody reads along who was not asked in.
    assert (wanted.kind is ConversationKind.CHANNEL) is (wanted.opening is not Opening.INVITED)
    assert bool(wanted.people) or wanted.kind is not ConversationKind.DIRECT
    # What the bridge is told is all of it, and can be sent and read.
    told = json.dumps(request_as_json(wanted)).encode()
    assert request_from_json(json.loads(told)) == wanted


@given(values)
def test_what_is_no_wish_is_not_taken_for_one(data: Any) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        request_from_json(data)
