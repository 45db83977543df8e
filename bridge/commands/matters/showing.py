"""One matter: what it is, who has access, and its conversations (M1, M2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from bridge.commands.asking.matters import the_matter
from bridge.commands.asking.paging import paged
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, List
from bridge.commands.asking.where import CHAT, MATTERS
from bridge.firm.conversation import MatterConversation
from bridge.firm.model import Firm
from bridge.firm.policy import desired_participants, is_read_only, may_access, with_access
from bridge.store.rooms.matters import conversations_of_matter
from bridge.wording.markdown import code, escape
from bridge.wording.people import names

_NAMED = 10
"""People with access who are named; of more the number is given."""


async def _show(call: Call) -> Answer:
    return await paged(call, _shown)


async def _shown(call: Call) -> List:
    firm, today = call.desk.firm(), call.desk.reconciler.today()
    # As it is now, also when this is a later page of what was asked a while ago.
    asked = await the_matter(call)
    matter = firm.matters.get(asked.id)
    if matter is None or not may_access(firm, call.sender.id, matter, today):
        return List(())
    listed = await call.desk.store.read(lambda: conversations_of_matter(matter.id))
    insiders = with_access(firm, matter, today)
    facts = [
        f"- Client: {escape(matter.client)}" if matter.client else "",
        f"- Status: {matter.status}",
        f"- Responsible: {escape(firm.staff[matter.responsible].name)}" if matter.responsible in firm.staff else "",
        f"- Assisting: {_people(firm, matter.assisting)}" if matter.assisting else "",
        f"- Access: {_access(firm, insiders)}",
        "- Under legal hold: nothing in its conversations can be deleted" if matter.held else "",
    ]
    head = "\n".join([f"**{escape(matter.number)} {escape(matter.title)}**\n", *(fact for fact in facts if fact)])
    if not listed:
        start = f'!matter start {matter.number} "Title"'
        return List((), f"{head}\n\nNobody talks about it yet. {code(start)} starts.")
    lines = [_line(call, number, one) for number, one in enumerate(listed, 1)]
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


def _line(call: Call, number: int, one: MatterConversation) -> str:
    firm, conversation = call.desk.firm(), one.conversation
    people = desired_participants(firm, conversation, call.desk.reconciler.today())
    title = link(call, conversation.title, one.room_id) if one.room_id else escape(conversation.title)
    count = "1 participant" if len(people) == 1 else f"{len(people)} participants"
    yours = ", you among them" if call.sender.id in people else ""
    closed = ", read-only" if is_read_only(firm, conversation) else ""
    return f"- **{number}** {title} ({count}{yours}{closed})"


MATTER_SHOW = Command(
    "matter show",
    "About a matter, and its conversations",
    _show,
    (Argument("matter", ArgumentType.MATTER, required=False, shown="NUMBER", names_place=True),),
    help="Shows client, status, who has access, and all conversations of a matter that you can see, whether you are in"
    " them or not. In a conversation of the matter its number can be left out.",
    examples=("!matter show 2026-0042", "!matter show"),
    group="Matters",
    where=CHAT | MATTERS,
    also=("info",),
)
