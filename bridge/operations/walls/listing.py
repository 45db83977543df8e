"""The walls that are in force or to come, as far as an admin may know of them (M3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.desk import Desk
from bridge.firm.model import Staff, Wall
from bridge.firm.walls import screens
from bridge.operations.sight import sight_of
from bridge.store.people.walls import WallRecord, wall_records


@dataclass(frozen=True, slots=True)
class WallRow:
    """A wall, and what happened to it."""

    wall: Wall
    record: WallRecord | None
    """None for one of the directory."""


def walls_listed(desk: Desk, asker: Staff, *, matter_id: str = "", client: str = "", keeps_out: str = "") -> list[Wall]:
    """The walls whose last day is not over: all, or those around a matter, those around a client, or those that keep
    this staff id out. Raises Refusal."""
    sight = sight_of(desk, asker)
    walls = [wall for wall in sight.walls if not wall.expires or wall.expires >= sight.today]
    if keeps_out:
        return [wall for wall in walls if screens(sight.firm, wall, keeps_out)]
    if matter_id:
        standing = {wall.id for wall in sight.firm.walls_around(sight.firm.matters[matter_id])}
        return [wall for wall in walls if wall.id in standing]
    return [wall for wall in walls if wall.client.casefold() == client.casefold()] if client else walls


async def wall_rows(desk: Desk, asker: Staff, walls: Sequence[Wall]) -> list[WallRow]:
    """A page of walls with what happened to each, without those that may not be named any more. Raises Refusal."""
    sight = sight_of(desk, asker)
    seen = [wall for wall in walls if sight.wall(wall)]
    records = await desk.store.read(lambda: wall_records([wall.id for wall in seen]))
    return [WallRow(wall, records.get(wall.id)) for wall in seen]
