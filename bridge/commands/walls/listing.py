"""The walls that are in force or to come, as far as the admin may know of them (M3)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from bridge.commands.asking.paging import paged
from bridge.commands.asking.people import People
from bridge.commands.asking.screened import known_walls, read_around, shown_wall
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, List, Who
from bridge.firm.model import Wall
from bridge.firm.walls import screens
from bridge.store.people.walls import WallRecord, wall_records
from bridge.store.rooms.conversations import staff_by_localpart
from bridge.wording.markdown import escape
from bridge.wording.moments import written
from bridge.wording.people import plain_names


async def _list(call: Call) -> Answer:
    return await paged(call, _listed)


async def _listed(call: Call) -> List:
    firm, today, typed = call.desk.firm(), call.desk.reconciler.today(), call.values.get("about", "")
    walls = [wall for wall in known_walls(firm, call.sender, today) if not wall.expires or wall.expires >= today]
    if "@" in typed and not typed.casefold().startswith("client:"):
        localparts = await call.desk.store.read(staff_by_localpart)
        people = People(firm, localparts, call.desk.server_name, call.desk.settings.appservice.bot_localpart)
        person = people.marked(typed)
        walls = [wall for wall in walls if screens(firm, wall, person.id)]
    elif typed:
        around, _ = read_around(typed, firm, call.sender, today)
        if around is not None and around.matter is not None:
            standing = {wall.id for wall in firm.walls_around(around.matter)}
            walls = [wall for wall in walls if wall.id in standing]
        elif around is not None:
            walls = [wall for wall in walls if around.is_named_by(wall)]
    if not walls:
        return List((), "There is no such wall." if typed else "There are no walls.")
    return List(walls, shown=partial(_lines, call))


async def _lines(call: Call, walls: Sequence[Wall]) -> list[str]:
    ids = [wall.id for wall in walls]
    records = await call.desk.store.read(lambda: wall_records(ids))
    return [_line(call, wall, records.get(wall.id)) for wall in walls]


def _line(call: Call, wall: Wall, record: WallRecord | None) -> str:
    return f"- {shown_wall(call.desk.firm(), wall)}. {terms(call, wall, record)}"


def terms(call: Call, wall: Wall, record: WallRecord | None) -> str:
    """Who set the wall, since when, until when, why, and who acknowledged it, in Markdown."""
    firm, dates = call.desk.firm(), call.desk.settings.firm
    setter = firm.staff[wall.set_by].name if wall.set_by in firm.staff else wall.set_by
    told = record.told if record else {}
    done = {staff_id for staff_id, at in told.items() if at} | {staff_id for staff_id, _ in wall.acknowledged}
    missing = [firm.staff[one] for one in told if one in firm.staff and one not in done]
    parts = [
        f"Set{f' by {escape(setter)}' if setter else ''}{f' on {written(dates, wall.since)}' if wall.since else ''}",
        f"up to and including {written(dates, wall.expires)}" if wall.expires else "",
        "" if record else "in the directory",
        f"acknowledged by {len(done)}" if done else "",
        f"not yet by {escape(plain_names(missing))}" if missing else "",
    ]
    memo = f" Memo: {escape(wall.memo)}" if wall.memo else ""
    return f"{', '.join(part for part in parts if part)}.{memo}"


WALL_LIST = Command(
    "wall list",
    "The walls there are",
    _list,
    (Argument("about", ArgumentType.MATTERS, required=False, shown="NUMBER|client:NAME|@person"),),
    help="Lists the walls set by command and in the directory: all, those around a matter or client, or those that keep"
    " a person out. Walls around what you must not see yourself are not in it.",
    examples=("!wall list", "!wall list 2026-0042", "!wall list @ben"),
    who=Who.FIRM_ADMIN,
    group="Administration",
    also=("walls",),
)
