"""A wall's report: who is kept out, by whom and why, and what they could have read before. Never what was said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bridge.commands.asking.paging import MOST_CHARACTERS, PAGE, fitting, in_parts
from bridge.commands.asking.screened import known_walls, shown_around, walls_named
from bridge.commands.asking.shown import moment
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, Noted, Part, Who
from bridge.commands.walls.listing import terms
from bridge.firm.disclosure import Period, periods
from bridge.firm.model import Matter, Wall, WallKind
from bridge.firm.policy import may_access
from bridge.firm.walls import covered, may_know, screens
from bridge.matrix.attempts import is_passing
from bridge.matrix.errors import RequestError
from bridge.store.people.walls import WallRecord, wall_records
from bridge.store.rooms.conversations import staff_by_localpart
from bridge.store.rooms.matters import conversations_of_matter
from bridge.wording.markdown import escape
from bridge.wording.moments import written
from bridge.wording.people import plain_names

_MATTERS_AT_ONCE = 50
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


_Piece = tuple[Wall, Matter | None, bool]
"""A wall's terms, or what could be read of one of its matters; and whether that is the last of the wall."""


async def _report(call: Call) -> Answer:
    ids = tuple(wall.id for wall in _meant(call, await call.desk.store.read(wall_records)))
    return replace(await in_parts(call, _reported), noted=Noted("wall report", ids=ids))


async def _reported(call: Call, after: _Place | None) -> Part:
    """A page, for which so many matters are looked at as it takes, and no more than so many."""
    records = await call.desk.store.read(wall_records)
    pieces = _pieces(call, _meant(call, records))
    place, lines, size = after or _Place(), list[str](), 0
    for wall, matter, last in pieces[place.piece : place.piece + _MATTERS_AT_ONCE]:
        told = _terms(call, wall, records.get(wall.id)) if matter is None else await _of_matter(call, wall, matter)
        disclosed = place.disclosed or (matter is not None and bool(told))
        if last:
            told = [*told, _remains(call, disclosed=disclosed)]
        for number, line in enumerate(told[place.line :], place.line):
            (cut,) = fitting([line])
            if lines and (len(lines) == PAGE or size + len(cut) > MOST_CHARACTERS):
                return _part(after, lines, replace(place, line=number))
            lines.append(cut)
            size += len(cut) + 1
        place = _Place(place.piece + 1, disclosed=disclosed and not last)
    return _part(after, lines, place if place.piece < len(pieces) else None)


def _part(after: _Place | None, lines: list[str], following: _Place | None) -> Part:
    head = "**Report**, without a word of what was said." if after is None else ""
    return Part(lines, head or ("" if lines else "Nothing more was found so far."), following)


def _pieces(call: Call, walls: Iterable[Wall]) -> list[_Piece]:
    firm, today = call.desk.firm(), call.desk.reconciler.today()
    found = list[_Piece]()
    for wall in walls:
        seen = [matter for matter in covered(firm, wall) if may_access(firm, call.sender.id, matter, today)]
        found += [(wall, matter, matter is (seen[-1] if seen else None)) for matter in (None, *seen)]
    return found


def _meant(call: Call, records: Mapping[str, WallRecord]) -> Sequence[Wall]:
    """The walls that are named, those that have ended by their reference only. Raises CommandError."""
    firm, today = call.desk.firm(), call.desk.reconciler.today()
    ended = [one.wall for one in records.values() if one.ended_at and may_know(firm, one.wall, call.sender.id, today)]
    known = known_walls(firm, call.sender, today)
    typed = call.values["wall"]
    by_reference = [wall for wall in ended if wall.id.casefold() == typed.casefold()]
    return by_reference or walls_named(typed, known, firm, call.sender, today)


def _terms(call: Call, wall: Wall, record: WallRecord | None) -> list[str]:
    firm = call.desk.firm()
    named = sorted((firm.staff[one] for one in firm.people(wall.people)), key=lambda person: person.name.casefold())
    who = "keeps out" if wall.kind is WallKind.EXCLUDE else "lets in only"
    people = escape(plain_names(named)) if named else "nobody at present"
    return [
        f"- **{escape(wall.id)}** around {shown_around(firm, wall)} {who} {people}. {terms(call, wall, record)}",
        *_ending(call, record),
        *_acknowledged(call, wall, record),
    ]


def _remains(call: Call, *, disclosed: bool) -> str:
    if not disclosed:
        return "- Nobody it keeps out was ever in a conversation that it stands around."
    return _REMAINS_GUARDED if call.desk.settings.guarded else _REMAINS


def _ending(call: Call, record: WallRecord | None) -> list[str]:
    if record is None or record.ended_at is None:
        return []
    firm = call.desk.firm()
    by = f"lifted by {escape(firm.staff[record.ended_by].name)}" if record.ended_by in firm.staff else "ended"
    return [f"- It was {by} on {moment(call, record.ended_at)}"]


def _acknowledged(call: Call, wall: Wall, record: WallRecord | None) -> list[str]:
    firm, told = call.desk.firm(), record.told if record else {}
    when = {staff_id: moment(call, at) if at else "not yet" for staff_id, at in told.items()}
    when |= {staff_id: written(call.desk.settings.firm, day) for staff_id, day in wall.acknowledged}
    return [f"- {escape(firm.staff[one].name)} acknowledged it: {at}" for one, at in when.items() if one in firm.staff]


async def _of_matter(call: Call, wall: Wall, matter: Matter) -> list[str]:
    firm = call.desk.firm()
    listed, localparts = await call.desk.store.read(lambda: (conversations_of_matter(matter.id), staff_by_localpart()))
    kept_out = {
        f"@{localpart}:{call.desk.server_name}": firm.staff[staff_id].name
        for localpart, staff_id in localparts.items()
        if staff_id in firm.staff and screens(firm, wall, staff_id)
    }
    lines = []
    for one in listed:
        name = f"{escape(matter.number)} · {escape(one.conversation.title)}"
        for room_id in filter(None, (*one.earlier, one.room_id)):
            lines += [f"- {name}: {line}" for line in await _of_room(call, room_id, kept_out)]
    return lines


async def _of_room(call: Call, room_id: str, people: dict[str, str]) -> Sequence[str]:
    try:
        history = await call.desk.homeserver.history(room_id)
    except RequestError as error:
        if is_passing(error):
            raise
        return (f"its history cannot be read: {escape(str(error))}",)
    return [
        f"{escape(name)} {_shown(call, period)}"
        for user_id, name in sorted(people.items(), key=lambda item: item[1].casefold())
        for period in periods(history, user_id)
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
    (Argument("wall", ArgumentType.MATTERS, shown="NUMBER|client:NAME|REFERENCE"),),
    help="Shows of a wall who is kept out, who set it, why, since when and until when, and when it was acknowledged;"
    " then for each conversation when those kept out were in it, how many messages were sent in that time, and how many"
    " they could read. What was said is not shown.",
    examples=("!wall report wall-3", "!wall report 2026-0042"),
    who=Who.FIRM_ADMIN,
    group="Administration",
)
