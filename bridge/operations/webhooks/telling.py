"""What a webhook is told of an event: asked at the moment of telling, since who may hear of it may have changed (A3).

A webhook sees as one person, and is told what that person may hear of then (M3, D4); or as the firm itself, whose walls
stand between people and not around it. Direct conversations belong to those in them, and to nobody else (D4).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import orjson

from bridge.desk import Desk
from bridge.firm.conversation import SHARED, Conversation, ConversationKind
from bridge.firm.policy import desired_participants, may_act
from bridge.firm.sight import Sight
from bridge.firm.webhooks import EVENTS, EventType, ToldOf
from bridge.mapping.said import said_in
from bridge.operations.overview import account_of
from bridge.store.engine.unit import ReadUnit
from bridge.store.people.walls import wall_records
from bridge.store.people.webhooks import Hook
from bridge.store.queues.deliveries import Delivery
from bridge.store.rooms.conversations import conversation_by_id

Json = dict[str, Any]
_NAMED: Final = {ToldOf.MATTER: "matter", ToldOf.WALL: "wall", ToldOf.DIRECTORY: "fingerprint"}


async def told(desk: Desk, hook: Hook, one: Delivery) -> bytes | None:
    """The body of the request; None where whoever the webhook sees as may not hear of it.

    Raises RequestError where what was said is to be told and the homeserver does not say.
    """
    data = await _data(desk, hook, one)
    if data is None:
        return None
    if hook.text and one.type == EventType.MESSAGE_SENT:
        text = await _text(desk, hook, one)
        # The look took a while: what began to keep them out meanwhile counts (M3).
        data = await _data(desk, hook, one)
        if data is None:
            return None
        data["text"] = text
    at = datetime.fromtimestamp(one.at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return orjson.dumps({"type": one.type, "timestamp": at, "data": data})


async def _data(desk: Desk, hook: Hook, one: Delivery) -> Json | None:
    """What happened, by ids; None where it may not be told."""
    if hook.staff_id and not may_act(desk.firm(), hook.staff_id):
        return None
    about = EVENTS[EventType(one.type)].about
    if about in {ToldOf.PLACE, ToldOf.INSIDE}:
        conversation = await desk.store.read(conversation_by_id, one.subject)
        if conversation is None or not _may_hear(desk, hook, conversation, inside=about is ToldOf.INSIDE):
            return None
        data: Json = {"conversation": conversation.id, "kind": conversation.kind.value}
        if conversation.matter_id:
            data["matter"] = conversation.matter_id
        return data | _who(desk, one)
    if hook.staff_id and not await _sees(desk, hook, about, one.subject):
        return None
    return ({_NAMED[about]: one.subject} if about in _NAMED else {}) | _who(desk, one)


def _may_hear(desk: Desk, hook: Hook, conversation: Conversation, *, inside: bool) -> bool:
    if not hook.staff_id:
        return conversation.kind in SHARED
    if conversation.kind not in {*SHARED, ConversationKind.DIRECT}:
        return False
    firm, today = desk.firm(), desk.today()
    if inside or conversation.kind is ConversationKind.DIRECT:
        return hook.staff_id in desired_participants(firm, conversation, today)
    return Sight(firm, hook.staff_id, today).conversation(conversation)


async def _sees(desk: Desk, hook: Hook, about: ToldOf, subject: str) -> bool:
    """Whether the person may hear of what is no conversation."""
    sight = Sight(desk.firm(), hook.staff_id, desk.today())
    if about is ToldOf.STAFF:
        return True
    if about is ToldOf.MATTER:
        return sight.matter_by_id(subject)
    if not desk.may_administer(hook.staff_id):
        return False
    return about is ToldOf.DIRECTORY or await desk.store.read(_may_know_wall, sight, subject)


def _may_know_wall(unit: ReadUnit, sight: Sight, wall_id: str) -> bool:
    found = wall_records(unit, [wall_id]).get(wall_id)
    return found is not None and sight.wall(found.wall)


def _who(desk: Desk, one: Delivery) -> Json:
    """Whom it concerns and who did it, where they are of the firm; and the message."""
    staff, found = desk.firm().staff, dict[str, str]()
    if one.person in staff:
        found["person"] = one.person
    if one.actor in staff:
        found["by"] = one.actor
    if one.event_id:
        found["event"] = one.event_id
    return found


async def _text(desk: Desk, hook: Hook, one: Delivery) -> str | None:
    """What a message says now; None where it was deleted. It is kept nowhere on the way."""
    reader = await account_of(desk, hook.staff_id) if hook.staff_id else desk.settings.bot_id
    event = await desk.homeserver.event(one.room_id, one.event_id, reader)
    return None if event is None else said_in(event)
