"""A wall's report: who is kept out, by whom and why, and what they could have read before. Never what was said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.desk import Desk
from bridge.firm.model import Matter, Staff, Wall
from bridge.firm.walls import whom
from bridge.mapping.disclosure import Period, periods
from bridge.matrix.attempts import is_passing
from bridge.matrix.errors import RequestError
from bridge.operations.sight import sight_of
from bridge.store.people.walls import wall_records
from bridge.store.rooms.accounts import localparts_of
from bridge.store.rooms.matters import conversations_of_matter


@dataclass(frozen=True, slots=True)
class WallsReported:
    """The walls that an admin may have a report of."""

    standing: tuple[Wall, ...]
    ended: tuple[Wall, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a report: the wall's terms, or what could be read of one of its matters."""

    wall: Wall
    matter: Matter | None
    last: bool
    """Whether it is the last of the wall."""


@dataclass(frozen=True, slots=True)
class Disclosed:
    """What somebody could read in a conversation before a wall kept them out."""

    conversation: str
    """Its title."""
    person: Staff | None = None
    period: Period | None = None
    unreadable: str = ""
    """Why nobody can tell, in which case there is no person."""


async def walls_reported(desk: Desk, asker: Staff) -> WallsReported:
    """What there can be a report of. Raises Refusal."""
    sight = sight_of(desk, asker)
    records = await desk.store.read(wall_records)
    ended = tuple(one.wall for one in records.values() if one.ended_at and sight.wall(one.wall))
    return WallsReported(tuple(sight.walls), ended)


def pieces(desk: Desk, asker: Staff, walls: Iterable[Wall]) -> list[Piece]:
    """What the report of these walls consists of. Raises Refusal."""
    sight, found = sight_of(desk, asker), list[Piece]()
    for wall in filter(sight.wall, walls):
        seen = [matter for matter in sight.firm.walled_by(wall) if sight.matter(matter)]
        found += [Piece(wall, matter, last=matter is (seen[-1] if seen else None)) for matter in (None, *seen)]
    return found


async def disclosed(desk: Desk, asker: Staff, piece: Piece) -> list[Disclosed]:
    """What those kept out could read of a piece's matter, by room and person. Raises Refusal, and RequestError where
    the homeserver is away."""
    sight, matter = sight_of(desk, asker), piece.matter
    if matter is None or not sight.matter_by_id(matter.id):
        return []
    screened = whom(sight.firm, piece.wall)
    listed, localparts = await desk.store.read(
        lambda unit: (conversations_of_matter(unit, matter.id), localparts_of(unit, screened))
    )
    people = {
        f"@{localpart}:{desk.server_name}": sight.firm.staff[staff_id] for staff_id, localpart in localparts.items()
    }
    return [
        found
        for one in listed
        for room_id in filter(None, (*one.earlier, one.room_id))
        for found in await _of_room(desk, one.conversation.title, room_id, people)
    ]


async def _of_room(desk: Desk, title: str, room_id: str, people: dict[str, Staff]) -> list[Disclosed]:
    try:
        history = await desk.homeserver.history(room_id)
    except RequestError as error:
        if is_passing(error):
            raise
        return [Disclosed(title, unreadable=str(error))]
    return [
        Disclosed(title, person, period)
        for user_id, person in sorted(people.items(), key=lambda item: item[1].name.casefold())
        for period in periods(history, user_id)
    ]
