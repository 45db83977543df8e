"""Joins and leaves from any client: recorded where the policy allows them, put back where it does not (V1)."""

from __future__ import annotations

from typing import Any

import structlog

from bridge.commands.table import Desk
from bridge.firm.conversation import ConversationKind
from bridge.firm.policy import may_be_in
from bridge.handlers.places import Places
from bridge.store.conversations import add_participants, conversation_by_id, remove_participant

log = structlog.get_logger(__name__)
Json = dict[str, Any]


def is_membership(event: Json, bot_id: str) -> bool:
    """Whether an event changes somebody's membership, other than by the bot's own hand or of the bot itself."""
    return event.get("type") == "m.room.member" and event.get("sender") != bot_id and event.get("state_key") != bot_id


async def handle_membership(event: Json, desk: Desk, places: Places) -> None:
    """Record a join or leave that people made themselves, and put the room right where it must not stand.

    Events that the bridge caused in somebody's name come by as well; they are recorded already and change nothing.
    """
    place = await places.place(event["room_id"])
    membership = event["content"].get("membership")
    if place is None or place.kind is None:
        return
    staff_id = await places.staff_id(str(event["state_key"]))
    conversation = await desk.store.run(lambda: conversation_by_id(place.key))
    if conversation is None:
        return
    by_themselves = event["sender"] == event["state_key"]
    if staff_id is not None and by_themselves and membership == "leave":
        if place.kind is ConversationKind.BOT or conversation.everyone:
            await desk.reconciler.converge(place.key)
            return
        at = int(event["origin_server_ts"])
        if await desk.store.run(lambda: remove_participant(place.key, staff_id, at)):
            log.info("participant_left", conversation=place.key, staff=staff_id)
            await desk.reconciler.converge(place.key)
        return
    if staff_id is not None and by_themselves and membership == "join":
        if staff_id in conversation.participants or conversation.everyone:
            return
        allowed = may_be_in(desk.firm(), staff_id, conversation, desk.reconciler.today())
        if allowed:
            await desk.store.run(lambda: add_participants(place.key, [staff_id], staff_id))
            log.info("participant_joined", conversation=place.key, staff=staff_id)
            return
        log.warning("participant_refused", conversation=place.key, staff=staff_id, rule=allowed.rule)
    await desk.reconciler.converge(place.key)
