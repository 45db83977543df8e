"""Who is in a channel or a matter's conversation: adding people, taking them out, and listing them (C1, M1, V1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bridge.desk import Desk
from bridge.firm.conversation import SHARED, Conversation
from bridge.firm.model import Staff
from bridge.firm.policy import desired_participants, is_read_only, may_be_in
from bridge.operations.first_line import tell_added
from bridge.operations.rooms import made_room
from bridge.operations.sight import is_in
from bridge.refusal import Kind, Refusal
from bridge.store.engine.unit import Unit
from bridge.store.rooms.conversations import conversation_by_id
from bridge.store.rooms.participants import drop, pick, picked


class Done(StrEnum):
    """What was done for one person."""

    ADDED = "added"
    WAS_IN = "was in it"
    IS_IN_LIKE_EVERYBODY = "is in it like everybody"
    HAS_NO_ACCESS = "has no access to the matter"
    NOT_ADDED = "not added"
    REMOVED = "removed"
    WAS_NOT_IN = "was not in it"


@dataclass(frozen=True, slots=True)
class PeopleChanged:
    """What became of changing who is in a conversation."""

    conversation: Conversation
    done: Mapping[str, Done]
    """By staff id."""


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody in a conversation."""

    person: Staff
    since: int | None
    """Milliseconds since the epoch; None where everybody is in it, or they are without having been picked."""
    added_by: str
    """Staff id; empty for the directory."""


async def add_people(
    desk: Desk, asker: Staff, conversation_id: str, people: Collection[Staff], cause: str
) -> PeopleChanged:
    """Add people as far as the policy lets them in. Raises Refusal."""
    conversation = await _changeable(desk, asker, conversation_id)
    if conversation.everyone:
        return PeopleChanged(conversation, {person.id: Done.IS_IN_LIKE_EVERYBODY for person in people})
    firm, today = desk.firm(), desk.today()
    allowed = [person.id for person in people if may_be_in(firm, person.id, conversation, today)]

    def work(unit: Unit) -> set[str]:
        added = pick(unit, conversation_id, allowed, asker.id, cause)
        tell_added(unit, conversation, added, asker.id, cause, desk)
        return added

    added = await desk.store.run(work)
    await made_room(desk, conversation_id, asker.id, cause)
    refused = Done.HAS_NO_ACCESS if conversation.matter_id else Done.NOT_ADDED
    done = {person.id: refused for person in people} | dict.fromkeys(allowed, Done.WAS_IN)
    return PeopleChanged(conversation, done | dict.fromkeys(added, Done.ADDED))


async def remove_people(
    desk: Desk, asker: Staff, conversation_id: str, people: Collection[Staff], cause: str
) -> PeopleChanged:
    """Take people out. Raises Refusal."""
    conversation = await _changeable(desk, asker, conversation_id)
    if conversation.everyone:
        raise Refusal(Kind.NOBODY_OUT_OF_FIRM_CHANNEL, "C4", title=conversation.title)
    ids = [person.id for person in people]
    removed = await desk.store.run(drop, conversation_id, ids, asker.id, cause)
    await made_room(desk, conversation_id, asker.id, cause)
    return PeopleChanged(conversation, {one: Done.REMOVED if one in removed else Done.WAS_NOT_IN for one in ids})


async def participants_of(desk: Desk, here: Conversation, start: int, most: int) -> tuple[list[Participant], int]:
    """A page of those who are in a conversation, by name, and how many there are in all."""
    firm = desk.firm()
    people = [firm.staff[one] for one in desired_participants(firm, here, desk.today())]
    rows = {} if here.everyone else {row.staff_id: row for row in await desk.store.read(picked, here.id)}
    listed = sorted(people, key=lambda person: (person.name.casefold(), person.id))[start : start + most]
    found = [
        Participant(person, row.since, row.added_by) if (row := rows.get(person.id)) else Participant(person, None, "")
        for person in listed
    ]
    return found, len(people)


async def _changeable(desk: Desk, asker: Staff, conversation_id: str) -> Conversation:
    """The conversation, whose participants the one who asks may change now. Raises Refusal."""
    conversation = await desk.store.read(conversation_by_id, conversation_id)
    if conversation is None or conversation.kind not in SHARED:
        raise Refusal(Kind.PEOPLE_STAY_THE_SAME, "D2")
    if conversation.matter_id and not is_in(desk, asker, conversation):
        raise Refusal(Kind.PEOPLE_CHANGED_FROM_INSIDE, "M1")
    if is_read_only(desk.firm(), conversation):
        raise Refusal(Kind.READ_ONLY_PEOPLE, "V1", title=conversation.title, restorable=not conversation.matter_id)
    return conversation
