"""The matters that somebody can see (M1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from bridge.commands.asking.arguments import Words
from bridge.commands.asking.paging import paged
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Call, Command, List
from bridge.firm.model import Matter, MatterStatus
from bridge.operations.matters.finding import matters_seen, rooms_in
from bridge.wording.markdown import escape
from bridge.wording.matters import listed_matter


async def _list(call: Call, query: Words = "") -> Answer:
    return await paged(call, partial(_listed, query.split()))


async def _listed(words: Sequence[str], call: Call) -> List:
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


MATTER_LIST = Command(
    "matter list",
    "The matters you can see",
    _list,
    help="Lists the matters you can see, open ones first, with the conversations you are in."
    " With words, only those that have them in number, title, client or status.",
    examples=("!matter list", "!matter list estate"),
    group="Matters",
    also=("matters",),
    asked_by=frozenset({"matter", "matters", "case", "cases", "client", "clients", "find", "list", "my"}),
)
