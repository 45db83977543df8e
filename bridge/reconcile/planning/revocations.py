"""What goes before everything else: who may have lost something, and the rooms that they must be out of. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from bridge.firm.model import Firm
from bridge.firm.room_keys import matter_space_key
from bridge.mapping.rooms.shapes import RoomShape
from bridge.reconcile.planning.desired import Desired


def losing(wanted: Desired, walled: Collection[str]) -> tuple[dict[str, frozenset[str]], list[str]]:
    """The keys of the rooms that are there in which somebody is or may be who must not (M3).

    First where somebody is picked who may not be there, such as behind a wall that begins today, with their user ids;
    then, for what a crash or the homeserver's absence left undone, whatever belongs to these matters that are behind a
    wall.
    """
    world = wanted.world
    picked: dict[str, frozenset[str]] = {}
    others: dict[str, None] = {}
    for key, conversation in world.conversations.items():
        shape = wanted.shapes.get(key)
        ids = {wanted.user_ids[one] for one in conversation.participants if one in wanted.user_ids}
        lost = ids - shape.members if shape is not None and key in world.rooms else frozenset[str]()
        spaces = [matter_space_key(conversation.matter_id)] if conversation.matter_id else []
        for room in (key, *world.earlier.get(key, ()), *spaces):
            if room not in world.rooms or room not in wanted.shapes:
                continue
            if lost:
                picked[room] = picked.get(room, frozenset()) | lost
            if conversation.matter_id in walled:
                others[room] = None
    return picked, list(others)


def walled_off(firm: Firm, today: date) -> frozenset[str]:
    """The ids of the matters that are behind a wall today."""
    in_force = (wall for wall in firm.walls.values() if wall.in_force(today))
    return frozenset(matter.id for wall in in_force for matter in firm.walled_by(wall))


def changed(before: Mapping[str, RoomShape], wanted: Desired) -> tuple[set[str], dict[str, frozenset[str]]]:
    """The keys of the rooms that differ from what they were, or are not there yet; and the user ids of those who must
    be out of them, by the keys of these rooms."""
    differ = {key for key, shape in wanted.shapes.items() if before.get(key) != shape or key not in wanted.world.rooms}
    there = sorted(key for key in differ if key in before and key in wanted.world.rooms)
    lost = {key: gone for key in there if (gone := before[key].members - wanted.shapes[key].members)}
    return differ, lost


def leavers(wanted: Desired) -> list[str]:
    """The staff ids of those who have or had an account and may do nothing any more (F2)."""
    return sorted(wanted.world.accounts.keys() - wanted.firm.active_staff)
