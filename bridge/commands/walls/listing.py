"""The walls that are in force or to come, as far as the admin may know of them (M3)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from bridge.commands.asking.matter_numbers import first_matter
from bridge.commands.asking.paging import paged
from bridge.commands.asking.people import People
from bridge.commands.asking.screened import names_client, read_around
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, List, Who
from bridge.firm.model import Wall
from bridge.operations.everybody import everybody
from bridge.operations.walls.listing import Narrowed, WallRow, wall_rows, walls_listed
from bridge.wording.markdown import escape
from bridge.wording.moments import written
from bridge.wording.people import plain_names
from bridge.wording.walls import shown_wall


async def _list(
    call: Call, about: Annotated[str, Argument(ArgumentType.MATTERS, "NUMBER|client:NAME|@person")] = ""
) -> Answer:
    return await paged(call, partial(_listed, about))


async def _listed(about: str, call: Call) -> List:
    walls = walls_listed(call.desk, call.sender, await _narrowed(call, about))
    if not walls:
        return List((), "There is no such wall." if about else "There are no walls.")

    async def lines(some: Sequence[Wall]) -> list[str]:
        rows = await wall_rows(call.desk, call.sender, some)
        return [f"- {shown_wall(call.desk.firm(), row.wall)}. {terms(call, row)}" for row in rows]

    return List(walls, shown=lines)


async def _narrowed(call: Call, typed: str) -> Narrowed:
    """What the list is narrowed down to. Raises CommandError."""
    firm = call.desk.firm()
    today = call.desk.today()
    if typed and not names_client(typed) and first_matter(typed, firm, call.sender, today)[0] is None:
        accounts = (await everybody(call.desk)).accounts
        people = People(firm, accounts, call.desk.server_name, call.desk.settings.appservice.bot_localpart)
        if "@" in typed:
            return Narrowed(keeps_out=people.marked(typed).id)
        if people.names_somebody(typed):
            return Narrowed(keeps_out=people.named(typed).id)
    around, _ = read_around(typed, firm, call.sender, today)
    if around is None:
        return Narrowed()
    return Narrowed(client=around.client, matter_id=around.matter.id if around.matter is not None else "")


def terms(call: Call, row: WallRow) -> str:
    """Who set the wall, since when, until when, why, and who acknowledged it, in Markdown."""
    firm, dates, wall = call.desk.firm(), call.desk.settings.firm, row.wall
    setter = firm.staff[wall.set_by].name if wall.set_by in firm.staff else wall.set_by
    told = row.record.told if row.record else {}
    done = {staff_id for staff_id, at in told.items() if at} | {staff_id for staff_id, _ in wall.acknowledged}
    missing = [firm.staff[one] for one in told if one in firm.staff and one not in done]
    parts = [
        f"Set{f' by {escape(setter)}' if setter else ''}{f' on {written(dates, wall.since)}' if wall.since else ''}",
        f"up to and including {written(dates, wall.expires)}" if wall.expires else "",
        "" if row.record else "in the directory",
        f"acknowledged by {len(done)}" if done else "",
        f"not yet by {escape(plain_names(missing))}" if missing else "",
    ]
    memo = f" Memo: {escape(wall.memo)}" if wall.memo else ""
    return f"{', '.join(part for part in parts if part)}.{memo}"


WALL_LIST = Command(
    "wall list",
    "The walls there are",
    _list,
    help="Lists the walls set by command and in the directory: all, those around a matter or client, or those that keep"
    " a person out. Walls around what you must not see yourself are not in it.",
    examples=("!wall list", "!wall list 2026-0042", "!wall list @ben"),
    who=Who.FIRM_ADMIN,
    group="Administration",
    also=("walls",),
)
