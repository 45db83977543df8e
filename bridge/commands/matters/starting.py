"""The matters that somebody can see, and starting a conversation in one (M1, M2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from bridge.commands.asking.matters import matter_link, the_matter
from bridge.commands.asking.paging import paged
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, List
from bridge.commands.asking.where import CHAT, Where
from bridge.firm.model import Matter, MatterStatus
from bridge.operations.matters.changing import start_conversation
from bridge.operations.matters.finding import matters_seen, rooms_in
from bridge.wording.markdown import escape
from bridge.wording.matters import listed_matter
from bridge.wording.people import names


async def _list(call: Call) -> Answer:
    return await paged(call, _listed)


async def _listed(call: Call) -> List:
    words = call.values.get("query", "").split()
    found = matters_seen(call.desk, call.sender, words)
    if not found:
        return List((), "No matter that you can see has those words." if words else "There is no matter you can see.")
    return List(found, shown=partial(_lines, call))


async def _lines(call: Call, matters: Sequence[Matter]) -> list[str]:
    mine = await rooms_in(call.desk, call.sender, matters)
    return [_line(call, matter, mine.get(matter.id, ())) for matter in matters]


def _line(call: Call, matter: Matter, mine: Iterable[tuple[str, str]]) -> str:
    links = [link(call, title, room_id) for title, room_id in mine]
    status = "" if matter.status is MatterStatus.OPEN else f" ({matter.status})"
    client = f", for {escape(matter.client)}" if matter.client else ""
    yours = f". You are in {', '.join(links)}" if links else ""
    return f"- {listed_matter(matter)}{status}{client}{yours}"


async def _start(call: Call) -> Answer:
    matter, people = await the_matter(call), call.values.get("people", ())
    started = await start_conversation(call.desk, call.sender, matter, call.values["title"], people, call.event_id)
    with_whom = f" with {names(started.others)}" if started.others else ""
    left_out = "\n\nNot added, having no access to this matter: "
    refused = f"{left_out}{names(started.left_out)}." if started.left_out else ""
    return Answer(f"Started {matter_link(call, matter, started.title, started.room_id)}{with_whom}.{refused}")


MATTER_LIST = Command(
    "matter list",
    "The matters you can see",
    _list,
    (Argument("query", ArgumentType.TEXT, required=False, shown="WORDS"),),
    help="Lists the matters you can see, open ones first, with the conversations you are in."
    " With words, only those that have them in number, title, client or status.",
    examples=("!matter list", "!matter list estate"),
    group="Matters",
    also=("matters",),
)
MATTER_START = Command(
    "matter start",
    "Start a conversation in a matter",
    _start,
    (
        Argument("matter", ArgumentType.MATTER, required=False, shown="NUMBER", names_place=True),
        Argument("title", ArgumentType.TITLE, shown='"Title"'),
        Argument("people", ArgumentType.PEOPLE, required=False, shown="@person …"),
    ),
    help="Starts a conversation about a matter, with you and the people you name among those with access to it."
    " In a conversation of the matter its number can be left out.",
    examples=('!matter start 2026-0042 "Disclosure" @ruth @tom', '!matter start "Disclosure" @ruth @tom'),
    group="Matters",
    where=CHAT | {Where.MATTER},
    also=("start",),
)
