"""What goes before everything else: who may have lost something, and the rooms that they must be out of. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from bridge.firm.policy import may_act
from bridge.firm.room_keys import matter_space_key
from bridge.mapping.rooms import RoomShape
from bridge.reconcile.desired import Desired


def losing(wanted: Desired, today: date) -> tuple[str, ...]:
    """The keys of the rooms that are there in which somebody may be who must not (M3).

    First where somebody is picked who may not be there, such as behind a wall that begins today; then, for what a crash
    or the homeserver's absence left undone, whatever is behind a wall.
    """
    world = wanted.world
    picked = []
    for key, conversation in world.conversations.items():
        shape = wanted.shapes.get(key)
        if shape is None or key not in world.rooms:
            continue
        ids = {wanted.user_ids[one] for one in conversation.participants if one in wanted.user_ids}
        if not ids <= shape.members:
            picked += [key, *world.earlier.get(key, ())]
            if conversation.matter_id:
                picked.append(matter_space_key(conversation.matter_id))
    in_force = {wall_id: wall for wall_id, wall in wanted.firm.walls.items() if wall.in_force(today)}
    walled = replace(wanted.firm, walls=in_force)
    matters = {matter.id for matter in walled.matters.values() if walled.walls_around(matter)}
    talks = sorted(key for key, one in world.conversations.items() if one.matter_id in matters)
    earlier = [room for key in talks for room in world.earlier.get(key, ())]
    spaces = sorted(matter_space_key(matter_id) for matter_id in matters)
    return tuple(
        key
        for key in dict.fromkeys([*picked, *talks, *earlier, *spaces])
        if key in world.rooms and key in wanted.shapes
    )


def changed(before: Mapping[str, RoomShape], wanted: Desired) -> tuple[set[str], tuple[str, ...]]:
    """The keys of the rooms that differ from what they were, or are not there yet; and of those, who lost somebody."""
    differ = {key for key, shape in wanted.shapes.items() if before.get(key) != shape or key not in wanted.world.rooms}
    lost = [
        key
        for key in differ
        if key in before and key in wanted.world.rooms and before[key].members - wanted.shapes[key].members
    ]
    return differ, tuple(sorted(lost))


def leavers(wanted: Desired) -> list[str]:
    """The staff ids of those who have or had an account and may do nothing any more (F2)."""
    return sorted(staff_id for staff_id in wanted.world.accounts if not may_act(wanted.firm, staff_id))
