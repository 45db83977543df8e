"""Joins, leaves, invitations and removals from any client: recorded where allowed, put back where not (V1)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from bridge.desk import Desk
from bridge.firm.audit import Deed, Outcome
from bridge.firm.conversation import SHARED, Conversation, ConversationKind
from bridge.firm.policy import is_read_only, may_act, may_be_in
from bridge.handlers.arrival import Arrival, Context
from bridge.handlers.reopening import call_back, written_since
from bridge.handlers.way_back import tell_way_back
from bridge.handlers.welcome import welcome
from bridge.handlers.widgets import allow_widget
from bridge.mapping.event import MEMBER, Event
from bridge.matrix.clock import hear_clock
from bridge.matrix.errors import BadRequestError, ForbiddenError, NotFoundError
from bridge.operations.first_line import tell_added
from bridge.operations.telling import Effect, tell
from bridge.reconcile.rooms.unread import ensure_unread
from bridge.store.engine.unit import Unit, later
from bridge.store.record.audit import record
from bridge.store.record.drift import is_noted
from bridge.store.rooms.conversations import conversation_by_id
from bridge.store.rooms.made import key_of_room
from bridge.store.rooms.participants import add_participants, remove_participant
from bridge.wording.audit import put_back_reason
from bridge.wording.markdown import escape

log = structlog.get_logger(__name__)
_NOT_OPEN = "I put that back: it is not open to everybody."


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What follows from somebody's coming or going."""

    refusal: str = ""
    """Why it cannot stand, as a sentence; empty where it can and the room is to follow."""
    stands: bool = False
    """Whether the room is as it should be, and nothing follows."""


_STANDS = _Verdict(stands=True)
_PUT_RIGHT = _Verdict()


def is_membership(event: Event, bot_id: str) -> bool:
    """Whether an event changes somebody's membership, other than by the bot's own hand or of the bot itself."""
    return (
        event.type == MEMBER
        and event.state_key is not None
        and bot_id not in {event.sender, event.state_key}
        and event.membership != event.membership_before
    )


async def handle_membership(arrival: Arrival, context: Context) -> Effect | None:
    """Record what people did themselves, and put the room right where it must not stand, telling them why.

    Events that the bridge caused in somebody's name come by as well; they are recorded already and change nothing.
    """
    event, place, actor, desk = arrival.event, arrival.place, arrival.staff_id, context.desk
    conversation = await desk.store.read(conversation_by_id, place.key)
    if place.earlier or conversation is None:
        await _put_space_right(place.earlier or place.key, event, desk)
    if conversation is None:
        return None
    staff_id = await context.places.staff_id(event.state_key or "")
    if place.earlier:
        return _refused_before(arrival, conversation, staff_id, desk)
    verdict = _PUT_RIGHT
    if staff_id is not None and event.membership == "leave":
        verdict = await _gone(arrival, conversation, staff_id, desk)
        await _call_back(arrival, conversation, context)
    elif staff_id is not None and actor is not None and event.membership in {"join", "invite"}:
        verdict = await _come(event, conversation, staff_id, actor, desk)
    if verdict.stands:
        await _show_widget(event, conversation, staff_id, desk)
        in_chat = conversation.kind is ConversationKind.BOT and event.membership == "join"
        return await welcome(staff_id, event.room_id, desk) if in_chat and staff_id is not None else None
    await desk.reconciler.rooms.converge(place.key)
    await _show_widget(event, conversation, staff_id, desk)
    if event.membership == "ban":
        await _close_history(event, conversation, staff_id, desk)
    # Who seems to have left a room that is made anew was put out of it, as everybody is where an admin deletes a room.
    replaced = await desk.store.read(key_of_room, event.room_id) is None
    if replaced:
        return None
    if not verdict.refusal and staff_id is not None:
        by_themselves = event.sender == event.state_key
        left = event.membership == "leave" and by_themselves and conversation.kind is ConversationKind.MATTER
        return later(tell_way_back, conversation, staff_id, event.event_id, desk) if left else None
    return later(_put_back, arrival, staff_id, verdict.refusal, desk)


def _refused_before(arrival: Arrival, conversation: Conversation, staff_id: str | None, desk: Desk) -> Effect | None:
    """What to say of somebody who came into a room, or was called into it, who may not read there: that may be why
    the conversation goes on in another one by now."""
    came = arrival.event.membership in {"join", "invite"}
    if not came or staff_id is None or arrival.staff_id is None:
        return None
    if may_be_in(desk.firm(), staff_id, conversation, desk.today()):
        return None
    return later(_put_back, arrival, staff_id, _NOT_OPEN, desk)


def _put_back(unit: Unit, arrival: Arrival, staff_id: str | None, refusal: str, desk: Desk) -> None:
    """Note what was put back, and tell whoever did it, unless nothing is done for them any more."""
    event, actor = arrival.event, arrival.staff_id
    if not is_noted(unit, event.event_id):
        record(
            unit,
            Deed.PUT_BACK,
            actor=arrival.actor,
            subject=arrival.place.key,
            person=staff_id or event.state_key or "",
            reason=put_back_reason(event.membership, refusal),
            cause=event.event_id,
            outcome=Outcome.REFUSED,
        )
    if refusal and actor is not None and may_act(desk.firm(), actor):
        tell(unit, actor, event.event_id, refusal, desk.settings.bot_id)


async def _gone(arrival: Arrival, conversation: Conversation, staff_id: str, desk: Desk) -> _Verdict:
    """Record that somebody left or was removed, where that can stand."""
    event, by = arrival.event, arrival.actor
    by_themselves = event.sender == event.state_key
    if not may_act(desk.firm(), staff_id):
        # Who leaves the firm leaves every room, the bridge doing it for them.
        return _STANDS
    if conversation.everyone:
        return _Verdict(f"{escape(conversation.title)} is the channel of the whole firm; everybody stays in it.")
    if conversation.kind is ConversationKind.ADMINS and staff_id in conversation.participants:
        return _Verdict(
            "This is where firm admins are told what was changed, so you stay in it. Mute it if it is too much."
        )
    if conversation.kind is ConversationKind.BOT:
        return _Verdict("This is where you reach me, so you stay in it. Mute it if it is too much.")
    if not by_themselves and conversation.kind is ConversationKind.DIRECT:
        return _Verdict("The people in a direct conversation stay the same.")
    at_ms, cause = event.at_ms, event.event_id

    def work(unit: Unit) -> bool:
        return remove_participant(unit, conversation.id, staff_id, at_ms, by=by, cause=cause)

    if not await desk.store.run(work):
        if staff_id not in conversation.participants:
            return _STANDS
        # From before they were picked, unless the homeserver's clock was set back since.
        await hear_clock(desk.homeserver)
        if not await desk.store.run(work):
            return _STANDS
    log.info("participant_left", conversation=conversation.id, staff=staff_id, by=event.sender)
    return _PUT_RIGHT


async def _call_back(arrival: Arrival, conversation: Conversation, context: Context) -> None:
    """Have somebody back who left a direct conversation in which somebody has written since."""
    if conversation.kind is not ConversationKind.DIRECT:
        return
    places, event = context.places, arrival.event
    await places.look_who_left()
    if event.room_id in places.left_direct and (message := await written_since(event, context.desk)) is not None:
        written = replace(arrival, event=message, staff_id=await places.staff_id(message.sender))
        await call_back(written, context)


async def _come(event: Event, conversation: Conversation, staff_id: str, actor: str, desk: Desk) -> _Verdict:
    """Record that somebody joined or was invited, where that can stand."""
    firm, today = desk.firm(), desk.today()
    allowed = may_be_in(firm, staff_id, conversation, today)
    if allowed and (conversation.everyone or staff_id in conversation.participants):
        return _STANDS if actor == staff_id else _PUT_RIGHT
    closed = actor != staff_id and is_read_only(firm, conversation)
    if allowed and conversation.kind in {*SHARED, ConversationKind.DIRECT} and not closed:
        if conversation.kind is ConversationKind.CHANNEL:
            await ensure_unread(desk.homeserver, event.state_key or "", event.room_id)
        # The moment of the event: a leave right behind it must not look older, and who was removed since stays out.
        at_ms, cause = event.at_ms, event.event_id

        def work(unit: Unit) -> Conversation | None:
            add_participants(unit, conversation.id, [staff_id], actor, at_ms=at_ms, cause=cause)
            now = conversation_by_id(unit, conversation.id)
            if now is not None and staff_id in now.participants:
                tell_added(unit, now, [staff_id], actor, cause, desk)
            return now

        now = await desk.store.run(work)
        if now is None or staff_id not in now.participants:
            return _PUT_RIGHT
        log.info("participant_joined", conversation=conversation.id, staff=staff_id, by=event.sender)
        return _STANDS if actor == staff_id and conversation.kind is ConversationKind.CHANNEL else _PUT_RIGHT
    log.warning("participant_refused", conversation=conversation.id, staff=staff_id, rule=allowed.rule)
    if conversation.kind is ConversationKind.DIRECT:
        return _Verdict("Nobody is added to a direct conversation. `!dm @person …` opens one with everybody.")
    return _Verdict(_NOT_OPEN)


async def _show_widget(event: Event, conversation: Conversation, staff_id: str | None, desk: Desk) -> None:
    """Let the panel load beside what somebody came into. That asks for what is theirs, which may take long or fail, so
    nothing waits for it, and whether they may be there is asked again."""
    if event.membership != "join" or staff_id is None:
        return
    if may_be_in(desk.firm(), staff_id, conversation, desk.today()):
        await allow_widget(desk, event.room_id, event.state_key or "")


async def _close_history(event: Event, conversation: Conversation, staff_id: str | None, desk: Desk) -> None:
    """Let somebody whose ban stays forget the room: having been banned opens the history even to those never in it."""
    if staff_id is not None and may_be_in(desk.firm(), staff_id, conversation, desk.today()):
        return
    try:
        await desk.homeserver.forget(event.room_id, event.state_key or "")
    except (ForbiddenError, BadRequestError, NotFoundError) as error:
        log.warning("not_forgotten", room_id=event.room_id, user_id=event.state_key, reason=str(error))


async def _put_space_right(key: str, event: Event, desk: Desk) -> None:
    """Nobody joins or leaves a space by themselves, nor joins a room that its conversation has left.

    Every join that the bridge makes comes by, so looks come first.
    """
    shape = await desk.reconciler.planner.shape(key)
    if shape is not None and (event.state_key in shape.members) != (event.membership == "join"):
        await desk.reconciler.rooms.converge(key)
