"""Messages that are commands: typed to the bot in its chat, or with an exclamation mark anywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from bridge.commands.dispatch import answer
from bridge.commands.replies import notice
from bridge.commands.table import Answer, Desk
from bridge.firm.conversation import ConversationKind, bot_chat_id
from bridge.firm.policy import may_act
from bridge.handlers.addressing import command_in
from bridge.handlers.at_work import AtWork
from bridge.handlers.places import Place, Places
from bridge.store.conversations import room_of
from bridge.store.outbox import enqueue

log = structlog.get_logger(__name__)
Json = dict[str, Any]
Effect = Callable[[], None]


async def handle_command(event: Json, desk: Desk, places: Places, at_work: AtWork) -> Effect | None:
    """Carry out the command in a message; what comes back queues the reply. Nothing for what is no command."""
    place = await places.place(event["room_id"])
    if place is None or place.kind is None:
        return None
    bot_id, bot_name = desk.settings.bot_id, desk.settings.appservice.bot_name
    text = command_in(event["content"], bot_id, bot_name, in_chat=place.kind is ConversationKind.BOT)
    if text is None:
        return None
    staff_id = await places.staff_id(event["sender"])
    decision = may_act(desk.firm(), staff_id) if staff_id else None
    if staff_id is None or not decision:
        log.warning("command_ignored", sender=event["sender"], reason=decision.reason if decision else "not staff")
        return None
    sender = desk.firm().staff[staff_id]
    # In a direct conversation the bot is no member, and can neither type nor answer.
    apart = place.kind is ConversationKind.DIRECT
    chat = await _chat(event, staff_id, desk) if apart else None
    with at_work.shown(chat or event["room_id"]):
        reply, here = await answer(desk, sender, event["sender"], event["event_id"], place.key, text)
    room_id = chat if apart else await _reply_room(event, place, staff_id, desk, here=here)
    return _effect(event, reply, room_id, bot_id)


async def _reply_room(event: Json, place: Place, staff_id: str, desk: Desk, *, here: bool) -> str | None:
    """Where the answer goes: where it was typed when others there may see it, else the person's chat with the bot."""
    if here or place.kind is ConversationKind.BOT:
        return str(event["room_id"])
    return await _chat(event, staff_id, desk)


async def _chat(event: Json, staff_id: str, desk: Desk) -> str | None:
    """The person's chat with the bot; None where it is being made anew."""
    room_id = await desk.store.run(lambda: room_of(bot_chat_id(staff_id)))
    if room_id is None:
        log.warning("no_chat_for_answer", staff=staff_id, event_id=event["event_id"])
    return room_id


def _in_reply(event: Json) -> Json:
    """The relation of an answer to what it answers: in the same thread where that was in one."""
    reply: Json = {"m.in_reply_to": {"event_id": event["event_id"]}}
    asked = event["content"].get("m.relates_to")
    if isinstance(asked, dict) and asked.get("rel_type") == "m.thread" and isinstance(asked.get("event_id"), str):
        return {**reply, "rel_type": "m.thread", "event_id": asked["event_id"], "is_falling_back": False}
    return reply


def _effect(event: Json, reply: Answer, room_id: str | None, bot_id: str) -> Effect:
    event_id = event["event_id"]
    content = notice(reply.text)
    if room_id == event["room_id"]:
        content["m.relates_to"] = _in_reply(event)

    def effect() -> None:
        for number, message in enumerate(reply.messages):
            said = {"msgtype": "m.text", "body": message.text}
            enqueue(f"{event_id}/{number}", message.room_id, event["sender"], "m.room.message", said)
        if room_id is not None:
            enqueue(f"{event_id}/reply", room_id, bot_id, "m.room.message", content)

    return effect
