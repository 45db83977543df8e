"""Walls that are set by command, and who acknowledged them. All are units of work."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import cast

import structlog

from bridge.firm.audit import Deed
from bridge.firm.model import Firm, Wall, WallKind
from bridge.firm.walls import covered, screens
from bridge.store.audit import record
from bridge.store.conversations import now_ms
from bridge.store.models import CommandWall, Conversation, Participant, Screened
from bridge.store.news import announce
from bridge.store.participants import drop
from bridge.store.sql import skip_to

log = structlog.get_logger(__name__)
_ID = "wall-"
_DIGITS = 18


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


def walls_set() -> tuple[Wall, ...]:
    """The walls set by command that nobody lifted and whose end was not noted yet."""
    rows = CommandWall.select().where(CommandWall.ended_at.is_null()).order_by(CommandWall.number)
    return tuple(_wall(row) for row in rows)


def announce_walls() -> None:
    """Announce WallsSet: what is stored at this moment."""
    announce(WallsSet(walls_set()))


def wall_records() -> dict[str, WallRecord]:
    """All walls ever set by command, by id, oldest first."""
    told: dict[int, dict[str, int | None]] = {}
    for number, staff_id, acknowledged_at in _screened():
        told.setdefault(number, {})[staff_id] = acknowledged_at
    return {
        wall.id: WallRecord(wall, told.get(row.number, {}), row.ended_at, row.ended_by, row.ended_cause)
        for row in CommandWall.select().order_by(CommandWall.number)
        for wall in (_wall(row),)
    }


def set_wall(wall: Wall, firm: Firm, cause: str, number: int = 0) -> tuple[Wall, Removed]:
    """Set a wall and take those it screens out of every conversation it stands around (M3). 0 is the next number.

    Returns it with its id, and who was taken out of what. The same event handled again gives the same answer. Announces
    WallsSet.
    """
    found = CommandWall.get_or_none(CommandWall.caused_by == cause)
    row = found or CommandWall.create(
        kind=wall.kind.value,
        matter_id=wall.matter_id,
        client=wall.client,
        people=json.dumps(wall.people),
        memo=wall.memo,
        set_by=wall.set_by,
        since=wall.since.isoformat() if wall.since else "",
        expires=wall.expires.isoformat() if wall.expires else "",
        caused_by=cause,
        **({"number": number} if number else {}),
    )
    if number:
        skip_to(CommandWall.number)
    made = _wall(row)
    if found is None:
        _record(Deed.WALL_SET, made, made.set_by, cause)
    # Also where it is there already: the confirmation of the first commit may have been lost, and with it the news.
    announce_walls()
    # One that has ended since, when a dead letter is replayed, takes nobody out again.
    return made, _drop_screened(made, firm, made.set_by, cause) if row.ended_at is None else {}


def restore_wall(wall: Wall, firm: Firm, cause: str) -> None:
    """Set a wall again that a backup has lost, under its own number where that is free. Announces WallsSet."""
    number = _number(wall.id)
    taken = CommandWall.get_or_none(CommandWall.number == number) is not None
    made, _ = set_wall(wall, firm, cause, 0 if taken else number)
    log.warning("wall_restored", wall=made.id)


def end_wall(wall_id: str, firm: Firm, by: str, cause: str) -> bool:
    """Let a wall end: lifted by a staff id, or by nobody where its last day is over. Whether this event ended it.

    Those it screened may come back and are not brought back: also who came under it later, for instance by joining a
    group, is in no conversation of it any more. Announces WallsSet.
    """
    row = CommandWall.get_or_none(CommandWall.number == _number(wall_id))
    announce_walls()
    if row is None or row.ended_at is not None:
        return row is not None and bool(cause) and row.ended_cause == cause
    wall = _wall(row)
    _drop_screened(wall, firm, by, cause)
    CommandWall.update(ended_at=now_ms(), ended_by=by, ended_cause=cause).where(
        CommandWall.number == row.number
    ).execute()
    _record(Deed.WALL_LIFTED if by else Deed.WALL_EXPIRED, wall, by, cause)
    announce_walls()
    return True


def end_expired(firm: Firm, today: date) -> list[Wall]:
    """Let every wall end whose last day lies before this one; returns them."""
    over = [wall for wall in walls_set() if wall.expires is not None and wall.expires < today]
    for wall in over:
        end_wall(wall.id, firm, "", "")
    return over


def note_told(wall_id: str, staff_id: str) -> bool:
    """Note that somebody is told of a wall. Whether they were not told before."""
    insert = Screened.insert(wall=_number(wall_id), staff_id=staff_id, told_at=now_ms()).on_conflict_ignore()
    return bool(insert.as_rowcount().execute())


def acknowledge(staff_id: str, only: Collection[str], cause: str) -> list[str]:
    """Note that somebody acknowledges the walls they were told of: of these ids, or all for none.

    Returns the ids of all of these that are acknowledged now. Walls that have ended are left out.
    """
    known = {wall.id for wall in walls_set()}
    found = []
    for number, _, acknowledged_at in _screened(staff_id):
        wall_id = f"{_ID}{number}"
        if wall_id not in known or (only and wall_id not in only):
            continue
        found.append(wall_id)
        if acknowledged_at is None:
            Screened.update(acknowledged_at=now_ms()).where(
                Screened.wall == number, Screened.staff_id == staff_id
            ).execute()
            record(Deed.WALL_ACKNOWLEDGED, actor=staff_id, subject=wall_id, cause=cause)
    return found


def _screened(staff_id: str = "") -> list[tuple[int, str, int | None]]:
    """Number of the wall, staff id, and when they acknowledged it, of all who were told, or of one person."""
    rows = Screened.select(Screened.wall, Screened.staff_id, Screened.acknowledged_at)
    if staff_id:
        rows = rows.where(Screened.staff_id == staff_id)
    return list(cast("Iterable[tuple[int, str, int | None]]", rows.order_by(Screened.wall, Screened.staff_id).tuples()))


def _drop_screened(wall: Wall, firm: Firm, by: str, cause: str) -> Removed:
    matters = [matter.id for matter in covered(firm, wall)]
    rows = cast(
        "Iterable[tuple[str, str]]",
        Participant.select(Participant.conversation, Participant.staff_id)
        .join(Conversation)
        .where(Conversation.matter_id.in_(matters))
        .tuples(),
    )
    people: dict[str, list[str]] = {}
    for conversation_id, staff_id in rows:
        if screens(firm, wall, staff_id):
            people.setdefault(conversation_id, []).append(staff_id)
    removed: Removed = {}
    for conversation_id, staff_ids in people.items():
        for staff_id in drop(conversation_id, staff_ids, by, cause):
            removed.setdefault(staff_id, []).append(conversation_id)
    return removed


def _record(deed: Deed, wall: Wall, by: str, cause: str) -> None:
    around = wall.matter_id or f"client {wall.client}"
    whom = ", ".join(wall.people)
    terms = f"until {wall.expires}" if wall.expires else "without end"
    record(deed, actor=by, subject=wall.id, reason=f"{wall.kind}, {around}, {whom}, {terms}: {wall.memo}", cause=cause)


def _number(wall_id: str) -> int:
    """The number in an id, 0 for what is no id of a wall set by command."""
    number = wall_id.removeprefix(_ID)
    known = wall_id.startswith(_ID) and number.isascii() and number.isdecimal() and len(number) < _DIGITS
    return int(number) if known else 0


def _wall(row: CommandWall) -> Wall:
    return Wall(
        id=f"{_ID}{row.number}",
        kind=WallKind(str(row.kind)),
        matter_id=str(row.matter_id),
        client=str(row.client),
        people=tuple(json.loads(str(row.people))),
        memo=str(row.memo),
        set_by=str(row.set_by),
        since=date.fromisoformat(str(row.since)) if row.since else None,
        expires=date.fromisoformat(str(row.expires)) if row.expires else None,
    )
