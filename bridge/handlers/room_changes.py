"""Names and topics that people set in their own client: taken over where they are theirs, else put back (V1, O3)."""

from __future__ import annotations

import structlog

from bridge.desk import Desk
from bridge.firm.audit import Deed, Outcome
from bridge.firm.policy import may_act
from bridge.handlers.arrival import Arrival, Context
from bridge.handlers.named_by_people import FIELDS, Named, named_by_people
from bridge.mapping.event import Event, event_of
from bridge.operations.telling import Effect, all_of, tell
from bridge.store.engine.unit import Unit, later
from bridge.store.record.audit import record
from bridge.store.record.drift import is_noted
from bridge.wording.audit import put_back_reason
from bridge.wording.markdown import escape

log = structlog.get_logger(__name__)


def is_room_change(event: Event, bot_id: str) -> bool:
    """Whether an event is a new name or topic that is not the bot's own doing."""
    return event.type in FIELDS and event.state_key == "" and event.sender != bot_id


async def handle_room_change(arrival: Arrival, context: Context) -> Effect | None:
    """Take over what those in a room may name, or put it back and tell the person why."""
    event, place, desk = arrival.event, arrival.place, context.desk
    named = await named_by_people(place, desk)
    theirs = named is not None and event.type in named.shown
    effects: list[Effect] = []
    changes = await _news(event, named, desk) if named is not None and theirs else [event]
    for change in changes:
        staff_id = await context.places.staff_id(change.sender)
        active = staff_id is not None and (named.lets(staff_id) if named else bool(may_act(desk.firm(), staff_id)))
        refusal = "" if theirs else "Only the names of channels and of a matter's conversations are everybody's."
        if named is not None and theirs and staff_id is not None and active:
            value = change.content.get(FIELDS[change.type])
            refusal = await named.take(change, value if isinstance(value, str) else "", staff_id)
        log.info("room_changed", conversation=place.key, staff=staff_id, what=change.type, refused=bool(refusal))
        if refusal or not active:
            whose = escape(named.title) if named is not None else "that conversation"
            told = f"I put the {FIELDS[change.type]} of {whose} back. {refusal}"
            whom = staff_id if active else None
            reason = put_back_reason(change.type, refusal)
            effects.append(later(_put_back, change, place.key, staff_id, whom, told, reason, desk.settings.bot_id))
    await desk.reconciler.rooms.converge(place.key)
    return all_of(effects) if effects else None


def _put_back(
    unit: Unit, change: Event, key: str, staff_id: str | None, whom: str | None, told: str, reason: str, bot_id: str
) -> None:
    """Note what is put back, and tell whoever did it, unless nothing is done for them any more."""
    actor, cause = staff_id or change.sender, change.event_id
    if not is_noted(unit, cause):
        record(unit, Deed.PUT_BACK, actor=actor, subject=key, reason=reason, cause=cause, outcome=Outcome.REFUSED)
    if whom is not None:
        tell(unit, whom, cause, told, bot_id)


async def _news(event: Event, named: Named, desk: Desk) -> list[Event]:
    """What people set and the bridge has not taken over yet: what the room shows, and this event if it was put back.

    Name and topic are looked at together, since clients set both at once and putting right the room for one must not
    undo the other. An event that the room no longer shows is old, unless the bot put back what was there before it.
    """
    state = [event_of(one) for one in await desk.homeserver.room_state(event.room_id) if one["type"] in named.shown]
    shown = {one.type: one for one in state if one.state_key == ""}
    news = [one for one in shown.values() if one.sender != desk.settings.bot_id]
    current = shown.get(event.type)
    if current is not None and current.sender == desk.settings.bot_id:
        before = event.before.get(FIELDS[event.type])
        if before == named.shown[event.type] and current.event_id != event.event_id:
            news.append(event)
    return news
