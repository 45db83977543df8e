"""Looking at matters and their conversations: what somebody must not see is in none of it (M1, M2, M3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bridge.desk import Desk
from bridge.firm.conversation import MatterConversation
from bridge.firm.matters.search import matters_with
from bridge.firm.model import Matter, Staff
from bridge.firm.policy import accessible, desired_participants, is_read_only, may_access, with_access
from bridge.store.rooms.matters import conversations_of_matter, rooms_of_person_in


@dataclass(frozen=True, slots=True)
class ConversationSeen:
    """A conversation of a matter as somebody sees it who may see the matter."""

    title: str
    room_id: str | None
    participants: int
    is_in: bool
    """Whether the one who asks is in it."""
    is_read_only: bool


@dataclass(frozen=True, slots=True)
class MatterSeen:
    """One matter, who has access to it, and its conversations in the order in which they are numbered."""

    matter: Matter
    insiders: Collection[str]
    """Staff ids."""
    conversations: tuple[ConversationSeen, ...]


def matters_seen(desk: Desk, asker: Staff, words: Sequence[str]) -> Sequence[Matter]:
    """The matters that somebody may see and that have all these words, open ones first."""
    firm = desk.firm()
    return accessible(firm, asker.id, matters_with(firm, words), desk.today())


async def rooms_in(desk: Desk, asker: Staff, matters: Sequence[Matter]) -> Mapping[str, Sequence[tuple[str, str]]]:
    """Title and room id of the conversations of these matters that somebody is in, by the matter's id."""
    ids = [matter.id for matter in matters]
    return await desk.store.read(rooms_of_person_in, ids, asker.id)


async def conversations_of(desk: Desk, matter: Matter) -> list[MatterConversation]:
    """The conversations of a matter that somebody may see, in the order in which they are numbered."""
    return await desk.store.read(conversations_of_matter, matter.id)


async def matter_seen(desk: Desk, asker: Staff, matter_id: str) -> MatterSeen | None:
    """A matter as it is now; None where somebody may not see it any more."""
    firm, today = desk.firm(), desk.today()
    matter = firm.matters.get(matter_id)
    if matter is None or not may_access(firm, asker.id, matter, today):
        return None
    seen = []
    for one in await conversations_of(desk, matter):
        people = desired_participants(firm, one.conversation, today)
        closed = is_read_only(firm, one.conversation)
        seen.append(ConversationSeen(one.conversation.title, one.room_id, len(people), asker.id in people, closed))
    return MatterSeen(matter, with_access(firm, matter, today), tuple(seen))
