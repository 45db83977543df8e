"""What somebody can see, and who can see a matter (O2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from bridge.commands.asking.arguments import MatterNamed, OnePerson
from bridge.commands.asking.asked_about import the_person
from bridge.commands.asking.paging import paged
from bridge.commands.asking.table import Answer, Call, Command, List, Noted, Who
from bridge.firm.model import Matter, MatterStatus, Staff
from bridge.mapping.names import matter_name
from bridge.operations.admins.access import MatterAccess, Way, access_of, access_to, standings
from bridge.wording.access import way_in_words
from bridge.wording.markdown import escape
from bridge.wording.matters import listed_matter


async def _access(call: Call, person: OnePerson) -> Answer:
    whom = await the_person(call, person)
    return replace(await paged(call, partial(_accesses, person)), noted=Noted("access", person=whom.id))


async def _accesses(typed: str, call: Call) -> List:
    person = await the_person(call, typed)
    found = await access_of(call.desk, call.sender, person)
    role = f" ({escape(person.role)})" if person.role else ""
    counts = Counter(way for _, way in found.matters)
    seen = counts.total() - counts[Way.NOT]
    head = [
        f"**{escape(person.name)}**{role}: {escape(found.acting.reason)}\n",
        f"- Matters: {seen} of {counts.total()} that you can see"
        f" ({counts[Way.ROLE]} by a role, {counts[Way.LIST]} by the access list, {counts[Way.OPEN]} open to all)",
        *(f"- {escape(wall)}" for wall in found.walls.values()),
    ]
    direct = "1 direct conversation" if found.direct == 1 else f"{found.direct} direct conversations"
    items = [
        *([f"- In {direct}"] if found.direct else []),
        *(f"- In {escape(title)}" for title in found.conversations.values()),
        *(matter for matter, _ in found.matters),
    ]

    async def shown(some: Sequence[str | Matter]) -> list[str]:
        matters = [(person, one) for one in some if not isinstance(one, str)]
        lines = [_matter_line(one) for one in standings(call.desk, call.sender, matters)]
        return [*(one for one in some if isinstance(one, str)), *lines]

    return List(items, "\n".join(head), shown=shown)


def _matter_line(one: MatterAccess) -> str:
    matter = one.matter
    status = "" if matter.status is MatterStatus.OPEN else f" ({matter.status})"
    why = f"{Way.NOT}: {escape(one.deciding)}" if one.way is Way.NOT else _way(one)
    return f"- {listed_matter(matter)}{status}: {why}"


def _way(one: MatterAccess) -> str:
    """How somebody with access has it."""
    return escape(way_in_words(one.way, one.roles, one.groups))


async def _matter_access(call: Call, matter: MatterNamed) -> Answer:
    reply = await paged(call, partial(_people, matter.id))
    return replace(reply, noted=Noted("matter access", about=matter.number, ids=(matter.id,)))


async def _people(matter_id: str, call: Call) -> List:
    found = await access_to(call.desk, call.sender, matter_id)
    if found is None:
        return List(())
    matter, inside = found.matter, len(found.inside)
    open_to = "restricted to an access list" if matter.restricted else "open to all active staff"
    count = f"{inside or 'Nobody'} of {inside + len(found.outside)} can see it."
    head = f"**{escape(matter_name(matter))}** ({matter.status}) is {open_to}. {count}"
    conversations = [
        f"- **In {escape(title)}**: {escape(', '.join(people)) or 'nobody'}" for title, people in found.conversations
    ]

    async def shown(some: Sequence[str | Staff]) -> list[str]:
        people = [(one, matter) for one in some if not isinstance(one, str)]
        lines = [_person_line(one) for one in standings(call.desk, call.sender, people)]
        return [*(one for one in some if isinstance(one, str)), *lines]

    return List([*conversations, *found.outside, *found.inside], head, shown=shown)


def _person_line(one: MatterAccess) -> str:
    if one.way is Way.NOT:
        return f"- {escape(one.person.name)} cannot see it: {escape(one.deciding)}"
    return f"- {escape(one.person.name)}: {_way(one)}"


ACCESS = Command(
    "access",
    "What somebody can see",
    _access,
    help="Lists the conversations somebody is in, the matters they cannot see and the matters they can, each with the"
    " reason, and the walls that name them. Matters that you cannot see yourself are neither named nor counted.",
    examples=("!access @ruth", "!access Ruth Adeyemi"),
    who=Who.FIRM_ADMIN,
    group="Administration",
)
MATTER_ACCESS = Command(
    "matter access",
    "Who can see a matter, and who is screened from it",
    _matter_access,
    help="Lists who is in which conversation of a matter, who cannot see it and why, and everybody with access and how"
    " they have it.",
    examples=("!matter access 2026-0042",),
    who=Who.FIRM_ADMIN,
    group="Administration",
    also=("who",),
)
