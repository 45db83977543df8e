"""Setting and lifting ethical walls (M3)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from peewee import chunked

from bridge import faults
from bridge.desk import Desk
from bridge.firm.model import Firm, Matter, Staff, Wall, WallKind
from bridge.firm.room_keys import matter_space_key
from bridge.firm.sight import Sight
from bridge.operations.sight import require_admin
from bridge.operations.walls.telling import tell_ended, tell_of_wall
from bridge.refusal import Kind, Refusal
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.people.walls import Removed, begin_wall, drop_screened, end_wall, is_set, wall_records, walls_ended_by
from bridge.store.rooms.matters import conversations_of_matter

GUARD_SECONDS = 3.0
"""How long a wall waits for the guard before those it keeps out are taken out."""
UNTOLD = "The guard in the homeserver could not be told."
MATTERS_AT_ONCE = 50
"""Matters whose conversations people are taken out of in one unit."""
MEMO_MAX = 1000
"""Characters of a memo."""


@dataclass(frozen=True, slots=True)
class WallMade:
    """A wall that is in force, and what came of it as far as whoever set it may know."""

    wall: Wall
    taken_out: dict[str, int]
    """Of how many conversations each person was a participant, by staff id."""
    not_done: tuple[str, ...]
    """What is tried again, as sentences."""


@dataclass(frozen=True, slots=True)
class WallsLifted:
    """Walls that have ended."""

    walls: tuple[Wall, ...]
    not_done: tuple[str, ...]
    """What is tried again, as sentences."""


async def set_wall(desk: Desk, asker: Staff, wanted: Wall, cause: str) -> WallMade:
    """Set a wall of this form, around this, with these people, this memo and this last day.

    Those it keeps out are out of every conversation that it stands around, and told of it, when this returns. Raises
    Refusal.
    """
    # What the admin may know of is asked of the firm as it was: they may wall themselves off.
    sight = require_admin(desk, asker)
    require_terms(wanted, sight)
    wanted = replace(wanted, id="", set_by=asker.id, since=sight.today)
    made = await desk.store.run(begin_wall, wanted, cause)
    faults.point("wall.set")
    # Also where there is no room yet for which it would be told. One that does not answer lets nobody stay.
    untold = await desk.reconciler.guarding.told(within=GUARD_SECONDS)
    removed = await _drop(desk, asker, made, cause)
    matters = sight.firm.walled_by(made)
    shown, failed = await _close(desk, [matter for matter in matters if sight.matter(matter)], removed)
    # Of these the answer says nothing; what fails is in the log and tried again.
    await _close(desk, [matter for matter in matters if not sight.matter(matter)], removed)
    await desk.reconciler.passes.take_back()
    # Only now, so that nobody is warned while they can still read.
    await desk.store.run(tell_of_wall, made, sight.firm, desk.settings)
    failed = (*failed, UNTOLD) if untold is not None else failed
    return WallMade(made, _counts(removed, shown, sight.firm), failed)


async def lift_walls(desk: Desk, asker: Staff, wall_ids: Collection[str], cause: str) -> WallsLifted:
    """End these walls, all of them or, where one cannot be lifted by command, none. Raises Refusal."""
    sight = require_admin(desk, asker)
    known = {wall.id: wall for wall in await walls_to_lift(desk, asker, cause)}
    if missing := [wall_id for wall_id in wall_ids if wall_id not in known]:
        raise Refusal(Kind.NO_SUCH_WALL, typed=missing[0])
    meant = [known[wall_id] for wall_id in dict.fromkeys(wall_ids)]
    records = await desk.store.read(wall_records, [wall.id for wall in meant])
    if fixed := tuple(wall.id for wall in meant if wall.id not in records):
        raise Refusal(Kind.WALLS_OF_DIRECTORY, walls=fixed)

    def work(unit: Unit) -> None:
        for wall in meant:
            if end_wall(unit, wall.id, sight.firm, asker.id, cause):
                tell_ended(unit, wall, sight.firm, desk.settings)

    for wall in meant:
        await _drop(desk, asker, wall, cause)
    await desk.store.run(work)
    faults.point("wall.lifted")
    untold = await desk.reconciler.guarding.told(within=GUARD_SECONDS)
    return WallsLifted(tuple(meant), (UNTOLD,) if untold is not None else ())


async def walls_to_lift(desk: Desk, asker: Staff, cause: str) -> tuple[Wall, ...]:
    """The walls that this admin may know of, those of the directory among them, which are lifted there."""
    sight = require_admin(desk, asker)
    # Those that this very cause lifted before a crash count as not lifted yet.
    return (*sight.walls, *await desk.store.read(walls_ended_by, cause))


def require_terms(wanted: Wall, sight: Sight) -> None:
    """Raise Refusal where there can be no such wall."""
    around = sight.firm.walled_by(wanted)
    if not any(map(sight.matter, around)):
        # The same whether or not there is such a one (M3).
        raise Refusal(Kind.NOTHING_TO_WALL, typed=wanted.matter_id or wanted.client)
    if not wanted.memo:
        raise Refusal(Kind.NO_MEMO)
    if len(wanted.memo) > MEMO_MAX:
        raise Refusal(Kind.MEMO_TOO_LONG, length=len(wanted.memo), most=MEMO_MAX)
    if wanted.expires is not None and wanted.expires < sight.today:
        raise Refusal(Kind.WALL_WOULD_BE_OVER, last=str(wanted.expires), today=str(sight.today))
    _require_people(wanted, sight.firm)


def _require_people(wanted: Wall, firm: Firm) -> None:
    """Raise Refusal where the wall names nobody whom it could mean."""
    groups = {group.id for group in firm.groups.values() if not group.deleted}
    if unknown := [one for one in wanted.people if one not in groups and one not in firm.staff]:
        raise Refusal(Kind.WALL_NAMES_UNKNOWN, typed=unknown[0])
    if not wanted.people:
        raise Refusal(Kind.WALL_NAMES_NOBODY)
    # Around what everybody is shut out of no admin may know of a wall, and none could lift it.
    if wanted.kind is WallKind.ONLY and firm.people(wanted.people).isdisjoint(firm.active_staff):
        raise Refusal(Kind.WALL_LETS_NOBODY_IN)


async def _drop(desk: Desk, asker: Staff, wall: Wall, cause: str) -> Removed:
    """Take those whom a wall screens out of what is stored, some matters at a time; nobody where it has ended since."""
    removed: Removed = {}

    def work(unit: Unit, some: Sequence[str]) -> Removed:
        return drop_screened(unit, wall, firm, asker.id, cause, some) if is_set(unit, wall.id) else {}

    firm = desk.firm()
    for some in chunked([matter.id for matter in firm.walled_by(wall)], MATTERS_AT_ONCE):
        for staff_id, conversations in (await desk.store.run(work, some)).items():
            removed.setdefault(staff_id, []).extend(conversations)
    return removed


async def _close(desk: Desk, matters: Sequence[Matter], removed: Removed) -> tuple[set[str], tuple[str, ...]]:
    """Take those who are out of these matters' conversations out of the rooms too.

    First the rooms where somebody was, which the bridge alone lets people into, then what lists them. Returns the ids
    of all conversations, and what could not be done.
    """

    def work(unit: ReadUnit, some: Sequence[Matter]) -> set[str]:
        return {one.conversation.id for matter in some for one in conversations_of_matter(unit, matter.id)}

    keys = set[str]()
    for some in chunked(matters, MATTERS_AT_ONCE):
        keys |= await desk.store.read(work, some)
    first = keys & {key for conversations in removed.values() for key in conversations}
    await desk.reconciler.passes.take_out(*sorted(first), *(matter_space_key(matter.id) for matter in matters))
    outcomes = [await desk.reconciler.rooms.converge(*sorted(each)) for each in (first, keys - first) if each]
    return keys, tuple(failure for outcome in outcomes for failure in outcome.failed)


def _counts(removed: Removed, shown: set[str], firm: Firm) -> dict[str, int]:
    """Of how many of the conversations shown each person of the firm was a participant."""
    counts = {staff_id: len(shown.intersection(conversations)) for staff_id, conversations in removed.items()}
    return {staff_id: count for staff_id, count in counts.items() if count and staff_id in firm.staff}
