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


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What a list of walls is narrowed down to: what is around a matter or a client, or keeps a staff id out."""

    matter_id: str = ""
    client: str = ""
    keeps_out: str = ""


def walls_listed(desk: Desk, asker: Staff, to: Narrowed) -> list[Wall]:
    """The walls whose last day is not over. Raises Refusal."""
    sight = sight_of(desk, asker)
    walls = [wall for wall in sight.walls if not wall.expires or wall.expires >= sight.today]
    if to.keeps_out:
        return [wall for wall in walls if screens(sight.firm, wall, to.keeps_out)]
    if to.matter_id:
        standing = {wall.id for wall in sight.firm.walls_around(sight.firm.matters[to.matter_id])}
        return [wall for wall in walls if wall.id in standing]
    return [wall for wall in walls if wall.client.casefold() == to.client.casefold()] if to.client else walls


async def wall_rows(desk: Desk, asker: Staff, walls: Sequence[Wall]) -> list[WallRow]:
    """A page of walls with what happened to each, without those that may not be named any more. Raises Refusal."""
    sight = sight_of(desk, asker)
    seen = [wall for wall in walls if sight.wall(wall)]
    records = await desk.store.read(wall_records, [wall.id for wall in seen])
    return [WallRow(wall, records.get(wall.id)) for wall in seen]
