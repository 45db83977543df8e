"""Messages that are commands: typed to the bot in its chat, or with an exclamation mark anywhere."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from bridge.clock import now_ms
from bridge.commands.asking.table import Answer
from bridge.commands.dispatch import answer, answer_from_memory, goes_on, is_from_memory
from bridge.desk import Desk
from bridge.firm.audit import Deed, Outcome, with_ids
from bridge.firm.conversation import ConversationKind, bot_chat_id
from bridge.firm.policy import may_access, may_act, may_be_in
from bridge.firm.room_keys import FIRST_MESSAGE
from bridge.handlers.arrival import Arrival, Context
from bridge.handlers.at_once import FromMemory
from bridge.mapping.addressing import command_in, heard
from bridge.mapping.event import Event, event_of
from bridge.mapping.text import MENTIONS
from bridge.operations.telling import Effect
from bridge.operations.transcripts import Handout
from bridge.refusal import Kind, Refusal
from bridge.store.engine.unit import ReadUnit, Unit, later
from bridge.store.files.handouts import note_given_out
from bridge.store.people.lists import LIST_MS, ListAsked, list_of, note_page
from bridge.store.queues.outbox import Said, enqueue
from bridge.store.record.audit import record
from bridge.store.rooms.conversations import conversation_for
from bridge.store.rooms.made import room_of
from bridge.wording.markdown import notice, text_message
from bridge.wording.refusals import worded

log = structlog.get_logger(__name__)
Json = dict[str, Any]
_REMEMBERED = 4096
"""Commands that are remembered between the look at an event and its handling. Of others the event is read again."""
_OPEN = frozenset({ConversationKind.CHANNEL, ConversationKind.BOT})
_WITHOUT_BOT = ConversationKind.DIRECT
ANSWERED = "📩"
"""The bot's reaction to a command whose answer goes to the chat with it. Always the same: what others see of it must
not tell whether there is what was asked about (M3)."""


def is_command(event: Event, context: Context) -> bool:
    """Whether a message is for the bot. What was heard is remembered until it is handled."""
    if event.event_id in context.commands:
        return True
    commands = context.commands
    command = _heard(event, context)
    if command is None:
        return False
    if len(commands) >= _REMEMBERED:
        del commands[next(iter(commands))]
    commands[event.event_id] = command
    return True


def _heard(event: Event, context: Context) -> str | None:
    settings = context.desk.settings
    return heard(event, settings.bot_id, context.places.bot_chats, settings.appservice.bot_name)


async def handle_command(arrival: Arrival, context: Context) -> Effect | None:
    """Carry out the command in a message; what comes back queues the reply. Raises TooEarlyError."""
    event, place, staff_id, desk = arrival.event, arrival.place, arrival.staff_id, context.desk
    context.own_before.settle(event.event_id)
    text = context.commands.pop(event.event_id, None) or _heard(event, context)
    if text is None:
        return None
    decision = may_act(desk.firm(), staff_id) if staff_id else None
    if staff_id is None or not decision:
        log.warning("command_ignored", sender=event.sender, reason=decision.reason if decision else "not staff")
        return None
    # In a direct conversation the bot is no member, and can neither type nor answer. In the admins' room there may be
    # somebody screened from what the answer is about.
    apart = place.kind in {_WITHOUT_BOT, ConversationKind.ADMINS}
    chat = await desk.store.read(room_of, bot_chat_id(staff_id)) if apart else None
    with context.at_work.shown(chat or event.room_id):
        reply, here, listed = await _reply(arrival, staff_id, text, context)
    return later(_queue, arrival, staff_id, reply, desk, listed, here=here and not apart)


def command_at_once(arrival: Arrival, context: Context) -> FromMemory | None:
    """How a command is answered that needs nothing but what is in memory; None for all else.

    Only where nothing but being in a conversation decides who sees it: in channels and in the chat with the bot.
    """
    place, staff_id, desk = arrival.place, arrival.staff_id, context.desk
    text = context.commands[arrival.event.event_id]
    if place.kind not in _OPEN or not is_from_memory(text):
        return None
    if staff_id is None or not may_act(desk.firm(), staff_id):
        return None
    return FromMemory(place.key, staff_id, partial(_message, arrival, staff_id, text, desk))


def _message(arrival: Arrival, staff_id: str, text: str, desk: Desk) -> Said | None:
    """The answer as a message; None where it takes more than what is in memory, or is not to be shown there."""
    event, in_chat, staff = arrival.event, arrival.place.kind is ConversationKind.BOT, desk.firm().staff[staff_id]
    known = answer_from_memory(desk, staff, event.sender, event.event_id, arrival.place.key, text, _replied_to(event))
    reply, here = known or (None, False)
    if reply is None or not (here or in_chat):
        return None
    content = _content(reply, event, event.room_id, in_chat=in_chat)
    return Said(_key(event), event.room_id, desk.settings.bot_id, "m.room.message", content)


async def _reply(arrival: Arrival, staff_id: str, text: str, context: Context) -> tuple[Answer, bool, ListAsked]:
    """The answer, whether it may be shown where the command was typed, and what it is a page of if it is one."""
    event, desk = arrival.event, context.desk
    staff, listed = desk.firm().staff[staff_id], ListAsked(event.room_id, event.event_id, arrival.place.key)
    before = await _asked_before(event, staff_id, context) if goes_on(text) else None
    if before is not None:
        listed, asked, text = before
        reply, _ = await answer(
            desk, staff, event.sender, asked.event_id, listed.place, text, _replied_to(asked), listed.after
        )
        return reply, False, listed
    reply, here = await answer(desk, staff, event.sender, event.event_id, listed.place, text, _replied_to(event))
    return reply, here, listed


async def _asked_before(event: Event, staff_id: str, context: Context) -> tuple[ListAsked, Event, str] | None:
    """The list that somebody goes on with, the command that asked for it, and what was typed; None for none.

    The homeserver is asked what was typed, so that nothing of it is kept here, and a deleted command shows no more.
    """
    desk = context.desk
    listed = await desk.store.read(list_of, staff_id, now_ms() - LIST_MS)
    found = None if listed is None else await desk.homeserver.event(listed.room_id, listed.event_id, event.sender)
    if listed is None or found is None:
        return None
    asked = event_of(found)
    text = _heard(asked, context) if asked.sender == event.sender else None
    return None if text is None else (listed, asked, text)


def _replied_to(event: Event) -> str:
    """The message that this one replies to. In a thread clients name its last message where it is no reply."""
    reply = None if event.relation.get("is_falling_back") else event.relation.get("m.in_reply_to")
    event_id = reply.get("event_id") if isinstance(reply, dict) else None
    return event_id if isinstance(event_id, str) else ""


def _in_reply(event: Event) -> Json:
    """The relation of an answer to what it answers: in the same thread where that was in one."""
    reply: Json = {"m.in_reply_to": {"event_id": event.event_id}}
    asked = event.relation
    if asked.get("rel_type") == "m.thread" and isinstance(asked.get("event_id"), str):
        return {**reply, "rel_type": "m.thread", "event_id": asked["event_id"], "is_falling_back": False}
    return reply


def _queue(
    unit: Unit, arrival: Arrival, staff_id: str, reply: Answer, desk: Desk, listed: ListAsked, *, here: bool
) -> None:
    """Queue the answer, where the command was typed if it may be shown there (`here`), else in the chat with
    the bot; a reaction then shows where it was typed that something happened.

    Who is not in the conversation may have typed a moment before they were taken out, or be in the room by somebody's
    trick: nothing is shown there (D4, M3).
    """
    event, place, bot_id = arrival.event, arrival.place, desk.settings.bot_id
    event_id, typed_in = event.event_id, event.room_id
    reply = _as_allowed_now(reply, staff_id, desk)
    if (noted := reply.noted) is not None:
        record(
            unit,
            Deed.COMMAND,
            actor=staff_id,
            subject=noted.command,
            person=noted.person,
            reason=noted.rule or with_ids(noted.about, noted.ids),
            cause=event_id,
            outcome=noted.outcome,
        )
    if reply.page is not None:
        note_page(unit, staff_id, replace(listed, after=reply.page.following), now_ms())
    for number, message in enumerate(reply.messages):
        said: Json = {"msgtype": "m.text", "body": message.text, MENTIONS: {}}
        if command_in(said, bot_id, desk.settings.appservice.bot_name, in_chat=False) is not None:
            said[FIRST_MESSAGE] = True
        enqueue(unit, f"{event_id}/{number}", message.room_id, event.sender, "m.room.message", said)
    chat = room_of(unit, bot_chat_id(staff_id))
    stays = typed_in != chat and _is_in(unit, staff_id, place.key, typed_in, desk)
    room_id = typed_in if stays and here else chat
    if room_id is None:
        log.warning("no_chat_for_answer", staff=staff_id, event_id=event_id)
        return
    enqueue(
        unit, _key(event), room_id, bot_id, "m.room.message", _content(reply, event, room_id, in_chat=room_id == chat)
    )
    if stays and not here and place.kind is not _WITHOUT_BOT:
        enqueue(unit, f"{event_id}/answered", typed_in, bot_id, "m.reaction", _reaction(event_id))
    for number, handout in enumerate(reply.handouts):
        note_given_out(unit, handout.mxc, staff_id, handout.matter.id)
        enqueue(unit, f"{event_id}/file/{number}", room_id, bot_id, "m.room.message", _file(handout))


def _is_in(unit: ReadUnit, staff_id: str, key: str, room_id: str, desk: Desk) -> bool:
    """Whether somebody is in a conversation that is held in this room, and may be."""
    there = conversation_for(unit, key, staff_id) if room_of(unit, key) == room_id else None
    return there is not None and bool(may_be_in(desk.firm(), staff_id, there, desk.today()))


def _reaction(event_id: str) -> Json:
    return {"m.relates_to": {"rel_type": "m.annotation", "event_id": event_id, "key": ANSWERED}}


def _key(event: Event) -> str:
    return f"{event.event_id}/reply"


def _content(reply: Answer, event: Event, room_id: str, *, in_chat: bool) -> Json:
    content = text_message(reply.text) if in_chat and reply.counts else notice(reply.text)
    if room_id == event.room_id:
        content["m.relates_to"] = _in_reply(event)
    return content


def _as_allowed_now(reply: Answer, staff_id: str, desk: Desk) -> Answer:
    """The answer, without what the person may no longer see: making files takes a while (M3)."""
    for handout in reply.handouts:
        matter = desk.firm().matters.get(handout.matter.id)
        if matter is None or not may_access(desk.firm(), staff_id, matter, desk.today()):
            noted = replace(reply.noted, outcome=Outcome.REFUSED, rule="M3") if reply.noted is not None else None
            return Answer(worded(Refusal(Kind.NO_SUCH_MATTER, number=handout.matter.number)), noted=noted)
    return reply


def _file(handout: Handout) -> Json:
    info = {"mimetype": handout.media_type, "size": handout.size}
    name = handout.name
    return {"msgtype": "m.file", "body": name, "filename": name, "url": handout.mxc, "info": info, MENTIONS: {}}
