"""A wall's report: who is kept out, by whom and why, and what they could have read before. Never what was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bridge.commands.conversations import plain_names
from bridge.commands.moments import moment, written
from bridge.commands.paging import paged
from bridge.commands.replies import escape
from bridge.commands.table import Answer, Argument, ArgumentType, Call, Command, List, Noted, Who
from bridge.commands.wall_find import known_walls, shown_around, walls_named
from bridge.commands.wall_list import terms
from bridge.firm.disclosure import Period, periods
from bridge.firm.model import Matter, Wall, WallKind
from bridge.firm.policy import may_access
from bridge.firm.walls import covered, may_know, screens
from bridge.matrix.attempts import is_passing
from bridge.matrix.errors import HomeserverError
from bridge.store.conversations import staff_by_localpart
from bridge.store.matters import conversations_of_matter
from bridge.store.walls import WallRecord, wall_records

_REMAINS_GUARDED = (
    "- What they saw may be on their devices. The homeserver shows them nothing of it any more, and nothing that was"
    " added to it since."
)
_REMAINS = (
    "- What they saw may be on their devices, and without the guard the homeserver still shows it to them: messages of"
    " that time, and files whose address they kept. Nothing that was said or added since."
)


async def _report(call: Call) -> Answer:
    ids = tuple(wall.id for wall in _meant(call, await call.desk.store.run(wall_records)))
    return replace(await paged(call, _reported), noted=Noted("wall report", ids=ids))


async def _reported(call: Call) -> List:
    records = await call.desk.store.run(wall_records)
    walls = _meant(call, records)
    lines = [line for wall in walls for line in await _of_wall(call, wall, records.get(wall.id))]
    return List(lines, "**Report**, without a word of what was said.")


def _meant(call: Call, records: Mapping[str, WallRecord]) -> Sequence[Wall]:
    """The walls that are named, those that have ended by their reference only. Raises CommandError."""
    firm, today = call.desk.firm(), call.desk.reconciler.today()
    ended = [one.wall for one in records.values() if one.ended_at and may_know(firm, one.wall, call.sender.id, today)]
    known = known_walls(firm, call.sender, today)
    typed = call.values["wall"]
    by_reference = [wall for wall in ended if wall.id.casefold() == typed.casefold()]
    return by_reference or walls_named(typed, known, firm, call.sender, today)


async def _of_wall(call: Call, wall: Wall, record: WallRecord | None) -> list[str]:
    firm, today = call.desk.firm(), call.desk.reconciler.today()
    named = sorted((firm.staff[one] for one in firm.people(wall.people)), key=lambda person: person.name.casefold())
    who = "keeps out" if wall.kind is WallKind.EXCLUDE else "lets in only"
    people = escape(plain_names(named)) if named else "nobody at present"
    lines = [
        f"- **{escape(wall.id)}** around {shown_around(firm, wall)} {who} {people}. {terms(call, wall, record)}",
        *_ending(call, record),
        *_acknowledged(call, wall, record),
    ]
    matters = [matter for matter in covered(firm, wall) if may_access(firm, call.sender.id, matter, today)]
    disclosed = [line for matter in matters for line in await _of_matter(call, wall, matter)]
    if disclosed:
        disclosed.append(_REMAINS_GUARDED if call.desk.settings.guarded else _REMAINS)
    return [*lines, *(disclosed or ["- Nobody it keeps out was ever in a conversation that it stands around."])]


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
    listed, localparts = await call.desk.store.run(lambda: (conversations_of_matter(matter.id), staff_by_localpart()))
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
    except HomeserverError as error:
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
