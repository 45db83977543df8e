"""Direct conversations: opening one, and opening a larger one from inside another (D1, D2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bridge.desk import Desk
from bridge.firm.conversation import Conversation, ConversationKind, direct_id
from bridge.firm.model import Staff
from bridge.firm.policy import desired_participants
from bridge.operations.rooms import made_room
from bridge.refusal import Kind, Refusal
from bridge.store.engine.unit import Unit
from bridge.store.rooms.conversations import NewConversation, add_conversations, was_caused_by
from bridge.store.rooms.participants import add_participants
from bridge.wording.markdown import escape, notice, room_link
from bridge.wording.people import names


@dataclass(frozen=True, slots=True)
class Opened:
    """A direct conversation that somebody asked for."""

    room_id: str
    others: tuple[Staff, ...]
    """Who is in it besides the one who asked."""
    is_new: bool
    """Whether the asking made it, rather than finding it there."""


@dataclass(frozen=True, slots=True)
class Widened:
    """What became of adding people to a direct conversation."""

    opened: Opened | None
    """The conversation of the larger set; None where nobody was added to it."""
    were_in: frozenset[str]
    """Staff ids of those who were in it already."""


async def open_direct(desk: Desk, asker: Staff, people: Iterable[Staff], cause: str) -> Opened:
    """The direct conversation of the one who asks and these people, with its room (D1). Raises Refusal."""
    others = tuple(dict.fromkeys(person for person in people if person.id != asker.id))
    if not others:
        raise Refusal(Kind.NOBODY_BESIDES_YOU, "D1")
    everybody = [person.id for person in (asker, *others)]
    conversation = Conversation(direct_id(everybody), ConversationKind.DIRECT, participants=frozenset(everybody))

    def work(unit: Unit) -> bool:
        add_conversations(unit, [NewConversation(conversation, created_by=asker.id, caused_by=cause)])
        add_participants(unit, conversation.id, everybody, asker.id, cause=cause)
        return was_caused_by(unit, conversation.id, cause)

    is_new = await desk.store.run(work)
    return Opened(await made_room(desk, conversation.id, asker.id, cause), others, is_new)


async def widen_direct(desk: Desk, asker: Staff, here: Conversation, people: Collection[Staff], cause: str) -> Widened:
    """Open the conversation of the larger set, and say so in this one, which stays as it was (D2). Raises Refusal."""
    firm = desk.firm()
    present = desired_participants(firm, here, desk.today()) | {asker.id}
    added = [person for person in people if person.id not in present]
    if not added:
        return Widened(None, present)
    others = [firm.staff[one] for one in present.union(person.id for person in added) - {asker.id}]
    opened = await open_direct(desk, asker, sorted(others, key=lambda person: person.name), cause)
    if opened.is_new:
        room = room_link("a new conversation", opened.room_id, desk.server_name)
        said = (
            f"{escape(asker.name)} has opened {room} in which {names(added)} can read along."
            " What was said here stays here."
        )
        await desk.reconciler.visits.say(here.id, notice(said), f"{cause}/added")
    return Widened(opened, present)
