"""Why somebody can or cannot see something, with every reason, and what Matrix says (O2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bridge.desk import Desk
from bridge.firm.audit import BY_GUARD
from bridge.firm.conversation import Conversation, ConversationKind, MatterConversation
from bridge.firm.explain import Explanation, explain_access, explain_place
from bridge.firm.model import Matter, Staff
from bridge.firm.policy import desired_participants
from bridge.firm.room_keys import matter_space_key
from bridge.firm.sight import Sight
from bridge.operations.everybody import Everybody, everybody
from bridge.operations.place_named import find_place
from bridge.operations.sight import sight_of
from bridge.reconcile.rooms.observe import in_parallel, observe_room
from bridge.refusal import Kind, Refusal
from bridge.store.engine.unit import ReadUnit
from bridge.store.record.audit import Audited, Filter, newest_by
from bridge.store.rooms.made import room_of
from bridge.store.rooms.matters import conversations_of_matter
from bridge.store.rooms.questions import Pick, picks_of, who_ended
from bridge.wording.audit_lines import Names, audit_line, names_of
from bridge.wording.directory import origin_said

_REFUSALS = 5
"""That are shown."""


class LastChange(StrEnum):
    """What happened last between somebody and a conversation."""

    EVERYBODY = "everybody"
    """The whole firm is in it."""
    NEVER = "never"
    JOINED = "joined"
    LEFT = "left"
    PICKED = "picked"
    TAKEN_OUT = "taken_out"


@dataclass(frozen=True, slots=True)
class Membership:
    """How somebody stands to one conversation."""

    title: str
    """Empty for a direct one."""
    picked: LastChange
    at_ms: int | None
    """When, in milliseconds since the epoch."""
    by: Staff | None
    """Who picked them or took them out; None for the bridge and the directory."""
    wanted: bool
    """Whether they are to be in it."""
    seen: str | None
    """Their membership in the room; empty for none, None where there is no room."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why somebody can or cannot see a matter or be in a conversation, as far as whoever asks may know."""

    place: Matter | Conversation
    explanation: Explanation
    memberships: tuple[Membership, ...]
    refused: tuple[str, ...]
    """What the guard last refused to them there, or to others for them; lines of the audit log, in Markdown."""
    said_by: tuple[str, ...] = ()
    """Which source of the directory says so, where it has several; sentences."""


async def why(
    desk: Desk,
    asker: Staff,
    person: Staff,
    typed: str,
    some: Callable[[Sequence[MatterConversation]], Sequence[MatterConversation]] = tuple,
) -> Why:
    """Why this person can or cannot see, or be in, what is called so. Of the conversations of a matter `some` gives
    those that are looked at: of each the homeserver is asked.

    Raises Refusal, and HomeserverError where a room cannot be read.
    """
    sight, people = sight_of(desk, asker), await everybody(desk)
    place = await find_place(desk, sight, typed)
    if isinstance(place, Matter):
        listed = await desk.store.read(conversations_of_matter, place.id)
    else:
        listed = [MatterConversation(place, await desk.store.read(room_of, place.id))]
    memberships = await _memberships(desk, people, person, some(listed))
    refused, names = await _refused(desk, sight, person, place)
    # Asking took a while: what may be told is as it is now (M3).
    sight = sight_of(desk, asker)
    matter_id = place.id if isinstance(place, Matter) else place.matter_id
    matter = sight.firm.matters.get(matter_id)
    if isinstance(place, Conversation):
        if not sight.conversation(place):
            raise Refusal(Kind.NO_SUCH_PLACE, typed=typed)
        explanation = explain_place(sight.firm, person.id, place, sight.today, sight.written)
    else:
        if matter is None or not sight.matter(matter):
            raise Refusal(Kind.NO_SUCH_PLACE, typed=typed)
        place = matter
        explanation = explain_access(sight.firm, person.id, place, sight.today, sight.written)
    said_by = [origin_said(person.name, desk.origin("staff", person.id))]
    if matter is not None:
        said_by.append(origin_said(f"Matter {matter.number}", desk.origin("matters", matter_id)))
    lines = tuple(audit_line(desk.settings.firm, sight, names, one) for one in refused)
    return Why(place, explanation, tuple(memberships), lines, tuple(filter(None, said_by)))


async def _refused(
    desk: Desk, sight: Sight, person: Staff, place: Matter | Conversation
) -> tuple[list[Audited], Names]:
    def work(unit: ReadUnit) -> tuple[list[Audited], Names]:
        subjects = {place.id}
        if isinstance(place, Matter):
            found = (one.conversation.id for one in conversations_of_matter(unit, place.id))
            subjects = {matter_space_key(place.id), *found}
        asked = Filter(person=person.id, subjects=frozenset(subjects), deeds=BY_GUARD)
        newest = newest_by(unit, asked, _REFUSALS)
        return newest, names_of(unit, sight.firm, (one.entry for one in newest))

    return await desk.store.read(work)


async def _memberships(
    desk: Desk, people: Everybody, person: Staff, listed: Sequence[MatterConversation]
) -> list[Membership]:
    ids = [one.conversation.id for one in listed]
    picks, enders = await desk.store.read(lambda unit: (picks_of(unit, person.id), who_ended(unit, person.id, ids)))
    user_id, staff = people.user_id(person.id), people.firm.staff

    async def membership(one: MatterConversation) -> Membership:
        conversation = one.conversation
        pick, ender = picks.get(conversation.id), enders.get(conversation.id, "")
        picked = _picked(person, conversation, pick, ender)
        by = staff.get(pick.added_by if pick.present else ender) if pick is not None else None
        wanted = person.id in desired_participants(people.firm, conversation, desk.today())
        seen = await _membership(desk, conversation, one.room_id, user_id)
        at = pick.since if pick is not None else None
        return Membership(conversation.title, picked, at, by, wanted, seen)

    return await in_parallel(listed, membership, desk.settings.homeserver.concurrency)


def _picked(person: Staff, conversation: Conversation, pick: Pick | None, ender: str) -> LastChange:
    if conversation.everyone:
        return LastChange.EVERYBODY
    if pick is None:
        return LastChange.NEVER
    if person.id == (pick.added_by if pick.present else ender):
        return LastChange.JOINED if pick.present else LastChange.LEFT
    return LastChange.PICKED if pick.present else LastChange.TAKEN_OUT


async def _membership(desk: Desk, conversation: Conversation, room_id: str | None, user_id: str) -> str | None:
    if room_id is None:
        return None
    expected = conversation.kind is not ConversationKind.DIRECT
    observed = await observe_room(desk.homeserver, room_id, bot_expected=expected)
    return None if observed is None else observed.members.get(user_id, "")
