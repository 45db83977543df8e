"""One matter: what it is, who has access, and its conversations (M1, M2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial

from bridge.commands.asking.arguments import MatterHere
from bridge.commands.asking.matters import the_matter
from bridge.commands.asking.paging import paged
from bridge.commands.asking.permissions import EVERYBODY, of_matter
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Call, Command, List
from bridge.commands.asking.where import CHAT, MATTERS
from bridge.firm.model import Firm, Matter, MatterStatus
from bridge.mapping.names import matter_name
from bridge.operations.matters.finding import ConversationSeen, matter_seen
from bridge.wording.markdown import code, escape
from bridge.wording.people import names

_NAMED = 10
"""People with access who are named; of more the number is given."""


async def _show(call: Call, matter: MatterHere = None) -> Answer:
    return await paged(call, partial(_shown, matter))


async def _shown(named: Matter | None, call: Call) -> List:
    # As it is now, also when this is a later page of what was asked a while ago.
    seen = await matter_seen(call.desk, call.sender, (await the_matter(call, named)).id)
    if seen is None:
        return List(())
    firm, matter = call.desk.firm(), seen.matter
    facts = [
        f"- Client: {escape(matter.client)}" if matter.client else "",
        f"- Status: {matter.status}",
        f"- Responsible: {escape(firm.staff[matter.responsible].name)}" if matter.responsible in firm.staff else "",
        f"- Assisting: {_people(firm, matter.assisting)}" if matter.assisting else "",
        f"- Access: {_access(firm, seen.insiders)}",
        "- Under legal hold: nothing in its conversations can be deleted" if matter.held else "",
    ]
    head = "\n".join([f"**{escape(matter_name(matter))}**\n", *(fact for fact in facts if fact)])
    if not seen.conversations and matter.status is MatterStatus.CLOSED:
        return List((), head)
    if not seen.conversations:
        start = f'!matter start {matter.number} "Title"'
        return List((), f"{head}\n\nNobody talks about it yet. {code(start)} starts.")
    lines = [_line(call, number, one) for number, one in enumerate(seen.conversations, 1)]
    return List(
        lines, f"{head}\n\n**Conversations**", f"{code(f'!matter join {matter.number} 1')} joins the first one."
    )


def _people(firm: Firm, staff_ids: Iterable[str]) -> str:
    return names(sorted((firm.staff[one] for one in staff_ids if one in firm.staff), key=lambda person: person.name))


def _access(firm: Firm, insiders: Collection[str]) -> str:
    if len(insiders) == len(firm.active_staff):
        return "everybody in the firm"
    if len(insiders) > _NAMED:
        return f"{len(insiders)} people"
    return _people(firm, insiders)


def _line(call: Call, number: int, one: ConversationSeen) -> str:
    title = link(call, one.title, one.room_id) if one.room_id else escape(one.title)
    count = "1 participant" if one.participants == 1 else f"{one.participants} participants"
    yours = ", you among them" if one.is_in else ""
    closed = ", read-only" if one.is_read_only else ""
    return f"- **{number}** {title} ({count}{yours}{closed})"


MATTER_SHOW = Command(
    "matter show",
    "About a matter, and its conversations",
    _show,
    help="Shows client, status, who has access, and all conversations of a matter that you can see, whether you are in"
    " them or not. In a conversation of the matter its number can be left out.",
    examples=("!matter show 2026-0042", "!matter show"),
    group="Matters",
    where=CHAT | MATTERS,
    also=("info",),
    asked_by=frozenset({"matter", "case", "access", "who", "responsible"}),
    permission=of_matter(EVERYBODY, EVERYBODY),
)
