"""What a wall would do, before it is set. Changes nothing (M3, O2)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from peewee import chunked

from bridge.desk import Desk
from bridge.firm.model import Matter, Staff, Wall
from bridge.firm.policy import desired_participants
from bridge.firm.walls import screens
from bridge.operations.sight import require_admin
from bridge.operations.walls.setting import require_terms
from bridge.refusal import Kind, Refusal
from bridge.store.engine.unit import ReadUnit
from bridge.store.files.handouts import given_out
from bridge.store.people.walls import screened_among
from bridge.store.rooms.matters import conversations_of_matter

_MATTERS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class WallForeseen:
    """What a wall would do, as far as whoever asks may know."""

    wall: Wall
    matters: int
    """That it would stand around."""
    rooms: int
    """Conversations that somebody would be taken out of."""
    people: tuple[tuple[Staff, int], ...]
    """Who would be taken out, by name, each of how many."""
    handed_out: int
    """Transcripts of these matters that those whom it keeps out were given and could not open any more."""


async def foresee_wall(desk: Desk, asker: Staff, wanted: Wall, *, number: str = "", client: str = "") -> WallForeseen:
    """What a wall of this form, with these people, this memo and this last day, would do around the matter of this
    number, or all matters of this client. Raises Refusal where there can be no such wall."""
    sight = require_admin(desk, asker)
    seen = {matter.number.casefold(): matter for matter in sight.matters}
    clients = {name.casefold(): name for matter in sight.matters for name in matter.clients}
    matter, known = seen.get(number.casefold()), clients.get(client.casefold(), client)
    if number and (matter is None or client):
        raise Refusal(Kind.NOTHING_TO_WALL, typed=number)
    wall = replace(wanted, matter_id="" if matter is None else matter.id, client=known, since=sight.today)
    require_terms(wall, sight)
    screened = {one for one in sight.firm.active_staff if screens(sight.firm, wall, one)}
    around = [one for one in sight.firm.walled_by(wall) if sight.matter(one)]
    rooms, counts = 0, Counter[str]()

    def work(unit: ReadUnit, some: list[Matter]) -> list[frozenset[str]]:
        held = (one.conversation for each in some for one in conversations_of_matter(unit, each.id))
        return [desired_participants(sight.firm, one, sight.today) & screened for one in held]

    for some in chunked(around, _MATTERS_AT_ONCE):
        for taken_out in await desk.store.read(work, list(some)):
            rooms += bool(taken_out)
            counts.update(taken_out)
    ids = {one.id for one in around}
    handed_out = sum(one.staff_id in screened and one.matter_id in ids for one in await desk.store.read(given_out))
    people = sorted(((sight.firm.staff[one], count) for one, count in counts.items()), key=_by_name)
    return WallForeseen(wall, len(around), rooms, tuple(people), handed_out)


async def foresee_taken_out(desk: Desk, asker: Staff, wanted: Wall, cause: str) -> dict[str, int]:
    """Of how many conversations `set_wall` would take each person out, by staff id. Raises Refusal as that does.

    Only reads, some matters at a time, so that a wall around all matters of a client holds the store for no longer than
    setting it does.
    """
    sight = require_admin(desk, asker)
    require_terms(wanted, sight)
    ids = [matter.id for matter in sight.firm.walled_by(wanted) if sight.matter(matter)]
    counts = Counter[str]()
    for some in chunked(ids, _MATTERS_AT_ONCE):
        found = await desk.store.read(screened_among, wanted, sight.firm, list(some), cause)
        counts.update(staff_id for taken_out in found.values() for staff_id in taken_out)
    return {staff_id: count for staff_id, count in counts.items() if staff_id in sight.firm.staff}


def _by_name(one: tuple[Staff, int]) -> str:
    return one[0].name.casefold()
