"""Looking for what was said, by the homeserver's own search as the person who asks (P5)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import structlog

from bridge.desk import Desk
from bridge.firm.conversation import SHARED, Conversation, ConversationKind
from bridge.firm.model import Staff
from bridge.firm.policy import desired_participants, may_be_in
from bridge.mapping.said import edited_in, said_in
from bridge.matrix.errors import RequestError
from bridge.matrix.retry import patience
from bridge.operations.everybody import everybody
from bridge.operations.overview import account_of
from bridge.store.engine.unit import ReadUnit
from bridge.store.rooms.conversations import conversations_of_person
from bridge.store.rooms.made import rooms_of
from bridge.store.rooms.world import conversations_with_people

Json = dict[str, Any]
log = structlog.get_logger(__name__)
WORDS_MAX = 200
"""Characters that are looked for."""
_SECONDS = 5.0
"""So long a search is waited for."""


@dataclass(frozen=True, slots=True)
class MessageFound:
    """A message that has the words."""

    conversation: Conversation
    room_id: str
    event_id: str
    author: str
    text: str
    """All that it says, on one line."""
    at_ms: int


async def messages_with(desk: Desk, asker: Staff, words: str, most: int) -> list[MessageFound] | None:
    """The newest messages that have the words, in conversations that the one who asks is in at this moment.

    None where the homeserver does not say at once.
    """
    places, words = await _places(desk, asker), " ".join(words.split())[:WORDS_MAX]
    if not places or not words:
        return []
    try:
        with patience(0):
            async with asyncio.timeout(_SECONDS):
                user_id = await account_of(desk, asker.id)
                edits = await desk.homeserver.search(user_id, words, sorted(places), most)
                found = await asyncio.gather(*(_edited(desk, user_id, one) for one in edits))
    except (RequestError, TimeoutError) as error:
        log.warning("messages_not_searched", staff=asker.id, reason=type(error).__name__)
        return None
    people = await everybody(desk)
    # The search took a while: what began to keep them out meanwhile counts (M3).
    places = await _places(desk, asker)
    messages = []
    for event in {one["event_id"]: one for one in found if one is not None}.values():
        place, text = places.get(event["room_id"]), " ".join(said_in(event).split())
        if place is None or not text:
            continue
        owner = people.owner(event["sender"])
        author = desk.settings.appservice.bot_name if event["sender"] == desk.settings.bot_id else event["sender"]
        messages.append(
            MessageFound(
                place,
                event["room_id"],
                event["event_id"],
                owner.name if owner is not None else author,
                text,
                int(event["origin_server_ts"]),
            )
        )
    return messages


async def _edited(desk: Desk, user_id: str, event: Json) -> Json | None:
    """The message itself in the place of an edit, which stays on the server where its message is deleted
    (findings/deletion-leaves-edits.sh). None for an edit of what somebody else wrote or nobody can see."""
    edited = edited_in(event["content"])
    if edited is None:
        return event
    message = await desk.homeserver.event(event["room_id"], edited, user_id) if edited else None
    return message if message is not None and message["sender"] == event["sender"] else None


async def _places(desk: Desk, asker: Staff) -> dict[str, Conversation]:
    """The conversations that somebody is in now, by their rooms. Their chat with the bot is none of them: it has links
    that sign them in."""
    firm, today = desk.firm(), desk.today()

    def work(unit: ReadUnit) -> dict[str, Conversation]:
        down_for = [one.id for one in conversations_of_person(unit, asker.id) if may_be_in(firm, asker.id, one, today)]
        whole = {
            key: one
            for key, one in conversations_with_people(unit, down_for).items()
            if one.kind in {*SHARED, ConversationKind.DIRECT} and asker.id in desired_participants(firm, one, today)
        }
        return {room_id: whole[key] for key, room_id in rooms_of(unit, whole).items()}

    return await desk.store.read(work)
