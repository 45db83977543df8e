"""Direct conversations that somebody left: closed for them, until somebody writes there again (V1).

Of such a message the bridge keeps that it came, when and from whom, and nothing of what it says.
"""

from __future__ import annotations

from typing import Any

import structlog

from bridge.desk import Desk
from bridge.firm.conversation import ConversationKind
from bridge.firm.policy import may_act
from bridge.handlers.activity import is_news
from bridge.handlers.places import Places
from bridge.matrix.errors import NotFoundError
from bridge.store.rooms.conversations import add_participants, conversation_by_id

log = structlog.get_logger(__name__)
Json = dict[str, Any]
WRITTEN = "org.firm-bridge.written"
"""The type under which the bridge keeps that a message came. The homeserver sends no event of it that is handled."""


def calls_back(event: Json, desk: Desk, places: Places) -> bool:
    """Whether an event is a message in a direct conversation that somebody left who works here."""
    missing = places.left_direct.get(event["room_id"])
    return (
        missing is not None
        and is_news(event, desk.settings.bot_id)
        and any(may_act(desk.firm(), staff_id) for staff_id in missing)
    )


def without_text(event: Json) -> Json:
    """That a message came, as an event to be handled."""
    kept = {name: event[name] for name in ("event_id", "room_id", "sender", "origin_server_ts")}
    return {**kept, "type": WRITTEN, "content": {}}


async def call_back(event: Json, desk: Desk, places: Places) -> None:
    """Have those back who left before this message. The conversation is theirs as it was (D1)."""
    place = await places.place(event["room_id"])
    if place is None or place.kind is not ConversationKind.DIRECT:
        return
    writer = await places.staff_id(event["sender"]) or ""
    back = await desk.store.run(lambda: _returned(place.key, writer, event, desk))
    await desk.reconciler.converge(place.key)
    await places.look_who_left()
    log.info("direct_reopened", conversation=place.key, staff=back)


def _returned(conversation_id: str, writer: str, event: Json, desk: Desk) -> int:
    """A unit: how many there were to have back."""
    conversation = conversation_by_id(conversation_id)
    firm = desk.firm()
    back = [] if conversation is None else [one for one in conversation.left if may_act(firm, one)]
    at_ms, cause = int(event["origin_server_ts"]), str(event["event_id"])
    add_participants(conversation_id, back, writer, at_ms=at_ms, cause=cause)
    return len(back)


async def written_since(event: Json, desk: Desk) -> Json | None:
    """The newest message that somebody else wrote after this event of the room, if any.

    Raises RequestError. It may have come while nobody knew yet that somebody had left.
    """
    try:
        newest = await desk.homeserver.admin_newest_messages(event["room_id"])
    except NotFoundError:
        return None
    left_at, bot_id = int(event["origin_server_ts"]), desk.settings.bot_id
    return next(
        (
            one
            for one in newest
            if is_news(one, bot_id) and one["sender"] != event["sender"] and int(one["origin_server_ts"]) > left_at
        ),
        None,
    )
