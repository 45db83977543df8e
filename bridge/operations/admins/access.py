"""What somebody can see, and who can see a matter (O2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bridge.desk import Desk
from bridge.firm.conversation import SHARED, ConversationKind
from bridge.firm.explain import explain_access, roles_on, wall_said, way_to
from bridge.firm.matters.search import on_team_of
from bridge.firm.model import Firm, Matter, Matters, Staff
from bridge.firm.policy import Decision, accessible, desired_participants, may_access, may_act, may_be_in, with_access
from bridge.firm.sight import Sight
from bridge.operations.sight import sight_of
from bridge.store.rooms.conversations import conversations_of_person
from bridge.store.rooms.matters import conversations_of_matter
from bridge.wording.places import conversation_title


class Way(StrEnum):
    """How somebody can see a matter, or that they cannot; in the order of a list."""

    NOT = "not to be seen"
    ROLE = "by a role"
    LIST = "by the access list"
    OPEN = "open to all"


@dataclass(frozen=True, slots=True)
class MatterAccess:
    """How one person stands to one matter."""

    person: Staff
    matter: Matter
    way: Way
    roles: tuple[str, ...] = ()
    """Theirs on the matter, where that is the way."""
    groups: tuple[str, ...] = ()
    """Through which they are on the access list, each in the one before it."""
    deciding: str = ""
    """Why they cannot see it."""


@dataclass(frozen=True, slots=True)
class AccessOf:
    """What one person can see, as far as whoever asks may know."""

    acting: Decision
    matters: tuple[tuple[Matter, Way], ...]
    walls: Mapping[str, str]
    """Those in force that concern them, in words, by id."""
    direct: int
    """How many direct conversations they are in, which are only counted (D4)."""
    conversations: Mapping[str, str]
    """The others in words, by id, in the order of their words."""


@dataclass(frozen=True, slots=True)
class AccessTo:
    """Who can see a matter."""

    matter: Matter
    inside: tuple[Staff, ...]
    outside: tuple[Staff, ...]
    conversations: tuple[tuple[str, tuple[str, ...]], ...]
    """The titles, each with the names of those who are in it."""


async def access_of(desk: Desk, asker: Staff, person: Staff) -> AccessOf:
    """What this person can see. Raises Refusal."""
    sight = sight_of(desk, asker)
    grouped = _by_way(sight, person)
    down_for = await desk.store.read(conversations_of_person, person.id)
    theirs = [one for one in down_for if may_be_in(sight.firm, person.id, one, sight.today)]
    shared = [
        (conversation_title(sight.firm, one), one.id)
        for one in theirs
        if one.kind in SHARED and sight.conversation(one)
    ]
    return AccessOf(
        may_act(sight.firm, person.id),
        tuple((matter, way) for way in Way for matter in grouped[way]),
        {
            wall.id: wall_said(sight.firm, wall, sight.written)
            for wall in sight.firm.walls.values()
            if sight.firm.names(wall.people, person.id) and wall.in_force(sight.today) and sight.wall(wall)
        },
        sum(one.kind is ConversationKind.DIRECT for one in theirs),
        {key: title for title, key in sorted(shared, key=lambda one: one[0].casefold())},
    )


async def access_to(desk: Desk, asker: Staff, matter_id: str) -> AccessTo | None:
    """Who can see this matter as it is now; None where whoever asks cannot. Raises Refusal."""
    sight = sight_of(desk, asker)
    matter = sight.firm.matters.get(matter_id)
    if matter is None or not sight.matter(matter):
        return None
    staff = sorted((sight.firm.staff[one] for one in sight.firm.active_staff), key=lambda one: one.name.casefold())
    allowed = with_access(sight.firm, matter, sight.today)
    listed = await desk.store.read(conversations_of_matter, matter.id)
    people = [desired_participants(sight.firm, one.conversation, sight.today) for one in listed]
    return AccessTo(
        matter,
        tuple(person for person in staff if person.id in allowed),
        tuple(person for person in staff if person.id not in allowed),
        tuple(
            (one.conversation.title, tuple(sorted((sight.firm.staff[who].name for who in there), key=str.casefold)))
            for one, there in zip(listed, people, strict=True)
        ),
    )


def standings(desk: Desk, asker: Staff, pairs: Sequence[tuple[Staff, Matter]]) -> list[MatterAccess]:
    """How each of these people stands to the matter beside them, and why. Raises Refusal."""
    sight = sight_of(desk, asker)
    return [_standing(sight, person, matter) for person, matter in pairs if sight.matter(matter)]


def _standing(sight: Sight, person: Staff, matter: Matter) -> MatterAccess:
    if not may_access(sight.firm, person.id, matter, sight.today):
        deciding = explain_access(sight.firm, person.id, matter, sight.today, sight.written).deciding
        return MatterAccess(person, matter, Way.NOT, deciding=deciding.text)
    return allowed_by(sight.firm, person, matter)


def allowed_by(firm: Firm, person: Staff, matter: Matter) -> MatterAccess:
    """How somebody with access to a matter has it."""
    if roles := roles_on(matter, person.id):
        return MatterAccess(person, matter, Way.ROLE, tuple(roles))
    if not matter.restricted:
        return MatterAccess(person, matter, Way.OPEN)
    return MatterAccess(person, matter, Way.LIST, groups=tuple(way_to(firm, matter.allowed, person.id) or ()))


def _by_way(sight: Sight, person: Staff) -> dict[Way, list[Matter]]:
    """The matters that the asker may see, by the way in which this person can see them or not."""
    grouped: dict[Way, list[Matter]] = {way: [] for way in Way}
    seen = {matter.id for matter in sight.matters}
    theirs = {matter.id for matter in accessible(sight.firm, person.id, sight.matters, sight.today)}
    on_team = sight.firm.matters_under(on_team_of).get(person.id, frozenset())
    for matter in sight.firm.found_in_matters(_by_number):
        if matter.id not in seen:
            continue
        if matter.id not in theirs:
            grouped[Way.NOT].append(matter)
        elif matter.id in on_team:
            grouped[Way.ROLE].append(matter)
        else:
            grouped[Way.LIST if matter.restricted else Way.OPEN].append(matter)
    return grouped


def _by_number(matters: Matters) -> Sequence[Matter]:
    return sorted(matters.values(), key=lambda one: one.number)
