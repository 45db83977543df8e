"""What goes before everything else: who may have lost something, and the rooms that they must be out of. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date

from bridge.firm.model import Firm
from bridge.firm.room_keys import matter_space_key
from bridge.mapping.rooms import RoomShape
from bridge.reconcile.planning.desired import Desired


def losing(wanted: Desired, walled: Collection[str]) -> tuple[list[str], list[str]]:
    """The keys of the rooms that are there in which somebody is or may be who must not (M3).

    First where somebody is picked who may not be there, such as behind a wall that begins today; then, for what a crash
    or the homeserver's absence left undone, whatever belongs to these matters that are behind a wall.
    """
    world = wanted.world
    picked: list[str] = []
    others: list[str] = []
    for key, conversation in world.conversations.items():
        shape = wanted.shapes.get(key)
        ids = {wanted.user_ids[one] for one in conversation.participants if one in wanted.user_ids}
        lost = shape is not None and key in world.rooms and not ids <= shape.members
        if lost or conversation.matter_id in walled:
            spaces = [matter_space_key(conversation.matter_id)] if conversation.matter_id else []
            (picked if lost else others).extend([key, *world.earlier.get(key, ()), *spaces])

    def there(keys: Iterable[str]) -> list[str]:
        return [key for key in dict.fromkeys(keys) if key in world.rooms and key in wanted.shapes]

    return there(picked), there(others)


def walled_off(firm: Firm, today: date) -> frozenset[str]:
    """The ids of the matters that are behind a wall today."""
    in_force = (wall for wall in firm.walls.values() if wall.in_force(today))
    return frozenset(matter.id for wall in in_force for matter in firm.walled_by(wall))


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
    return sorted(wanted.world.accounts.keys() - wanted.firm.active_staff)
