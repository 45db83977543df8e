"""Messages that are commands: typed to the bot in its chat, or with an exclamation mark anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import structlog

from bridge.commands.dispatch import answer
from bridge.commands.replies import notice
from bridge.commands.table import Answer, Desk
from bridge.commands.text import typed_text
from bridge.firm.conversation import ConversationKind, bot_chat_id
from bridge.firm.policy import may_act
from bridge.handlers.places import Place, Places
from bridge.store.conversations import room_of
from bridge.store.outbox import enqueue

log = structlog.get_logger(__name__)
Json = dict[str, Any]
Effect = Callable[[], None]
_COMMAND = re.compile(r"!\s?[^\W\d_]")


def is_addressed(event: Json, bot_id: str, bot_chats: set[str]) -> bool:
    """Whether a message may be for the bot. Looks only at the beginning, since every message of the firm comes by."""
    content = event.get("content")
    if event.get("type") != "m.room.message" or event.get("sender") == bot_id or not isinstance(content, dict):
        return False
    body = content.get("body")
    if content.get("msgtype") != "m.text" or not isinstance(body, str):
        return False
    return event.get("room_id") in bot_chats or _COMMAND.match(body.lstrip()) is not None


async def handle_command(event: Json, desk: Desk, places: Places) -> Effect | None:
    """Carry out the command in a message; what comes back queues the reply. Nothing for what is no command."""
    text = typed_text(event["content"])
    place = await places.place(event["room_id"])
    if place is None or place.kind is None:
        return None
    in_chat = place.kind is ConversationKind.BOT
    if not text or not (in_chat or _COMMAND.match(text)):
        return None
    staff_id = await places.staff_id(event["sender"])
    decision = may_act(desk.firm(), staff_id) if staff_id else None
    if staff_id is None or not decision:
        log.warning("command_ignored", sender=event["sender"], reason=decision.reason if decision else "not staff")
        return None
    sender = desk.firm().staff[staff_id]
    reply, here = await answer(
        desk, sender, event["sender"], event["event_id"], place.key, text.lstrip("! ").strip() or "help"
    )
    room_id = await _reply_room(event, place, staff_id, desk, here=here)
    return _effect(event, reply, room_id, desk.settings.bot_id)


async def _reply_room(event: Json, place: Place, staff_id: str, desk: Desk, *, here: bool) -> str | None:
    """Where the answer goes: where it was typed when others there may see it, else the person's chat with the bot."""
    typed_in = str(event["room_id"])
    if place.kind is ConversationKind.BOT or (here and place.kind is not ConversationKind.DIRECT):
        return typed_in
    room_id = await desk.store.run(lambda: room_of(bot_chat_id(staff_id)))
    if room_id is None:
        log.warning("no_chat_for_answer", staff=staff_id, event_id=event["event_id"])
    return room_id


def _effect(event: Json, reply: Answer, room_id: str | None, bot_id: str) -> Effect:
    event_id = event["event_id"]
    content = notice(reply.text)
    if room_id == event["room_id"]:
        content["m.relates_to"] = {"m.in_reply_to": {"event_id": event_id}}

    def effect() -> None:
        for number, message in enumerate(reply.messages):
            said = {"msgtype": "m.text", "body": message.text}
            enqueue(f"{event_id}/{number}", message.room_id, event["sender"], "m.room.message", said)
        if room_id is not None:
            enqueue(f"{event_id}/reply", room_id, bot_id, "m.room.message", content)

    return effect
