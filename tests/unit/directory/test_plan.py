"""The plan: what must be done so that what is becomes what should be."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.firm.conversation import (
    Conversation,
    ConversationKind,
    bot_chat_id,
    direct_id,
    first_matter_conversation_id,
)
from bridge.firm.model import ChannelSeed, Firm, Matter, MatterRole, MatterStatus, Staff, Wall
from bridge.firm.room_keys import KEEPER_SPACE, STAFF_SPACE, matter_space_key
from bridge.mapping.rooms.shapes import RoomShape
from bridge.mapping.rooms.state import create_body
from bridge.reconcile.planning.desired import Desired, desired
from bridge.reconcile.planning.observed import Observed, Server, as_created
from bridge.reconcile.planning.plan import plan_children, plan_room
from bridge.reconcile.planning.steps import Action
from bridge.settings import Settings
from bridge.store.rooms.world import World

TODAY = date(2026, 11, 23)
BOT = "@bot:localhost"
SENDER = "@_sender:localhost"
SETTINGS = Settings.model_construct(**{name: field.default for name, field in Settings.model_fields.items()})


def staff(number: int, **more: Any) -> Staff:
    return Staff(f"s{number}", f"Robin{number}", "Vale", f"robin{number}@firm.example", "Associate", **more)


def user(number: int) -> str:
    return f"@robin{number}:localhost"


def firm(*matters: Matter, walls: tuple[Wall, ...] = (), former: tuple[int, ...] = ()) -> Firm:
    people = [staff(number, former=number in former) for number in range(4)]
    return Firm(
        staff={person.id: person for person in people},
        matters={matter.id: matter for matter in matters},
        walls={wall.id: wall for wall in walls},
        channels={"Litigation": ChannelSeed("Litigation", "Disputes", ("s0", "s1"))},
    )


ESTATE = Matter(
    "m1",
    "2026-0042",
    "Estate of Orla Quill",
    responsible="s0",
    assisting=("s1", "s2"),
    roles=(MatterRole("Client", "Orla Quill", is_client=True),),
)


def wanted(of: Firm, world: World | None = None) -> Desired:
    return desired(of, world or World(), SETTINGS, TODAY)


def actions(shape: RoomShape, observed: Observed | None, version: str = "11") -> list[tuple[str, str]]:
    steps = plan_room(shape, observed, Server(BOT, version, SENDER), {KEEPER_SPACE: "!k", STAFF_SPACE: "!s"})
    return [(step.action.value, step.who or step.what) for step in steps]


def finished(shape: RoomShape, version: str = "11") -> Observed:
    """The room after everything was done."""
    created = as_created(shape, Server(BOT, version, SENDER), {KEEPER_SPACE: "!k", STAFF_SPACE: "!s"}, "!room")
    members = dict.fromkeys(shape.members, "join") | ({BOT: "join"} if shape.bot_stays else {})
    return replace(created, members=members)


def test_a_firm_has_its_spaces_channels_chats_and_first_conversations() -> None:
    shapes = wanted(firm(ESTATE)).shapes
    kinds = sorted(shape.kind for shape in shapes.values())
    assert kinds == ["bot"] * 4 + ["channel"] * 2 + ["matter"] + ["space"] * 3


def test_M1_the_first_conversation_has_the_team_and_is_found_under_the_matter() -> None:
    shapes = wanted(firm(ESTATE)).shapes
    first = first_matter_conversation_id("m1")
    assert shapes[first].members == {user(0), user(1), user(2)}
    assert shapes[first].name == "2026-0042 Estate of Orla Quill"
    assert shapes[first].topic == "Client: Orla Quill · Responsible: Robin0 Vale"
    assert shapes[matter_space_key("m1")].children.keys() == {first}
    assert shapes[matter_space_key("m1")].members == shapes[first].members


def test_M3_a_walled_person_is_in_neither_the_conversation_nor_its_space() -> None:
    shapes = wanted(firm(ESTATE, walls=(Wall("w", client="Orla Quill", people=("s1",)),))).shapes
    assert user(1) not in shapes[first_matter_conversation_id("m1")].members
    assert user(1) not in shapes[matter_space_key("m1")].members


@pytest.mark.parametrize("status", [MatterStatus.PENDING, MatterStatus.CLOSED, MatterStatus.DELETED])
def test_only_open_matters_get_a_first_conversation(status: MatterStatus) -> None:
    assert first_matter_conversation_id("m1") not in wanted(firm(replace(ESTATE, status=status))).shapes


def test_F1_former_staff_get_no_account_and_no_chat() -> None:
    of = wanted(firm(former=(3,)))
    assert "s3" not in of.new_localparts
    assert bot_chat_id("s3") not in of.shapes
    assert user(3) not in of.shapes[STAFF_SPACE].members


def test_people_who_left_a_matter_conversation_are_not_added_again_but_new_team_members_are() -> None:
    first = first_matter_conversation_id("m1")
    stored = Conversation(first, ConversationKind.MATTER, "General", matter_id="m1", participants=frozenset({"s0"}))
    world = World(conversations={first: stored}, absent={first: frozenset({"s1"})})
    assert wanted(firm(ESTATE), world).new_participants == {first: frozenset({"s2"})}


def test_a_direct_conversation_left_with_one_person_is_not_made() -> None:
    alone = Conversation(direct_id(["s0", "s3"]), ConversationKind.DIRECT, participants=frozenset({"s0", "s3"}))
    assert alone.id not in wanted(firm(former=(3,)), World(conversations={alone.id: alone})).shapes


def shapes_of_every_kind() -> list[RoomShape]:
    direct = Conversation(direct_id(["s0", "s1"]), ConversationKind.DIRECT, participants=frozenset({"s0", "s1"}))
    return list(wanted(firm(ESTATE), World(conversations={direct.id: direct})).shapes.values())


@pytest.mark.parametrize("version", ["11", "12"])
@pytest.mark.parametrize("shape", shapes_of_every_kind(), ids=lambda shape: shape.label)
def test_a_finished_room_needs_nothing(shape: RoomShape, version: str) -> None:
    steps = [step for step in actions(shape, finished(shape, version), version) if step[0] != "mark_direct"]
    assert steps == []


@pytest.mark.parametrize("shape", shapes_of_every_kind(), ids=lambda shape: shape.label)
def test_a_room_is_closed_from_its_first_event(shape: RoomShape) -> None:
    body = create_body(
        shape, alias_localpart="a", bot_id=BOT, room_version="11", room_ids={KEEPER_SPACE: "!k", STAFF_SPACE: "!s"}
    )
    state = {(event["type"], event["state_key"]): event["content"] for event in body["initial_state"]}
    levels = body["power_level_content_override"]
    assert state["m.room.guest_access", ""] == {"guest_access": "forbidden"}
    assert state["m.room.join_rules", ""]["join_rule"] in {"invite", "restricted"}
    assert body["creation_content"]["m.federate"] is False
    assert levels["users"] == {BOT: 100}
    assert levels["events"]["m.room.encryption"] > 100
    assert levels["state_default"] == levels["kick"] == levels["ban"] == 100
    assert body["preset"] != "trusted_private_chat"


def test_version_12_names_no_creator_in_the_power_levels() -> None:
    shape = shapes_of_every_kind()[0]
    body = create_body(shape, alias_localpart="a", bot_id=BOT, room_version="12", room_ids={})
    assert body["power_level_content_override"]["users"] == {}


def test_D3_a_new_direct_conversation_is_joined_marked_and_left_by_the_bot() -> None:
    shape = next(shape for shape in shapes_of_every_kind() if shape.kind == "direct")
    assert actions(shape, None) == [
        ("create_room", ""),
        ("add", user(0)),
        ("add", user(1)),
        ("mark_direct", user(0)),
        ("mark_direct", user(1)),
        ("bot_leave", ""),
    ]


def test_removal_comes_before_addition() -> None:
    shape = replace(
        next(s for s in shapes_of_every_kind() if s.kind == "matter"), members=frozenset({user(0), user(3)})
    )
    observed = replace(
        finished(shape), members={BOT: "join", user(0): "join", user(1): "join", "@x:localhost": "invite"}
    )
    assert actions(shape, observed) == [("remove", user(1)), ("remove", "@x:localhost"), ("add", user(3))]


def test_the_bot_returns_to_a_direct_conversation_only_when_it_is_needed() -> None:
    shape = next(shape for shape in shapes_of_every_kind() if shape.kind == "direct")
    done = finished(shape)
    left = replace(done, members={user(0): "join"})
    assert [action for action, _ in actions(shape, left)] == [
        "bot_return",
        "add",
        "mark_direct",
        "mark_direct",
        "bot_leave",
    ]
    extra = replace(done, members={**done.members, "@x:localhost": "join"})
    assert ("remove", "@x:localhost") in actions(shape, extra)
    assert "bot_return" not in [action for action, _ in actions(shape, extra)]


def test_D3_somebody_who_has_the_room_in_m_direct_is_not_marked_again() -> None:
    shape = next(shape for shape in shapes_of_every_kind() if shape.kind == "direct")
    direct: dict[str, dict[str, Any]] = {user(0): {user(1): ["!old", "!room"]}, user(1): {user(0): "not a list"}}
    steps = plan_room(shape, finished(shape), Server(BOT, "11", SENDER), {KEEPER_SPACE: "!k"}, direct)
    assert [(step.action, step.who) for step in steps] == [(Action.MARK_DIRECT, user(1))]


@given(st.sets(st.integers(0, 5)), st.dictionaries(st.integers(0, 5), st.sampled_from(["join", "invite"])))
def test_taking_the_steps_always_leads_to_the_wanted_members(members: set[int], present: dict[int, str]) -> None:
    shape = replace(shapes_of_every_kind()[1], members=frozenset(map(user, members)))
    observed = replace(finished(shape), members={BOT: "join", **{user(n): how for n, how in present.items()}})
    after = dict(observed.members)
    for action, who in actions(shape, observed):
        if action == "remove":
            del after[who]
        elif action == "add":
            after[who] = "join"
    assert after == {BOT: "join", **dict.fromkeys(shape.members, "join")}


def test_a_space_lists_new_rooms_and_drops_others() -> None:
    shape = replace(wanted(firm()).shapes[STAFF_SPACE], children={"a": "1", "b": "2", "c": "3"})
    observed = Observed(
        "!s", state={("m.space.child", "!a"): {"via": ["x"], "order": "1"}, ("m.space.child", "!z"): {"via": ["x"]}}
    )
    steps = plan_children(shape, observed, {"a": "!a", "b": "!b"}, {})
    assert [(step.action.value, step.state_key) for step in steps] == [
        ("remove_child", "!z"),
        ("add_child", "b"),
        ("add_child", "c"),
    ]


def test_every_step_has_a_sentence_and_a_form_for_programs() -> None:
    for shape in shapes_of_every_kind():
        for step in plan_room(shape, None, Server(BOT, "11", SENDER), {}):
            assert step.describe().endswith(".")
            assert "{" not in step.describe()
            assert step.as_json()["action"] == step.action.value
