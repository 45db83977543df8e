"""The rules of every room's shape pass the guard, and no looser ones do, whoever sets them (O3)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.firm.conversation import SHARED, ConversationKind
from bridge.firm.room_keys import CHECK, KEEPER_SPACE, MARKER, SPACE, STAFF_SPACE
from bridge.guard.gate import OTHER_RULES, Change, Gate, Mark
from bridge.mapping.rooms.shapes import RoomShape
from bridge.mapping.rooms.state import desired_state

BOT, CHECKER, ANN = "@bot:firm.example", "@_check:firm.example", "@ann:firm.example"
GATE = Gate(BOT, CHECKER)
ROOMS = {STAFF_SPACE: "!staff:firm.example", KEEPER_SPACE: "!keeper:firm.example"}
KEYS = {room_id: key for key, room_id in ROOMS.items()}
Json = dict[str, Any]
OPEN_TO = {ConversationKind.CHANNEL: STAFF_SPACE, ConversationKind.DIRECT: KEEPER_SPACE}
HISTORIES = {ConversationKind.DIRECT: ["joined", "shared"], ConversationKind.BOT: ["joined"]}
kinds = st.sampled_from([*ConversationKind, SPACE])


@st.composite
def shapes(draw: st.DrawFn) -> RoomShape:
    kind = draw(kinds)
    return RoomShape(
        "key",
        str(kind),
        "label",
        members=frozenset({ANN}),
        bot_stays=kind != ConversationKind.DIRECT,
        history=draw(st.sampled_from(HISTORIES.get(kind, ["shared"]))),
        open_to=OPEN_TO.get(kind, ""),
        published=kind == ConversationKind.CHANNEL,
        read_only=draw(st.booleans()),
        held=draw(st.booleans()),
        guarded=draw(st.booleans()),
        pinners=draw(st.sampled_from([None, frozenset(), frozenset({ANN})])),
    )


def state_of(shape: RoomShape, version: str = "11") -> dict[str, Json]:
    return {event_type: content for (event_type, _), content in desired_state(shape, BOT, version, ROOMS).items()}


def refused(
    event_type: str, content: Json, mark: Mark | None, *, earlier: Json | None = None, v12: bool = False
) -> bool:
    spaces = frozenset(KEYS.get(one["room_id"], "") for one in content.get("allow", ()))
    change = Change(event_type, BOT, "", content=content, earlier=earlier or {}, spaces=spaces, creator_power=v12)
    found = GATE.refusal(change, mark, None, date(2026, 11, 29))
    assert found is None or (found.rule, found.sentence) == ("O3", OTHER_RULES)
    return found is not None


@given(shapes(), st.sampled_from(["11", "12"]))
def test_O3_every_shape_passes_also_while_its_room_is_made(shape: RoomShape, version: str) -> None:
    for event_type, content in state_of(shape, version).items():
        for mark in (Mark(shape.kind, shape.key), None):
            assert not refused(event_type, content, mark, v12=version == "12"), (event_type, content)


@pytest.mark.parametrize(
    "changed",
    [
        {"users_default": 50},
        {"users_default": 100},
        {"users_default": False},
        {"state_default": 0},
        {"state_default": None},
        {"events_default": 50},
        {"kick": 0},
        {"ban": 50},
        {"redact": 0},
        {"historical": 0},
        {"invite": 50},
        {"invite": -1},
        {"invite": "0"},
        {"users": {BOT: 100, ANN: 100}},
        {"users": {BOT: 100, ANN: 51}},
        {"users": {BOT: 100, ANN: -1}},
        {"users": {BOT: 100, ANN: True}},
        {"users": {BOT: 100, CHECKER: 100}},
        {"users": {BOT: 0}},
        {"users": {}},
        {"users": []},
        {"events": {}},
        {"events": None},
        {"notifications": {"room": 50}},
        {"notifications": None},
        {"org.example": 0},
    ],
)
@pytest.mark.parametrize("kind", [*ConversationKind, SPACE])
def test_O3_no_looser_power_levels(kind: str, changed: Json) -> None:
    mark = Mark(str(kind), "key")
    levels = state_of(RoomShape("key", mark.kind, "label"))["m.room.power_levels"]
    assert not refused("m.room.power_levels", levels, mark)
    assert refused("m.room.power_levels", {**levels, **changed}, mark)


@pytest.mark.parametrize(
    ("event_type", "level"),
    [
        ("m.room.encryption", 100),
        ("m.room.encrypted", 0),
        ("m.sticker", 0),
        ("m.room.power_levels", 0),
        ("m.room.history_visibility", 50),
        ("m.room.message", 0),
        ("m.space.child", 0),
        ("m.room.pinned_events", 25),
        ("m.room.pinned_events", False),
        (MARKER, 0),
        ("org.example", 50),
    ],
)
def test_O3_no_type_of_event_is_let_free(event_type: str, level: int) -> None:
    mark = Mark("channel", "key")
    levels = state_of(RoomShape("key", "channel", "label"))["m.room.power_levels"]
    assert refused("m.room.power_levels", {**levels, "events": {**levels["events"], event_type: level}}, mark)


@pytest.mark.parametrize(
    ("level", "kinds"),
    [
        ({"kick": 25}, {"matter", "channel", ""}),
        ({"kick": 100}, {"direct", "bot", "admins", "matter", "channel", SPACE, ""}),
        ({"invite": 0}, {"direct", "matter", "channel", ""}),
        ({"invite": 100}, {"direct", "bot", "admins", "matter", "channel", SPACE, ""}),
    ],
)
def test_O3_who_takes_out_and_who_invites_is_of_the_kind(level: Json, kinds: set[str]) -> None:
    """Also while a room is made, and has no kind yet."""
    levels = state_of(RoomShape("key", "channel", "label"))["m.room.power_levels"]
    unnamed = {name: one for name, one in levels["events"].items() if name not in {"m.room.name", "m.room.topic"}}
    asked = {**levels, "invite": 100, "kick": 100, "events": unnamed, **level}
    for kind in [*ConversationKind, SPACE]:
        assert refused("m.room.power_levels", asked, Mark(str(kind), "key")) is (kind not in kinds)
    assert refused("m.room.power_levels", asked, None) is ("" not in kinds)


def test_O3_names_are_everybodys_in_channels_and_conversations_of_matters_only() -> None:
    for kind in [*ConversationKind, SPACE]:
        levels = state_of(RoomShape("key", str(kind), "label"))["m.room.power_levels"]
        for what, whose in (("name", SHARED), ("topic", {ConversationKind.CHANNEL})):
            named = {**levels, "events": {**levels["events"], f"m.room.{what}": 0}}
            assert refused("m.room.power_levels", named, Mark(str(kind), "key")) is (kind not in whose)


def test_O3_who_has_power_already_may_be_left_it_and_given_no_more() -> None:
    mark = Mark("channel", "key")
    levels = state_of(RoomShape("key", "channel", "label"))["m.room.power_levels"]
    powerful = {**levels, "users": {BOT: 100, ANN: 100}}
    assert refused("m.room.power_levels", powerful, mark)
    assert not refused("m.room.power_levels", powerful, mark, earlier=powerful)
    assert refused("m.room.power_levels", powerful, mark, earlier={**levels, "users": {BOT: 100, ANN: 50}})
    assert refused("m.room.power_levels", powerful, mark, earlier={"users": "what"})


@pytest.mark.parametrize(
    ("event_type", "content"),
    [
        ("m.room.history_visibility", {"history_visibility": "world_readable"}),
        ("m.room.history_visibility", {"history_visibility": "invited"}),
        ("m.room.history_visibility", {"history_visibility": ["shared"]}),
        ("m.room.history_visibility", {}),
        ("m.room.guest_access", {"guest_access": "can_join"}),
        ("m.room.guest_access", {}),
        ("m.room.join_rules", {"join_rule": "public"}),
        ("m.room.join_rules", {"join_rule": "knock"}),
        ("m.room.join_rules", {"join_rule": ["invite"]}),
        ("m.room.join_rules", {"join_rule": "restricted"}),
        ("m.room.join_rules", {"join_rule": "restricted", "allow": [{"room_id": "!other:firm.example"}]}),
        (
            "m.room.join_rules",
            {"join_rule": "restricted", "allow": [{"room_id": one} for one in (*KEYS, "!other:firm.example")]},
        ),
        ("m.room.join_rules", {}),
    ],
)
@pytest.mark.parametrize("kind", [*ConversationKind, SPACE, "", CHECK])
def test_O3_nobody_opens_a_room(kind: str, event_type: str, content: Json) -> None:
    assert refused(event_type, content, Mark(str(kind), "key") if kind else None)


@given(kinds, kinds, st.sampled_from(["joined", "shared"]))
def test_O3_a_room_has_its_own_kinds_history_and_space(kind: str, other: str, history: str) -> None:
    mark = Mark(str(kind), "key")
    allowed = history in HISTORIES.get(kind, ["shared"])  # type: ignore[call-overload]
    assert refused("m.room.history_visibility", {"history_visibility": history}, mark) is not allowed
    spaces = [OPEN_TO.get(one, "") for one in (kind, other)]  # type: ignore[call-overload]
    strange = state_of(RoomShape("key", str(other), "label", open_to=spaces[1]))["m.room.join_rules"]
    assert refused("m.room.join_rules", strange, mark) is (spaces[1] not in {"", spaces[0]})


def test_the_check_may_have_its_stranger_in_power_in_its_own_room() -> None:
    levels = state_of(RoomShape(CHECK, CHECK, "check"))["m.room.power_levels"]
    powerful = {**levels, "users": {BOT: 100, CHECKER: 100}}
    assert not refused("m.room.power_levels", powerful, Mark(CHECK, CHECK))
    assert not refused("m.room.power_levels", powerful, None)
    assert refused("m.room.power_levels", powerful, Mark("channel", "key"))
