"""Direct conversations that somebody left: closed for them, until somebody writes there again (V1).

Of such a message the bridge keeps that it came, when and from whom, and nothing of what it says.
"""

from __future__ import annotations

from typing import Any

import structlog

from bridge.desk import Desk
from bridge.firm.conversation import ConversationKind
from bridge.firm.policy import may_act
from bridge.handlers.arrival import Arrival, Context
from bridge.handlers.passing.activity import is_news
from bridge.mapping.event import Event, event_of
from bridge.matrix.errors import NotFoundError
from bridge.store.engine.unit import Unit
from bridge.store.rooms.conversations import conversation_by_id
from bridge.store.rooms.participants import add_participants

log = structlog.get_logger(__name__)
Json = dict[str, Any]
WRITTEN = "org.firm-bridge.written"
"""The type under which the bridge keeps that a message came. The homeserver sends no event of it that is handled."""


def calls_back(event: Event, context: Context) -> bool:
    """Whether an event is a message in a direct conversation that somebody left who works here."""
    missing, desk = context.places.left_direct.get(event.room_id), context.desk
    return (
        missing is not None
        and is_news(event, desk.settings.bot_id)
        and any(may_act(desk.firm(), staff_id) for staff_id in missing)
    )


def without_text(event: Event) -> Json:
    """That a message came, as an event to be handled."""
    return {
        "event_id": event.event_id,
        "room_id": event.room_id,
        "sender": event.sender,
        "origin_server_ts": event.at_ms,
        "type": WRITTEN,
        "content": {},
    }


async def call_back(arrival: Arrival, context: Context) -> None:
    """Have those back who left before this message. The conversation is theirs as it was (D1)."""
    key, desk = arrival.place.key, context.desk
    if arrival.place.kind is not ConversationKind.DIRECT:
        return
    back = await desk.store.run(_returned, key, arrival, desk)
    await desk.reconciler.rooms.converge(key)
    await context.places.look_who_left()
    log.info("direct_reopened", conversation=key, staff=back)


def _returned(unit: Unit, conversation_id: str, arrival: Arrival, desk: Desk) -> int:
    """How many there were to have back."""
    conversation = conversation_by_id(unit, conversation_id)
    firm, event = desk.firm(), arrival.event
    back = [] if conversation is None else [one for one in conversation.left if may_act(firm, one)]
    add_participants(unit, conversation_id, back, arrival.staff_id or "", at_ms=event.at_ms, cause=event.event_id)
    return len(back)


async def written_since(event: Event, desk: Desk) -> Event | None:
    """The newest message that somebody else wrote after this event of the room, if any.

    Raises RequestError. It may have come while nobody knew yet that somebody had left.
    """
    try:
        newest = await desk.homeserver.admin_newest_messages(event.room_id)
    except NotFoundError:
        return None
    bot_id = desk.settings.bot_id
    since = (one for one in map(event_of, newest) if one.at_ms > event.at_ms and one.sender != event.sender)
    return next((one for one in since if is_news(one, bot_id)), None)
