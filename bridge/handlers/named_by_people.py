"""What people named in their own client: a channel's name and topic, and the title of a matter's conversation (V1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bridge.desk import Desk
from bridge.firm.conversation import Channel, Conversation, ConversationKind
from bridge.firm.policy import is_read_only, may_act, may_be_in
from bridge.handlers.places import Place
from bridge.mapping.event import Event
from bridge.mapping.names import conversation_name, matter_name
from bridge.operations.channels.changing import take_name, take_topic
from bridge.operations.matters.changing import take_title
from bridge.refusal import Kind, Refusal
from bridge.store.rooms.channels import channel
from bridge.store.rooms.conversations import conversation_by_id
from bridge.wording.refusals import SENTENCES, worded

NAME, TOPIC = "m.room.name", "m.room.topic"
FIELDS: Mapping[str, str] = {NAME: "name", TOPIC: "topic"}
"""What people set, and the field that holds it."""
_THERE = {
    **SENTENCES,
    Kind.TOPIC_TOO_LONG: "It has {count} characters; at most {most} fit.",
    Kind.TITLE_TAKEN: "The matter has a conversation called {title}. Choose another title.",
}
"""What is said of a name or topic that somebody set in the very room."""


@dataclass(frozen=True, slots=True)
class Named:
    """A room that those in it name."""

    title: str
    shown: Mapping[str, str]
    """What they set, by event type, as the room should show it."""
    lets: Callable[[str], bool]
    """Whether a member of staff, by id, may be in it."""
    take: Callable[[Event, str, str], Awaitable[str]]
    """Store what a member of staff set: the event, the text, the staff id. Why not, as a sentence, else nothing."""


async def named_by_people(place: Place, desk: Desk) -> Named | None:
    """The room as those in it name it; None where the firm does."""
    if place.kind is ConversationKind.CHANNEL:
        found = await desk.store.run(channel, place.key)
        return None if found is None else _channel(found, desk)
    if place.kind is ConversationKind.MATTER and not place.earlier:
        talk = await desk.store.run(conversation_by_id, place.key)
        return None if talk is None else _of_matter(talk, desk)
    return None


def _channel(found: Channel, desk: Desk) -> Named:
    async def take(event: Event, text: str, staff_id: str) -> str:
        take_over = take_topic if event.type == TOPIC else take_name
        return await _refused(take_over(desk, staff_id, found, text, event.event_id))

    shown = {NAME: found.title, TOPIC: found.topic}
    return Named(found.title, shown, lambda staff_id: bool(may_act(desk.firm(), staff_id)), take)


def _of_matter(talk: Conversation, desk: Desk) -> Named | None:
    firm, first_title = desk.firm(), desk.settings.firm.first_matter_conversation_title
    matter = firm.matters.get(talk.matter_id)
    if matter is None:
        return None

    async def take(event: Event, text: str, staff_id: str) -> str:
        if is_read_only(desk.firm(), talk):
            return "It is read-only."
        own = text.removesuffix(conversation_name(matter, "", first_title))
        if matter.number in own and text != matter_name(matter):
            return "The matter's number and title come from the firm's directory. Write the conversation's own title."
        title = first_title if text == matter_name(matter) else own
        return await _refused(take_title(desk, staff_id, matter, talk.id, title, event.event_id))

    def lets(staff_id: str) -> bool:
        return bool(may_be_in(desk.firm(), staff_id, talk, desk.today()))

    return Named(talk.title, {NAME: conversation_name(matter, talk.title, first_title)}, lets, take)


async def _refused(taking: Awaitable[str]) -> str:
    """Why a name or topic was not taken over, as a sentence, else nothing."""
    try:
        await taking
    except Refusal as error:
        return worded(error, _THERE)
    return ""
