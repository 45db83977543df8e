"""In which order rooms are made as they should be, and how often the staff space is looked at."""

from __future__ import annotations

from bridge.firm.room_keys import CHILD, KEEPER_SPACE, STAFF_SPACE
from bridge.mapping.rooms.shapes import RoomShape, keeper_space_shape, staff_space_shape
from bridge.mapping.rooms.state import child_state
from bridge.reconcile.planning.observed import Observed
from bridge.reconcile.planning.parts import Part, waves
from bridge.reconcile.planning.plan import plan_children

CHANNEL = RoomShape("channel-tide", "channel", "Channel Tide", open_to=STAFF_SPACE)
SPACE = staff_space_shape("Finch", frozenset({"@ann:firm.example"}), {CHANNEL.key: "1"})
SHAPES = {one.key: one for one in (keeper_space_shape(), SPACE, CHANNEL)}


def test_a_new_channel_is_made_between_the_staff_space_and_its_list() -> None:
    for made in (set[str](), {KEEPER_SPACE, STAFF_SPACE}, {CHANNEL.key}):
        found = waves(SHAPES, made)
        assert found == [
            [(KEEPER_SPACE, Part.WHOLE)],
            [(STAFF_SPACE, Part.ROOM)],
            [(CHANNEL.key, Part.WHOLE)],
            [(STAFF_SPACE, Part.LIST)],
        ]


def test_where_all_channels_are_there_the_staff_space_is_looked_at_once_and_before_them() -> None:
    found = waves(SHAPES, SHAPES.keys())
    assert found == [
        [(KEEPER_SPACE, Part.WHOLE)],
        [(STAFF_SPACE, Part.WHOLE)],
        [(CHANNEL.key, Part.WHOLE)],
        [],
    ]


def test_a_list_that_was_not_looked_at_stays_as_it_is() -> None:
    state = {(CHILD, "!old:firm.example"): child_state("firm.example", "1")}
    observed = Observed("!space:firm.example", state=state)
    unlisted = staff_space_shape("Finch", SPACE.members, None)
    assert plan_children(unlisted, observed, {}, {}) == ()
    assert [step.action.name for step in plan_children(SPACE, observed, {}, {})] == ["REMOVE_CHILD", "ADD_CHILD"]
