"""Ethical walls by command: setting and lifting them (M3)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from functools import partial
from typing import Annotated

from bridge.commands.asking.screened import Around, walls_named
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, Noted, Who
from bridge.firm.model import Group, Staff, Wall, WallKind
from bridge.operations.walls.setting import WallMade, lift_walls, set_wall, walls_to_lift
from bridge.refusal import CommandError
from bridge.wording.markdown import escape
from bridge.wording.moments import written
from bridge.wording.walls import shown_around, shown_people, shown_wall

_UNTIL = re.compile(r"(?:^|(?<=\s))until:\s*(\S*)\s*", re.IGNORECASE)

_Around = Annotated[Around, Argument(ArgumentType.AROUND, "NUMBER|client:NAME")]
_Screened = Annotated[tuple[Staff | Group, ...], Argument(ArgumentType.SCREENED, "@person …")]
_Memo = Annotated[str, Argument(ArgumentType.WORDS, "MEMO")]


async def _add(call: Call, around: _Around, people: _Screened, memo: _Memo) -> Answer:
    return await _set(call, "wall add", WallKind.EXCLUDE, around, people, memo)


async def _only(call: Call, around: _Around, people: _Screened, memo: _Memo) -> Answer:
    return await _set(call, "wall only", WallKind.ONLY, around, people, memo)


async def _set(
    call: Call, command: str, kind: WallKind, around: Around, people: Iterable[Staff | Group], memo: str
) -> Answer:
    reason, expires = read_memo(memo)
    ids = tuple(one.id for one in people)
    matter_id = around.matter.id if around.matter else ""
    wanted = Wall("", kind, matter_id=matter_id, client=around.client, people=ids, memo=reason, expires=expires)
    made = await set_wall(call.desk, call.sender, wanted, call.event_id)
    return Answer(_said(call, made), noted=Noted(command, ids=(made.wall.id,)))


def read_memo(text: str) -> tuple[str, date | None]:
    """The memo and the last day that is written in it as until:YYYY-MM-DD. Raises CommandError."""
    days = _UNTIL.findall(text)
    memo = " ".join(_UNTIL.sub("", text).split())
    if not days or not memo:
        return memo, None
    try:
        (last,) = (date.fromisoformat(day) for day in days)
    except ValueError as error:
        raise CommandError("The last day of a wall is written once, like this: until:2027-03-31") from error
    return memo, last


def _said(call: Call, made: WallMade) -> str:
    firm, wall = call.desk.firm(), made.wall
    terms = f" up to and including {written(call.desk.settings.firm, wall.expires)}" if wall.expires else ""
    by_name = sorted(made.taken_out.items(), key=lambda item: firm.staff[item[0]].name.casefold())
    lines = [
        f"- {escape(firm.staff[one].name)}: taken out of {'1 conversation' if count == 1 else f'{count} conversations'}"
        for one, count in by_name
    ]
    listed = "\n".join([*(lines or ["- Nobody it keeps out was in a conversation."]), *_trouble(made.not_done)])
    told = ""
    if wall.kind is WallKind.EXCLUDE:
        told = " Those it names are told in their chat with me that a wall screens them."
    return (
        f"{shown_wall(firm, wall)}{terms}.{told}\n\n{listed}\n\n"
        f"`!wall report {wall.id}` shows what they could read before; `!wall lift {wall.id}` ends it."
    )


async def _lift(call: Call, walls: Annotated[str, Argument(ArgumentType.MATTERS, "REFERENCE|NUMBER …")]) -> Answer:
    firm, today = call.desk.firm(), call.desk.today()
    known = await walls_to_lift(call.desk, call.sender, call.event_id)
    meant = walls_named(walls, known, firm, call.sender, today)
    lifted = await lift_walls(call.desk, call.sender, [wall.id for wall in meant], call.event_id)
    lines = [f"- **{wall.id}** around {shown_around(firm, wall)}: {shown_people(firm, wall)}" for wall in lifted.walls]
    listed = "\n".join(lines)
    trouble = "".join(f"\n\n{line.removeprefix('- ')}" for line in _trouble(lifted.not_done))
    return Answer(
        f"Lifted:\n\n{listed}\n\nThose it kept out may see it again, unless something else keeps them out. They are in"
        f" none of its conversations until they join or are added.{trouble}",
        noted=Noted("wall lift", ids=tuple(wall.id for wall in lifted.walls)),
    )


def _trouble(not_done: Iterable[str]) -> list[str]:
    return [f"- Not done: {escape(failure)} It is tried again by itself." for failure in not_done]


_HOW = (
    " Groups of the directory are named like this: `group:Property`. The memo says why; with"
    " until:YYYY-MM-DD in it the wall has a last day."
)
_setting = partial(Command, who=Who.FIRM_ADMIN, group="Administration")
WALL_ADD = _setting(
    "wall add",
    "Keep people away from a matter or client",
    _add,
    help="Sets an ethical wall: the people named are taken out of every conversation of the matter at once, are kept"
    " out whoever invites them, and find no trace of it. With client:NAME it stands around all matters of the client,"
    " also those opened later." + _HOW,
    examples=(
        "!wall add 2026-0042 @ben His cousin is the other side",
        '!wall add client:"Tidewell Brewing" @ben group:Property Acted for them until:2027-03-31',
    ),
    asked_by=frozenset({"wall", "walls", "screen", "barrier", "conflict", "conflicted"}),
)
WALL_ONLY = _setting(
    "wall only",
    "Let only some people see a matter or client",
    _only,
    help="Sets an ethical wall of the other form: nobody but the people named may see the matter, whatever part they"
    " have in it. Name yourself too if you are to see it." + _HOW,
    examples=("!wall only 2026-0042 @ruth @tom Sealed by the court",),
)
WALL_LIFT = Command(
    "wall lift",
    "End a wall that was set by command",
    _lift,
    help="Ends walls, named by reference or by the matter or client they stand around. Those they kept out may see the"
    " matter again and are not put back into its conversations. A wall of the directory is ended there.",
    examples=("!wall lift wall-x7k2", "!wall lift 2026-0042", "!wall lift client:Tidewell Brewing"),
    who=Who.FIRM_ADMIN,
    group="Administration",
)
