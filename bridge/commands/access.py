"""What somebody can see, and who can see a matter (O2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from bridge.commands.asked_about import the_person
from bridge.commands.paging import paged
from bridge.commands.replies import escape
from bridge.commands.sight import Sight, conversation_title, sight_of
from bridge.commands.table import Answer, Argument, ArgumentType, Call, Command, List, Noted, Who
from bridge.firm.conversation import SHARED, ConversationKind
from bridge.firm.explain import explain_access, roles_on, wall_said, way_to
from bridge.firm.model import Matter, MatterStatus, Staff
from bridge.firm.policy import desired_participants, may_access, may_act, may_be_in
from bridge.mapping.rooms import matter_name
from bridge.store.conversations import World, load_world
from bridge.store.matters import conversations_of_matter

_ROLE, _LIST, _OPEN, _NOT = "by a role", "by the access list", "open to all", "not to be seen"
_ORDER = (_NOT, _ROLE, _LIST, _OPEN)


async def _access(call: Call) -> Answer:
    person = await the_person(call, call.values["person"])
    return Answer((await paged(call, _accesses)).text, noted=Noted("access", person=person.id))


async def _accesses(call: Call) -> List:
    person, sight = await the_person(call, call.values["person"]), sight_of(call)
    world = await call.desk.store.run(load_world)
    grouped = _by_way(sight, person)
    acting = may_act(sight.firm, person.id)
    role = f" ({escape(person.role)})" if person.role else ""
    counts = Counter({way: len(matters) for way, matters in grouped.items()})
    seen = counts.total() - counts[_NOT]
    head = [
        f"**{escape(person.name)}**{role}: {escape(acting.reason)}\n",
        f"- Matters: {seen} of {counts.total()} that you can see"
        f" ({counts[_ROLE]} by a role, {counts[_LIST]} by the access list, {counts[_OPEN]} open to all)",
        *_walls(sight, person),
    ]
    lines = [*_conversations(sight, world, person)]
    lines += [_matter_line(sight, person, matter, way) for way in _ORDER for matter in grouped[way]]
    return List(lines, "\n".join(head))


def _by_way(sight: Sight, person: Staff) -> dict[str, list[Matter]]:
    """The matters that the asker may see, by the way in which this person can see them or not."""
    grouped: dict[str, list[Matter]] = {way: [] for way in _ORDER}
    for matter in sorted(sight.firm.matters.values(), key=lambda one: one.number):
        if not sight.matter(matter):
            continue
        if not may_access(sight.firm, person.id, matter, sight.today):
            grouped[_NOT].append(matter)
        elif person.id in matter.team:
            grouped[_ROLE].append(matter)
        else:
            grouped[_LIST if matter.restricted else _OPEN].append(matter)
    return grouped


def _matter_line(sight: Sight, person: Staff, matter: Matter, way: str) -> str:
    status = "" if matter.status is MatterStatus.OPEN else f" ({matter.status})"
    deciding = explain_access(sight.firm, person.id, matter, sight.today).deciding
    why = f"{_NOT}: {escape(deciding.text)}" if way is _NOT else _way(sight, matter, person.id)
    return f"- **{escape(matter.number)}** {escape(matter.title)}{status}: {why}"


def _way(sight: Sight, matter: Matter, staff_id: str) -> str:
    """How somebody with access has it."""
    if roles := roles_on(matter, staff_id):
        return f"{_ROLE} ({', '.join(roles)})"
    if not matter.restricted:
        return _OPEN
    way = way_to(sight.firm, matter.allowed, staff_id)
    return f"{_LIST} (through the group {escape(', in it '.join(way))})" if way else _LIST


def _walls(sight: Sight, person: Staff) -> list[str]:
    """The walls in force that concern this person, as far as the asker may hear of them."""
    return [
        f"- {escape(wall_said(sight.firm, wall))}"
        for wall in sight.firm.walls.values()
        if sight.firm.names(wall.people, person.id) and wall.in_force(sight.today) and sight.wall(wall)
    ]


def _conversations(sight: Sight, world: World, person: Staff) -> list[str]:
    """The conversations that this person is in. Those of direct ones and chats with the bot are only counted (D4)."""
    theirs = [
        conversation
        for conversation in world.conversations.values()
        if conversation.everyone or person.id in conversation.participants
        if may_be_in(sight.firm, person.id, conversation, sight.today)
    ]
    direct = sum(conversation.kind is ConversationKind.DIRECT for conversation in theirs)
    shared = [
        conversation_title(sight, conversation)
        for conversation in theirs
        if conversation.kind in SHARED and sight.conversation(conversation)
    ]
    counted = [f"- In {direct} direct conversation{'s' * (direct != 1)}"] if direct else []
    return [*counted, *(f"- In {escape(title)}" for title in sorted(shared, key=str.casefold))]


async def _matter_access(call: Call) -> Answer:
    matter: Matter = call.values["matter"]
    reply = await paged(call, _people)
    return Answer(reply.text, noted=Noted("matter access", about=matter.number, ids=(matter.id,)))


async def _people(call: Call) -> List:
    sight = sight_of(call)
    # As it is now, also when this is a later page of what was asked a while ago.
    matter = sight.firm.matters.get(call.values["matter"].id)
    if matter is None or not sight.matter(matter):
        return List(())
    staff = sorted((sight.firm.staff[one] for one in sight.firm.active_staff), key=lambda one: one.name.casefold())
    inside = [person for person in staff if may_access(sight.firm, person.id, matter, sight.today)]
    outside = [person for person in staff if person not in inside]
    open_to = "restricted to an access list" if matter.restricted else "open to all active staff"
    count = f"{len(inside) or 'Nobody'} of {len(staff)} can see it."
    head = f"**{escape(matter_name(matter))}** ({matter.status}) is {open_to}. {count}"
    listed = await call.desk.store.run(lambda: conversations_of_matter(matter.id))
    lines = []
    for one in listed:
        people = desired_participants(sight.firm, one.conversation, sight.today)
        lines.append(f"- **In {escape(one.conversation.title)}**: {_names(sight, people)}")
    for person in outside:
        deciding = explain_access(sight.firm, person.id, matter, sight.today).deciding
        lines.append(f"- {escape(person.name)} cannot see it: {escape(deciding.text)}")
    lines += [f"- {escape(person.name)}: {_way(sight, matter, person.id)}" for person in inside]
    return List(lines, head)


def _names(sight: Sight, staff_ids: Iterable[str]) -> str:
    found = sorted((sight.firm.staff[staff_id].name for staff_id in staff_ids), key=str.casefold)
    return escape(", ".join(found)) or "nobody"


ACCESS = Command(
    "access",
    "What somebody can see",
    _access,
    (Argument("person", ArgumentType.TEXT, shown="@person"),),
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
    (Argument("matter", ArgumentType.MATTER, shown="NUMBER"),),
    help="Lists who is in which conversation of a matter, who cannot see it and why, and everybody with access and how"
    " they have it.",
    examples=("!matter access 2026-0042",),
    who=Who.FIRM_ADMIN,
    group="Administration",
    also=("who",),
)
