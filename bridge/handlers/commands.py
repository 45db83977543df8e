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
from bridge.firm.policy import desired_participants, may_act
from bridge.handlers.places import Places
from bridge.store.conversations import conversation_by_id, room_of
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
    where = place.key if await _is_in(place.key, staff_id, desk) else bot_chat_id(staff_id)
    reply, here = await answer(
        desk, sender, event["sender"], event["event_id"], where, text.lstrip("! ").strip() or "help"
    )
    stays = where == place.key and (in_chat or (here and place.kind is not ConversationKind.DIRECT))
    room_id = str(event["room_id"]) if stays else await _chat(event, staff_id, desk)
    return _effect(event, reply, room_id, desk.settings.bot_id)


async def _is_in(conversation_id: str, staff_id: str, desk: Desk) -> bool:
    """Whether somebody is in the conversation by what should be. Who is not may have typed a moment before they were
    taken out, or be in the room by somebody's trick; what they typed counts as typed in their chat with the bot, so
    that no answer shows anything of the conversation (D4, M3)."""
    if conversation_id == bot_chat_id(staff_id):
        return True
    found = await desk.store.run(lambda: conversation_by_id(conversation_id))
    return found is not None and staff_id in desired_participants(desk.firm(), found, desk.reconciler.today())


async def _chat(event: Json, staff_id: str, desk: Desk) -> str | None:
    """The person's chat with the bot: where answers go that others must not see."""
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
