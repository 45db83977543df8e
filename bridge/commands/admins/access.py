"""What somebody can see, and who can see a matter (O2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from bridge.commands.asking.asked_about import the_person
from bridge.commands.asking.paging import paged
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, List, Noted, Who
from bridge.firm.conversation import SHARED, Conversation, ConversationKind, MatterConversation
from bridge.firm.explain import explain_access, roles_on, wall_said, way_to
from bridge.firm.model import Matter, Matters, MatterStatus, Staff
from bridge.firm.policy import accessible, desired_participants, may_act, may_be_in, with_access
from bridge.firm.sight import Sight
from bridge.mapping.names import matter_name
from bridge.operations.sight import sight_of
from bridge.store.rooms.conversations import conversations_of_person
from bridge.store.rooms.matters import conversations_of_matter
from bridge.wording.markdown import escape
from bridge.wording.places import conversation_title

_ROLE, _LIST, _OPEN, _NOT = "by a role", "by the access list", "open to all", "not to be seen"
_ORDER = (_NOT, _ROLE, _LIST, _OPEN)


async def _access(call: Call) -> Answer:
    person = await the_person(call, call.values["person"])
    return Answer((await paged(call, _accesses)).text, noted=Noted("access", person=person.id))


async def _accesses(call: Call) -> List:
    person, sight = await the_person(call, call.values["person"]), sight_of(call.desk, call.sender.id)
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
    theirs = await call.desk.store.read(lambda: conversations_of_person(person.id))
    items = [*_conversations(sight, theirs, person), *((matter, way) for way in _ORDER for matter in grouped[way])]

    async def shown(some: Sequence[str | tuple[Matter, str]]) -> list[str]:
        return [item if isinstance(item, str) else _matter_line(sight, person, *item) for item in some]

    return List(items, "\n".join(head), shown=shown)


def _by_way(sight: Sight, person: Staff) -> dict[str, list[Matter]]:
    """The matters that the asker may see, by the way in which this person can see them or not."""
    firm, today = sight.firm, sight.today
    grouped: dict[str, list[Matter]] = {way: [] for way in _ORDER}
    seen = {matter.id for matter in sight.matters}
    theirs = {matter.id for matter in accessible(firm, person.id, sight.matters, today)}
    for matter in firm.found_in_matters(_by_number):
        if matter.id not in seen:
            continue
        if matter.id not in theirs:
            grouped[_NOT].append(matter)
        elif matter.is_on_team(person.id):
            grouped[_ROLE].append(matter)
        else:
            grouped[_LIST if matter.restricted else _OPEN].append(matter)
    return grouped


def _by_number(matters: Matters) -> Sequence[Matter]:
    return sorted(matters.values(), key=lambda one: one.number)


def _matter_line(sight: Sight, person: Staff, matter: Matter, way: str) -> str:
    status = "" if matter.status is MatterStatus.OPEN else f" ({matter.status})"
    deciding = explain_access(sight.firm, person.id, matter, sight.today, sight.written).deciding
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
        f"- {escape(wall_said(sight.firm, wall, sight.written))}"
        for wall in sight.firm.walls.values()
        if sight.firm.names(wall.people, person.id) and wall.in_force(sight.today) and sight.wall(wall)
    ]


def _conversations(sight: Sight, down_for: Iterable[Conversation], person: Staff) -> list[str]:
    """The conversations that this person is in. Those of direct ones and chats with the bot are only counted (D4)."""
    theirs = [one for one in down_for if may_be_in(sight.firm, person.id, one, sight.today)]
    direct = sum(conversation.kind is ConversationKind.DIRECT for conversation in theirs)
    shared = [
        conversation_title(sight.firm, conversation)
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
    sight = sight_of(call.desk, call.sender.id)
    # As it is now, also when this is a later page of what was asked a while ago.
    matter = sight.firm.matters.get(call.values["matter"].id)
    if matter is None or not sight.matter(matter):
        return List(())
    staff = sorted((sight.firm.staff[one] for one in sight.firm.active_staff), key=lambda one: one.name.casefold())
    allowed = with_access(sight.firm, matter, sight.today)
    inside = [person for person in staff if person.id in allowed]
    outside = [person for person in staff if person.id not in allowed]
    open_to = "restricted to an access list" if matter.restricted else "open to all active staff"
    count = f"{len(inside) or 'Nobody'} of {len(staff)} can see it."
    head = f"**{escape(matter_name(matter))}** ({matter.status}) is {open_to}. {count}"
    listed = await call.desk.store.read(lambda: conversations_of_matter(matter.id))

    async def shown(items: Sequence[Staff | MatterConversation]) -> list[str]:
        return [_person_or_talk(sight, matter, item, allowed) for item in items]

    return List([*listed, *outside, *inside], head, shown=shown)


def _person_or_talk(sight: Sight, matter: Matter, item: Staff | MatterConversation, allowed: frozenset[str]) -> str:
    if isinstance(item, MatterConversation):
        people = desired_participants(sight.firm, item.conversation, sight.today)
        return f"- **In {escape(item.conversation.title)}**: {_names(sight, people)}"
    if item.id in allowed:
        return f"- {escape(item.name)}: {_way(sight, matter, item.id)}"
    deciding = explain_access(sight.firm, item.id, matter, sight.today, sight.written).deciding
    return f"- {escape(item.name)} cannot see it: {escape(deciding.text)}"


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
