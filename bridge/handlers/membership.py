"""Joins and leaves from any client: recorded where the policy allows them, put back where it does not (V1)."""

from __future__ import annotations

from typing import Any

import structlog

from bridge.commands.table import Desk
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.policy import may_be_in
from bridge.handlers.places import Places
from bridge.store.conversations import conversation_by_id, note_join, remove_participant

log = structlog.get_logger(__name__)
Json = dict[str, Any]


def is_membership(event: Json, bot_id: str) -> bool:
    """Whether an event changes somebody's membership, other than by the bot's own hand or of the bot itself."""
    return (
        event.get("type") == "m.room.member"
        and isinstance(event.get("state_key"), str)
        and bot_id not in {event.get("sender"), event["state_key"]}
        and event["content"].get("membership") != _membership_before(event)
    )


def _membership_before(event: Json) -> Any:
    """What it was, where the homeserver says so: a new name or picture is a member event as well."""
    return event.get("unsigned", {}).get("prev_content", {}).get("membership")


async def handle_membership(event: Json, desk: Desk, places: Places) -> None:
    """Record a join or leave that people made themselves, and put the room right where it must not stand.

    Events that the bridge caused in somebody's name come by as well; they are recorded already and change nothing.
    """
    place = await places.place(event["room_id"])
    if place is None:
        return
    conversation = await desk.store.run(lambda: conversation_by_id(place.key))
    if conversation is None:
        await _put_space_right(place.key, event, desk)
        return
    staff_id = await places.staff_id(event["state_key"])
    moved = event["content"].get("membership")
    if staff_id is None or event["sender"] != event["state_key"] or moved not in {"join", "leave"}:
        await desk.reconciler.converge(conversation.id)
    elif moved == "leave":
        await _left(conversation, staff_id, int(event["origin_server_ts"]), desk)
    else:
        await _joined(conversation, staff_id, int(event["origin_server_ts"]), desk)


async def _left(conversation: Conversation, staff_id: str, at: int, desk: Desk) -> None:
    if conversation.kind is ConversationKind.BOT or conversation.everyone:
        await desk.reconciler.converge(conversation.id)
    elif await desk.store.run(lambda: remove_participant(conversation.id, staff_id, at)):
        log.info("participant_left", conversation=conversation.id, staff=staff_id)
        await desk.reconciler.converge(conversation.id)


async def _joined(conversation: Conversation, staff_id: str, at: int, desk: Desk) -> None:
    allowed = may_be_in(desk.firm(), staff_id, conversation, desk.reconciler.today())
    if allowed and (staff_id in conversation.participants or conversation.everyone):
        return
    if not allowed:
        log.warning("participant_refused", conversation=conversation.id, staff=staff_id, rule=allowed.rule)
    elif await desk.store.run(lambda: note_join(conversation.id, staff_id, at)):
        log.info("participant_joined", conversation=conversation.id, staff=staff_id)
        if not conversation.matter_id:
            return
    await desk.reconciler.converge(conversation.id)


async def _put_space_right(key: str, event: Json, desk: Desk) -> None:
    """Nobody joins or leaves a space by themselves. Every join that the bridge makes comes by, so looks come first."""
    shape = await desk.reconciler.shape(key)
    if shape is not None and (event["state_key"] in shape.members) != (event["content"].get("membership") == "join"):
        await desk.reconciler.converge(key)
