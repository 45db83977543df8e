"""What a change of the firm touches, so that nothing else is read and computed to follow it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from datetime import date

from bridge.firm.difference import differing
from bridge.firm.matters.search import allowed_in, on_team_of, responsible_for
from bridge.firm.model import Firm, Matter, Wall
from bridge.firm.policy import may_administer
from bridge.settings import Settings
from bridge.store.rooms.world import Extent

_MOST_MATTERS = 500
_MOST_PEOPLE = 5
"""People may be in many conversations."""


def touched(before: Firm, then: date, now: Firm, today: date, settings: Settings) -> Extent | None:
    """What differs between the firm before, on that day, and the firm now.

    None where it may be everything, or so much that reading everything, in pieces, holds the store for less long.
    """
    people = differing(before.staff, now.staff)
    come_or_gone = before.active_staff ^ now.active_staff
    if len(come_or_gone) > _MOST_PEOPLE:
        return None
    roles = frozenset(settings.firm.admin_roles)
    if settings.pins.who != "participants" and _admins(before, people, roles) != _admins(now, people, roles):
        # Who may pin stands in the power levels of every channel and matter conversation.
        return None
    groups = _with_groups_around(
        (before, now), {*differing(before.groups, now.groups), *(before.staff.keys() ^ now.staff.keys())}
    )
    walls = differing(before.walls, now.walls)
    if then != today:
        walls |= {wall.id for wall in now.walls.values() if wall.in_force(then) is not wall.in_force(today)}
    walls |= {wall.id for firm in (before, now) for wall in _naming(firm, groups)}
    matters = differing(before.matters, now.matters)
    for firm in (before, now):
        matters |= {matter.id for one in walls & firm.walls.keys() for matter in firm.walled_by(firm.walls[one])}
    firms = (now,) if before.matters is now.matters else (before, now)
    for firm in firms:
        matters |= _under(firm, responsible_for, people)
        matters |= _under(firm, on_team_of, come_or_gone)
        matters |= _under(firm, allowed_in, groups)
    if len(matters) > _MOST_MATTERS:
        return None
    return Extent(frozenset(matters), frozenset(come_or_gone), before.channels != now.channels)


def _under(firm: Firm, keys: Callable[[Matter], Iterable[str]], wanted: Set[str]) -> Set[str]:
    """The ids of the matters that name any of these people or groups."""
    if not wanted:
        return frozenset()
    found = firm.matters_under(keys)
    return frozenset().union(*(found.get(one, ()) for one in wanted))


def _admins(firm: Firm, staff_ids: Iterable[str], roles: frozenset[str]) -> set[str]:
    return {one for one in staff_ids if may_administer(firm, one, roles)}


def _with_groups_around(firms: Iterable[Firm], principals: Set[str]) -> set[str]:
    """These, and all groups that contain any of them, directly or by another group."""
    found = set(principals)
    groups = [group for firm in firms for group in firm.groups.values()] if principals else []
    while more := {group.id for group in groups if group.id not in found and not found.isdisjoint(group.members)}:
        found |= more
    return found


def _naming(firm: Firm, principals: set[str]) -> list[Wall]:
    return [wall for wall in firm.walls.values() if principals and not principals.isdisjoint(wall.people)]
