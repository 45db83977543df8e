"""Walls that are set by command, and who acknowledged them."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain

import structlog

from bridge.clock import now_ms
from bridge.firm.audit import Deed
from bridge.firm.model import Firm, Wall, WallKind
from bridge.firm.walls import covered, screens
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import CommandWall, Conversation, Participant, Screened
from bridge.store.record.audit import record
from bridge.store.rooms.participants import drop

log = structlog.get_logger(__name__)
_TOLD = "INSERT INTO screened (wall_id, staff_id, told_at) VALUES {rows} ON CONFLICT DO NOTHING"
_REFERENCE = re.compile(r"wall-[0-9a-z]{1,18}")
_FIRST, _OTHERS = "bcdfghjkmnpqrstvwxz", "23456789bcdfghjkmnpqrstvwxz"
"""Nothing that is taken for something else when it is read out, typed or copied, and no words."""


@dataclass(frozen=True, slots=True)
class WallsSet:
    """News for those who listen to the store: the walls that are set by command, from now on."""

    walls: tuple[Wall, ...]


@dataclass(frozen=True, slots=True)
class WallRecord:
    """A wall set by command with what happened to it. Times are in milliseconds."""

    wall: Wall
    told: dict[str, int | None]
    """Whom the bot told, by staff id, and when they acknowledged it."""
    ended_at: int | None
    ended_by: str
    """Staff id; empty where it came to its last day."""
    ended_cause: str
    """The event id of the command that lifted it."""


Removed = dict[str, list[str]]
"""The ids of the conversations that somebody was taken out of, by staff id."""


def references() -> Iterator[str]:
    """What a new wall may be called, of which it takes the first that no other has. It counts nothing, since whoever
    is told of one wall would else know how many there are (M3)."""
    while True:
        yield f"wall-{secrets.choice(_FIRST)}{''.join(secrets.choice(_OTHERS) for _ in range(3))}"


def walls_set(unit: ReadUnit) -> tuple[Wall, ...]:
    """The walls set by command that nobody lifted and whose end was not noted yet."""
    rows = CommandWall.select().where(CommandWall.ended_at.is_null()).order_by(CommandWall.number)
    return tuple(_wall(row) for row in unit.all(rows))


def announce_walls(unit: ReadUnit) -> None:
    """Announce WallsSet: what is stored at this moment."""
    unit.announce(WallsSet(walls_set(unit)))


def wall_records(unit: ReadUnit, ids: Collection[str] | None = None) -> dict[str, WallRecord]:
    """The walls set by command with these ids, or all there ever were, by id, oldest first."""
    query = CommandWall.select().order_by(CommandWall.number)
    rows = list(unit.all(query if ids is None else query.where(CommandWall.reference.in_(list(ids)))))
    told: dict[int, dict[str, int | None]] = {}
    for number, staff_id, acknowledged_at in _screened(
        unit, numbers=None if ids is None else [row.number for row in rows]
    ):
        told.setdefault(number, {})[staff_id] = acknowledged_at
    records = (
        WallRecord(_wall(row), told.get(row.number, {}), row.ended_at, row.ended_by, row.ended_cause) for row in rows
    )
    return {one.wall.id: one for one in records}


def walls_ended_by(unit: ReadUnit, cause: str) -> list[Wall]:
    """The walls that the command in this event lifted, oldest first."""
    rows = CommandWall.select().where(CommandWall.ended_cause == cause, CommandWall.ended_at.is_null(False))
    return [_wall(row) for row in unit.all(rows.order_by(CommandWall.number))]


def set_wall(unit: Unit, wall: Wall, firm: Firm, cause: str) -> tuple[Wall, Removed]:
    """Set a wall and take those it screens out of every conversation it stands around (M3), as `begin_wall` and
    `drop_screened` do one after the other."""
    made = begin_wall(unit, wall, cause)
    # One that has ended since, when a dead letter is replayed, takes nobody out again.
    return made, drop_screened(unit, made, firm, made.set_by, cause) if is_set(unit, made.id) else {}


def begin_wall(unit: Unit, wall: Wall, cause: str) -> Wall:
    """Set a wall, which is in force from this commit on, and return it with its id: its own where it has one that a
    wall set by command can have and no other has.

    Who was picked for a conversation that it stands around is taken out of that by `drop_screened`. The same event
    handled again gives the same answer. Announces WallsSet.
    """
    found = unit.find(CommandWall, CommandWall.caused_by == cause)
    if found is None:
        new = CommandWall.insert(
            reference=_free(unit, wall.id),
            kind=wall.kind.value,
            matter_id=wall.matter_id,
            client=wall.client,
            people=json.dumps(wall.people),
            memo=wall.memo,
            set_by=wall.set_by,
            since=wall.since.isoformat() if wall.since else "",
            expires=wall.expires.isoformat() if wall.expires else "",
            caused_by=cause,
        )
        unit.run(new)
    made = _wall(found or unit.get(CommandWall, CommandWall.caused_by == cause))
    if found is None:
        _record(unit, Deed.WALL_SET, made, made.set_by, cause)
    # Also where it is there already: the confirmation of the first commit may have been lost, and with it the news.
    announce_walls(unit)
    return made


def restore_wall(unit: Unit, wall: Wall, firm: Firm, cause: str) -> None:
    """Set a wall again that a backup has lost, under its own id where that is free. Announces WallsSet."""
    made, _ = set_wall(unit, wall, firm, cause)
    log.warning("wall_restored", wall=made.id)


def end_wall(unit: Unit, wall_id: str, firm: Firm, by: str, cause: str) -> bool:
    """Let a wall end: lifted by a staff id, or by nobody where its last day is over. Whether this event ended it.

    Those it screened may come back and are not brought back: also who came under it later, for instance by joining a
    group, is in no conversation of it any more. Announces WallsSet.
    """
    row = _row(unit, wall_id)
    announce_walls(unit)
    if row is None or row.ended_at is not None:
        return row is not None and bool(cause) and row.ended_cause == cause
    wall = _wall(row)
    drop_screened(unit, wall, firm, by, cause)
    unit.run(
        CommandWall.update(ended_at=now_ms(), ended_by=by, ended_cause=cause).where(CommandWall.number == row.number)
    )
    _record(unit, Deed.WALL_LIFTED if by else Deed.WALL_EXPIRED, wall, by, cause)
    announce_walls(unit)
    return True


def end_expired(unit: Unit, firm: Firm, today: date) -> list[Wall]:
    """Let every wall end whose last day lies before this one; returns them."""
    over = [wall for wall in walls_set(unit) if wall.expires is not None and wall.expires < today]
    for wall in over:
        end_wall(unit, wall.id, firm, "", "")
    return over


def is_set(unit: ReadUnit, wall_id: str) -> bool:
    """Whether this wall was set by command and has not ended."""
    found = CommandWall.select().where(CommandWall.reference == wall_id, CommandWall.ended_at.is_null())
    return unit.exists(found)


def told_of(unit: ReadUnit, wall_id: str) -> frozenset[str]:
    """Staff ids of those who were told of a wall set by command."""
    row = _row(unit, wall_id)
    return frozenset(staff_id for _, staff_id, _ in _screened(unit, numbers=[] if row is None else [row.number]))


def note_told(unit: Unit, wall_id: str, staff_ids: Collection[str]) -> None:
    """Note that these people are told of a wall."""
    number, now = unit.get(CommandWall, CommandWall.reference == wall_id).number, now_ms()
    rows = [(number, staff_id, now) for staff_id in staff_ids]
    unit.execute_rows(_TOLD, "(?, ?, ?)", rows)


def acknowledge(unit: Unit, staff_id: str, only: Collection[str], cause: str) -> list[str]:
    """Note that somebody acknowledges the walls they were told of: of these ids, or all for none.

    Returns the ids of all of these that are acknowledged now. Walls that have ended are left out.
    """
    standing = CommandWall.select(CommandWall.number, CommandWall.reference).where(CommandWall.ended_at.is_null())
    known = dict(unit.tuples(standing))
    found = []
    for number, _, acknowledged_at in _screened(unit, staff_id):
        wall_id = known.get(number)
        if wall_id is None or (only and wall_id not in only):
            continue
        found.append(wall_id)
        if acknowledged_at is None:
            unit.run(
                Screened.update(acknowledged_at=now_ms()).where(Screened.wall == number, Screened.staff_id == staff_id)
            )
            record(unit, Deed.WALL_ACKNOWLEDGED, actor=staff_id, subject=wall_id, cause=cause)
    return found


def _screened(
    unit: ReadUnit, staff_id: str = "", numbers: Collection[int] | None = None
) -> list[tuple[int, str, int | None]]:
    """Number of the wall, staff id, and when they acknowledged it, of all who were told, of one person or of walls."""
    rows = Screened.select(Screened.wall, Screened.staff_id, Screened.acknowledged_at)
    if staff_id:
        rows = rows.where(Screened.staff_id == staff_id)
    if numbers is not None:
        rows = rows.where(Screened.wall.in_(list(numbers)))
    return list(unit.tuples(rows.order_by(Screened.wall, Screened.staff_id)))


def drop_screened(
    unit: Unit, wall: Wall, firm: Firm, by: str, cause: str, matters: Collection[str] | None = None
) -> Removed:
    """Take those whom a wall screens out of the conversations of these matters, for None of all that it stands around.

    Returns who was taken out of what. The same event handled again gives the same answer.
    """
    ids = [matter.id for matter in covered(firm, wall)] if matters is None else list(matters)
    removed: Removed = {}
    for conversation_id, staff_ids in screened_among(unit, wall, firm, ids, cause).items():
        for staff_id in drop(unit, conversation_id, staff_ids, by, cause):
            removed.setdefault(staff_id, []).append(conversation_id)
    return removed


def screened_among(
    unit: ReadUnit, wall: Wall, firm: Firm, matters: Collection[str], cause: str
) -> dict[str, list[str]]:
    """Staff ids of those whom `drop_screened` takes, or for this cause took, out of these matters, by conversation."""
    query = (
        Participant.select(Participant.conversation, Participant.staff_id)
        .join(Conversation)
        .where(Conversation.matter_id.in_(list(matters)), Participant.present | (Participant.caused_by == cause))
    )
    if wall.kind is WallKind.EXCLUDE:
        query = query.where(Participant.staff_id.in_(list(firm.people(wall.people))))
    people: dict[str, list[str]] = {}
    for conversation_id, staff_id in unit.tuples(query):
        if screens(firm, wall, staff_id):
            people.setdefault(conversation_id, []).append(staff_id)
    return people


def _record(unit: Unit, deed: Deed, wall: Wall, by: str, cause: str) -> None:
    around = wall.matter_id or f"client {wall.client}"
    whom = ", ".join(wall.people)
    terms = f"until {wall.expires}" if wall.expires else "without end"
    record(
        unit,
        deed,
        actor=by,
        subject=wall.id,
        reason=f"{wall.kind}, {around}, {whom}, {terms}: {wall.memo}",
        cause=cause,
    )


def _row(unit: ReadUnit, wall_id: str) -> CommandWall | None:
    return unit.find(CommandWall, CommandWall.reference == wall_id)


def _free(unit: ReadUnit, wanted: str) -> str:
    """The id of a new wall: the one that is wanted, where that is one and is free."""
    own = [wanted] if _REFERENCE.fullmatch(wanted) else []
    return next(one for one in chain(own, references()) if _row(unit, one) is None)


def _wall(row: CommandWall) -> Wall:
    return Wall(
        id=str(row.reference),
        kind=WallKind(str(row.kind)),
        matter_id=str(row.matter_id),
        client=str(row.client),
        people=tuple(json.loads(str(row.people))),
        memo=str(row.memo),
        set_by=str(row.set_by),
        since=date.fromisoformat(str(row.since)) if row.since else None,
        expires=date.fromisoformat(str(row.expires)) if row.expires else None,
    )
