"""A channel's identity, address and rules, before any room exists (C1)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.firm.conversation import (
    CHANNEL_NAME_MAX,
    Conversation,
    ConversationKind,
    channel_id,
    channel_key,
    clean_channel_name,
    free_channel_id,
    free_channel_name,
)
from bridge.firm.model import Firm
from bridge.firm.room_keys import STAFF_SPACE
from bridge.mapping.rooms.shapes import RoomShape, conversation_shape
from bridge.mapping.rooms.state import power_levels
from bridge.reconcile.planning.observed import Server, as_created
from bridge.reconcile.planning.plan import plan_room
from bridge.reconcile.planning.steps import Action

BOT = "@bot:localhost"
SENDER = "@_sender:localhost"
SERVER = Server(BOT, "11", SENDER)
ROOMS = {STAFF_SPACE: "!space"}


def shape(kind: ConversationKind = ConversationKind.CHANNEL, *, archived: bool = False) -> RoomShape:
    return conversation_shape(Firm(), Conversation("c1", kind, "Alpha", archived=archived), frozenset(), "alpha")


def test_C1_a_name_can_be_given_again_while_its_first_owner_lives_under_another() -> None:
    known: list[str] = []
    for _ in range(3):
        known.append(free_channel_id("alpha", known))
    assert known[0] == channel_id("alpha")
    assert len(set(known)) == 3


def test_C1_only_a_rename_gives_a_room_another_address() -> None:
    made = as_created(shape(), SERVER, ROOMS, "!room")
    assert plan_room(shape(), made, SERVER, ROOMS) == ()
    (step,) = plan_room(replace(shape(), alias_localpart="beta"), made, SERVER, ROOMS)
    assert (step.action, step.what) == (Action.SET_ALIAS, "#beta:localhost")


@pytest.mark.parametrize("archived", [False, True])
def test_V1_staff_set_a_channels_name_and_topic_but_not_while_it_is_archived(archived: bool) -> None:
    events = power_levels(shape(archived=archived), BOT, "11")["events"]
    assert (events["m.room.name"], events["m.room.topic"]) == ((100, 100) if archived else (0, 0))


def test_V1_a_matters_conversation_is_named_by_all_in_it_and_other_rooms_by_the_bridge_alone() -> None:
    talk = power_levels(RoomShape("key", str(ConversationKind.MATTER), "label"), BOT, "11")["events"]
    assert (talk["m.room.name"], "m.room.topic" in talk) == (0, False)
    for kind in (ConversationKind.DIRECT, ConversationKind.BOT):
        levels = power_levels(shape(kind), BOT, "11")
        assert "m.room.name" not in levels["events"]
        assert levels["state_default"] == 100


@given(st.text(min_size=1, max_size=CHANNEL_NAME_MAX), st.integers(0, 20))
def test_C1_a_suggested_name_can_always_be_had(name: str, taken: int) -> None:
    base = f"Tea {name}"[:CHANNEL_NAME_MAX]
    try:
        base = clean_channel_name(base)
    except ValueError:
        base = "Tea"
    keys = {channel_key(base), *(channel_key(f"{base} {number}") for number in range(taken))}
    suggested = free_channel_name(base, keys)
    assert channel_key(suggested) not in keys
    assert clean_channel_name(suggested) == suggested
