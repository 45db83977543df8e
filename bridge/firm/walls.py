"""Walls set by command beside those of the directory; whom a wall screens, and from what. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from bridge.firm.model import Firm, Matter, Wall, WallKind
from bridge.firm.policy import may_access


def with_walls(firm: Firm, walls: Iterable[Wall]) -> Firm:
    """The firm with these walls beside those of its directory; the firm itself where there are none.

    Walls set by command keep their ids, by which they are lifted. One of the directory with such an id gets another.
    """
    by_command = {wall.id: wall for wall in walls}
    if not by_command:
        return firm
    of_directory = {}
    for wall in firm.walls.values():
        wall_id = wall.id
        while wall_id in by_command or (wall_id != wall.id and wall_id in firm.walls):
            wall_id += " of the directory"
        of_directory[wall_id] = wall if wall_id == wall.id else replace(wall, id=wall_id)
    return replace(firm, walls={**of_directory, **by_command})


def covered(firm: Firm, wall: Wall) -> tuple[Matter, ...]:
    """The matters that the wall stands around."""
    return firm.walled_by(wall)


def screens(firm: Firm, wall: Wall, staff_id: str) -> bool:
    """Whether the wall, while it is in force, keeps this person out."""
    return firm.names(wall.people, staff_id) is (wall.kind is WallKind.EXCLUDE)


def whom(firm: Firm, wall: Wall) -> frozenset[str]:
    """The staff ids of all whom `screens` names, leavers included, found together and not one by one."""
    named = firm.people(wall.people)
    return named if wall.kind is WallKind.EXCLUDE else frozenset(firm.staff.keys() - named)


def may_know(firm: Firm, wall: Wall, staff_id: str, today: date) -> bool:
    """Whether this admin may know of the wall: who must not see a matter hears of no wall around it (M3)."""
    if wall.in_force(today) and screens(firm, wall, staff_id):
        return False
    around = covered(firm, wall)
    return not around or any(may_access(firm, staff_id, matter, today) for matter in around)
