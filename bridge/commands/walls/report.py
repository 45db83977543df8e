"""A wall's report: who is kept out, by whom and why, and what they could have read before. Never what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from functools import partial
from typing import Annotated

from bridge.commands.asking.paging import MOST_CHARACTERS, PAGE, fitting, in_parts
from bridge.commands.asking.screened import walls_named
from bridge.commands.asking.shown import moment
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, ListPage, Noted, Who
from bridge.commands.walls.listing import terms
from bridge.firm.model import Wall, WallKind
from bridge.mapping.disclosure import Period
from bridge.operations.walls.listing import WallRow, wall_rows
from bridge.operations.walls.report import Piece, disclosed, pieces, walls_reported
from bridge.wording.markdown import escape
from bridge.wording.moments import written
from bridge.wording.people import plain_names
from bridge.wording.walls import shown_around

MATTERS_AT_ONCE = 50
"""Matters that are looked at for one page at most: each asks the homeserver for the histories of its rooms."""
_REMAINS_GUARDED = (
    "- What they saw may be on their devices. The homeserver shows them nothing of it any more, and nothing that was"
    " added to it since."
)
_REMAINS = (
    "- What they saw may be on their devices, and without the guard the homeserver still shows it to them: messages of"
    " that time, and files whose address they kept. Nothing that was said or added since."
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page goes on."""

    piece: int = 0
    line: int = 0
    disclosed: bool = False
    """Whether a page before has said that those kept out could read something of this wall."""


async def _report(
    call: Call, wall: Annotated[str, Argument(ArgumentType.MATTERS, "NUMBER|client:NAME|REFERENCE")]
) -> Answer:
    ids = tuple(one.id for one in await _meant(call, wall))
    return replace(await in_parts(call, partial(_reported, wall)), noted=Noted("wall report", ids=ids))


async def _reported(typed: str, call: Call) -> ListPage:
    """A page, for which so many matters are looked at as it takes, and no more than so many."""
    found = pieces(call.desk, call.sender, await _meant(call, typed))
    place, lines, size = _Place(*call.after or ()), list[str](), 0
    for piece in found[place.piece : place.piece + MATTERS_AT_ONCE]:
        told = await (_terms(call, piece.wall) if piece.matter is None else _of_matter(call, piece))
        could_read = place.disclosed or (piece.matter is not None and bool(told))
        if piece.last:
            told = [*told, _remains(call, disclosed=could_read)]
        for number, line in enumerate(told[place.line :], place.line):
            (cut,) = fitting([line])
            if lines and (len(lines) == PAGE or size + len(cut) > MOST_CHARACTERS):
                return _part(call, lines, replace(place, line=number))
            lines.append(cut)
            size += len(cut) + 1
        place = _Place(place.piece + 1, disclosed=could_read and not piece.last)
    return _part(call, lines, place if place.piece < len(found) else None)


def _part(call: Call, lines: list[str], following: _Place | None) -> ListPage:
    head = "**Report**, without a word of what was said." if call.after is None else ""
    head = head or ("" if lines else "Nothing more was found so far.")
    return ListPage(lines, head, None if following is None else astuple(following))


async def _meant(call: Call, typed: str) -> Sequence[Wall]:
    """The walls that are named, those that have ended by their reference only. Raises CommandError."""
    known = await walls_reported(call.desk, call.sender)
    by_reference = [wall for wall in known.ended if wall.id.casefold() == typed.casefold()]
    firm, today = call.desk.firm(), call.desk.today()
    return by_reference or walls_named(typed, known.standing, firm, call.sender, today)


async def _terms(call: Call, wall: Wall) -> list[str]:
    firm = call.desk.firm()
    named = sorted((firm.staff[one] for one in firm.people(wall.people)), key=lambda person: person.name.casefold())
    who = "keeps out" if wall.kind is WallKind.EXCLUDE else "lets in only"
    people = escape(plain_names(named)) if named else "nobody at present"
    around = f"**{escape(wall.id)}** around {shown_around(firm, wall)}"
    return [
        line
        for row in await wall_rows(call.desk, call.sender, [wall])
        for line in (
            f"- {around} {who} {people}. {terms(call, row)}",
            *_ending(call, row),
            *_acknowledged(call, row),
        )
    ]


def _remains(call: Call, *, disclosed: bool) -> str:
    if not disclosed:
        return "- Nobody it keeps out was ever in a conversation that it stands around."
    return _REMAINS_GUARDED if call.desk.settings.guarded else _REMAINS


def _ending(call: Call, row: WallRow) -> list[str]:
    if row.record is None or row.record.ended_at is None:
        return []
    staff, ended_by = call.desk.firm().staff, row.record.ended_by
    by = f"lifted by {escape(staff[ended_by].name)}" if ended_by in staff else "ended"
    return [f"- It was {by} on {moment(call, row.record.ended_at)}"]


def _acknowledged(call: Call, row: WallRow) -> list[str]:
    staff, told = call.desk.firm().staff, row.record.told if row.record else {}
    when = {staff_id: moment(call, at) if at else "not yet" for staff_id, at in told.items()}
    when |= {staff_id: written(call.desk.settings.firm, day) for staff_id, day in row.wall.acknowledged}
    return [f"- {escape(staff[one].name)} acknowledged it: {at}" for one, at in when.items() if one in staff]


async def _of_matter(call: Call, piece: Piece) -> list[str]:
    number = escape(piece.matter.number) if piece.matter is not None else ""
    return [
        f"- {number} · {escape(one.conversation)}: "
        + (
            f"{escape(one.person.name)} {_shown(call, one.period)}"
            if one.person is not None and one.period is not None
            else f"its history cannot be read: {escape(one.unreadable)}"
        )
        for one in await disclosed(call.desk, call.sender, piece)
    ]


def _shown(call: Call, period: Period) -> str:
    until = f"until {moment(call, period.until)}" if period.until is not None else "and is still in it"
    return (
        f"was in it from {moment(call, period.since)} {until}; {period.sent} messages were sent in that time,"
        f" {period.readable} could be read with those from before"
    )


WALL_REPORT = Command(
    "wall report",
    "Who is behind a wall, and what they could read before",
    _report,
    help="Shows of a wall who is kept out, who set it, why, since when and until when, and when it was acknowledged;"
    " then for each conversation when those kept out were in it, how many messages were sent in that time, and how many"
    " they could read. What was said is not shown.",
    examples=("!wall report wall-x7k2", "!wall report 2026-0042"),
    who=Who.FIRM_ADMIN,
    group="Administration",
)
