"""Ethical walls by command: setting and lifting them (M3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import partial

from peewee import chunked

from bridge import faults
from bridge.commands.asking.screened import Around, known_walls, shown_around, shown_people, shown_wall, walls_named
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, Noted, Who
from bridge.commands.walls.telling import tell_ended, tell_of_wall
from bridge.firm.model import Firm, Matter, Wall, WallKind
from bridge.firm.policy import may_access
from bridge.firm.room_keys import matter_space_key
from bridge.firm.walls import covered
from bridge.refusal import CommandError
from bridge.store.people.walls import Removed, begin_wall, drop_screened, end_wall, is_set, wall_records
from bridge.store.rooms.matters import conversations_of_matter
from bridge.wording.markdown import escape
from bridge.wording.moments import written

_UNTIL = re.compile(r"(?:^|(?<=\s))until:\s*(\S*)\s*", re.IGNORECASE)
GUARD_SECONDS = 3.0
"""How long a wall waits for the guard before those it keeps out are taken out."""
_UNTOLD = "The guard in the homeserver could not be told."
_MATTERS_AT_ONCE = 50
"""Matters whose conversations people are taken out of in one unit."""
MEMO_MAX = 1000
"""Characters of a memo."""


async def _add(call: Call) -> Answer:
    return await _set(call, WallKind.EXCLUDE)


async def _only(call: Call) -> Answer:
    return await _set(call, WallKind.ONLY)


async def _set(call: Call, kind: WallKind) -> Answer:
    # What the admin may know of is asked of the firm as it was: they may wall themselves off.
    firm, today = call.desk.firm(), call.desk.reconciler.today()
    around: Around = call.values["around"]
    memo, expires = _memo(call.values["memo"], today)
    wanted = Wall(
        "",
        kind,
        matter_id=around.matter.id if around.matter else "",
        client=around.client,
        people=tuple(one.id for one in call.values["people"]),
        memo=memo,
        set_by=call.sender.id,
        since=today,
        expires=expires,
    )

    made = await call.desk.store.run(lambda: begin_wall(wanted, call.event_id))
    faults.point("wall.set")
    # Also where there is no room yet for which it would be told. One that does not answer lets nobody stay.
    untold = await call.desk.reconciler.guarding.told(within=GUARD_SECONDS)
    removed = await _drop(call, made)
    matters = covered(firm, made)
    seen = [matter for matter in matters if may_access(firm, call.sender.id, matter, today)]
    unseen = [matter for matter in matters if not may_access(firm, call.sender.id, matter, today)]
    shown, failed = await _close(call, seen, removed)
    # Of these the answer says nothing; what fails is in the log and tried again.
    await _close(call, unseen, removed)
    await call.desk.reconciler.take_back()
    # Only now, so that nobody is warned while they can still read.
    await call.desk.store.run(partial(tell_of_wall, made, firm, call.desk.settings))
    failed = (*failed, _UNTOLD) if untold is not None else failed
    command = "wall add" if kind is WallKind.EXCLUDE else "wall only"
    return Answer(_said(call, made, _counts(removed, shown, firm), failed), noted=Noted(command, ids=(made.id,)))


async def _drop(call: Call, wall: Wall) -> Removed:
    """Take those whom a wall screens out of what is stored, some matters at a time; nobody where it has ended since."""
    removed: Removed = {}

    def unit(some: Sequence[str]) -> Removed:
        return drop_screened(wall, firm, call.sender.id, call.event_id, some) if is_set(wall.id) else {}

    firm = call.desk.firm()
    for some in chunked([matter.id for matter in covered(firm, wall)], _MATTERS_AT_ONCE):
        for staff_id, conversations in (await call.desk.store.run(partial(unit, some))).items():
            removed.setdefault(staff_id, []).extend(conversations)
    return removed


async def _close(call: Call, matters: Sequence[Matter], removed: Removed) -> tuple[set[str], tuple[str, ...]]:
    """Take those who are out of these matters' conversations out of the rooms too.

    First the rooms where somebody was, which the bridge alone lets people into, then what lists them. Returns the ids
    of all conversations, and what could not be done.
    """

    def unit() -> set[str]:
        return {one.conversation.id for matter in matters for one in conversations_of_matter(matter.id)}

    keys = await call.desk.store.read(unit)
    first = keys & {key for conversations in removed.values() for key in conversations}
    await call.desk.reconciler.take_out(*sorted(first), *(matter_space_key(matter.id) for matter in matters))
    outcomes = [await call.desk.reconciler.converge(*sorted(some)) for some in (first, keys - first) if some]
    return keys, tuple(failure for outcome in outcomes for failure in outcome.failed)


def _counts(removed: Removed, shown: set[str], firm: Firm) -> dict[str, int]:
    """Of how many of the conversations shown each person of the firm was a participant."""
    counts = {staff_id: len(shown.intersection(conversations)) for staff_id, conversations in removed.items()}
    return {staff_id: count for staff_id, count in counts.items() if count and staff_id in firm.staff}


def _said(call: Call, wall: Wall, counts: dict[str, int], failed: Iterable[str]) -> str:
    firm = call.desk.firm()
    terms = f" up to and including {written(call.desk.settings.firm, wall.expires)}" if wall.expires else ""
    by_name = sorted(counts, key=lambda staff_id: firm.staff[staff_id].name.casefold())
    lines = [
        f"- {escape(firm.staff[one].name)}: taken out of {counts[one]} conversation{'s'[: counts[one] > 1]}"
        for one in by_name
    ]
    trouble = [f"- Not done: {escape(failure)} It is tried again by itself." for failure in failed]
    listed = "\n".join([*(lines or ["- Nobody it keeps out was in a conversation."]), *trouble])
    told = " Those it names are told in their chat with me that a wall screens them." * (wall.kind is WallKind.EXCLUDE)
    return (
        f"{shown_wall(firm, wall)}{terms}.{told}\n\n{listed}\n\n"
        f"`!wall report {wall.id}` shows what they could read before; `!wall lift {wall.id}` ends it."
    )


def _memo(text: str, today: date) -> tuple[str, date | None]:
    """The memo and the last day that is written in it as until:YYYY-MM-DD. Raises CommandError."""
    days = _UNTIL.findall(text)
    memo = " ".join(_UNTIL.sub("", text).split())
    if not memo:
        raise CommandError("A wall needs a memo that says why. Write it behind the people.")
    if len(memo) > MEMO_MAX:
        raise CommandError(f"That memo has {len(memo)} characters; at most {MEMO_MAX} fit.")
    if not days:
        return memo, None
    try:
        (last,) = (date.fromisoformat(day) for day in days)
    except ValueError as error:
        raise CommandError("The last day of a wall is written once, like this: until:2027-03-31") from error
    if last < today:
        raise CommandError(f"{last} is over. A wall ends today at the earliest: until:{today}")
    return memo, last


async def _lift(call: Call) -> Answer:
    firm, today = call.desk.firm(), call.desk.reconciler.today()
    records = await call.desk.store.read(wall_records)
    # Those that this very command lifted before a crash count as not lifted yet.
    again = [one.wall for one in records.values() if one.ended_at and one.ended_cause == call.event_id]
    known = [*known_walls(firm, call.sender, today), *again]
    meant = walls_named(call.values["walls"], known, firm, call.sender, today)
    fixed = [wall for wall in meant if wall.id not in records]
    if fixed:
        raise CommandError(
            f"{_ids(fixed)} stands in the directory, so it is not lifted here. Take it out of the section or file"
            " `walls` of the directory, or give it a last day there; the bridge follows within seconds. Nothing was"
            " lifted."
        )

    def unit() -> None:
        for wall in meant:
            if end_wall(wall.id, firm, call.sender.id, call.event_id):
                tell_ended(wall, firm, call.desk.settings)

    for wall in meant:
        await _drop(call, wall)
    await call.desk.store.run(unit)
    faults.point("wall.lifted")
    untold = await call.desk.reconciler.guarding.told(within=GUARD_SECONDS)
    lines = [f"- **{wall.id}** around {shown_around(firm, wall)}: {shown_people(firm, wall)}" for wall in meant]
    listed = "\n".join(lines)
    return Answer(
        f"Lifted:\n\n{listed}\n\nThose it kept out may see it again, unless something else keeps them out. They are in"
        " none of its conversations until they join or are added."
        + (f"\n\nNot done: {_UNTOLD} It is tried again by itself." if untold is not None else ""),
        noted=Noted("wall lift", ids=tuple(wall.id for wall in meant)),
    )


def _ids(walls: Sequence[Wall]) -> str:
    return ", ".join(escape(wall.id) for wall in walls)


_AROUND = Argument("around", ArgumentType.AROUND, shown="NUMBER|client:NAME")
_SCREENED = Argument("people", ArgumentType.SCREENED, shown="@person …")
_MEMO = Argument("memo", ArgumentType.WORDS, shown="MEMO")
_HOW = (
    " Groups of the directory are named like this: `group:Property`. The memo says why; with"
    " until:YYYY-MM-DD in it the wall has a last day."
)
_setting = partial(Command, arguments=(_AROUND, _SCREENED, _MEMO), who=Who.FIRM_ADMIN, group="Administration")
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
    (Argument("walls", ArgumentType.MATTERS, shown="REFERENCE|NUMBER …"),),
    help="Ends walls, named by reference or by the matter or client they stand around. Those they kept out may see the"
    " matter again and are not put back into its conversations. A wall of the directory is ended there.",
    examples=("!wall lift wall-3", "!wall lift 2026-0042", "!wall lift client:Tidewell Brewing"),
    who=Who.FIRM_ADMIN,
    group="Administration",
)
