"""Pinned messages: what people pin in their own client is taken over, made whole, or put back (V2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from bridge.desk import Desk
from bridge.firm.audit import Deed, Outcome
from bridge.firm.conversation import SHARED, Conversation, ConversationKind
from bridge.firm.policy import may_be_in
from bridge.handlers.arrival import Arrival, Context
from bridge.handlers.places import Place
from bridge.mapping.event import Event
from bridge.mapping.pins import MOST_PINNED, PINNED, List, Seen, listed, merged, remembered
from bridge.operations.telling import Effect, say_in, tell
from bridge.store.engine.unit import ReadUnit, Unit, later
from bridge.store.record.audit import record
from bridge.store.rooms.conversations import conversation_by_id
from bridge.store.rooms.pins import Lists, lists_of, pins_of, store_pins
from bridge.wording.audit import put_back_reason
from bridge.wording.markdown import enumerated, escape, message_link

log = structlog.get_logger(__name__)
Json = dict[str, Any]


def is_pinning(event: Event, bot_id: str) -> bool:
    """Whether an event is a list of pinned messages that is not the bot's own."""
    return event.type == PINNED and event.state_key == "" and event.sender != bot_id


@dataclass(frozen=True, slots=True)
class _Result:
    """What comes of a list that somebody set."""

    stands: List
    """The list from now on."""
    new: tuple[str, ...]
    """What of it was not pinned before."""
    refusal: str = ""
    """Why the room's list was put right, as a sentence; empty where that is no fault of whoever set it."""
    tell: bool = True
    """Whether that person is told."""


async def handle_pinning(arrival: Arrival, context: Context) -> Effect | None:
    """Take over what somebody pinned and unpinned, without losing what others did at the same moment."""
    event, place, desk = arrival.event, arrival.place, context.desk
    if place.earlier:
        return None

    def work(unit: ReadUnit) -> tuple[Conversation | None, List, Lists]:
        return (
            conversation_by_id(unit, place.key),
            tuple(pin.event_id for pin in pins_of(unit, place.key)),
            lists_of(unit, place.key),
        )

    conversation, standing, lists = await desk.store.read(work)
    if conversation is None:
        return None
    cause, at_ms, seen = event.event_id, event.at_ms, lists.seen or (Seen(standing, 0),)
    current = await current_list(event.room_id, desk)
    if current.get("event_id") != cause and (at_ms < seen[-1].at_ms or lists.cause == cause):
        log.info("pinned_before", conversation=place.key, event_id=cause)
        return None
    staff_id = arrival.staff_id or ""
    allowed = bool(may_be_in(desk.firm(), staff_id, conversation, desk.today()))
    result = await _judge(event, standing, seen, desk) if allowed else _not_theirs(standing)
    log.info("pinned", conversation=place.key, staff=staff_id, new=len(result.new), refused=bool(result.refusal))
    # Where somebody has set another list since, that one's turn comes.
    own = current.get("sender") == desk.settings.bot_id or current.get("event_id") == cause
    if own and current["content"].get("pinned") != list(result.stands):
        await write_pins(result.stands, event.room_id, place, desk)
    said = listed(event.content) or standing
    news = Lists(remembered(seen, Seen(said, at_ms), Seen(result.stands, at_ms)), cause)
    return later(_store, arrival, result, news, desk)


async def _judge(event: Event, standing: List, seen: Sequence[Seen], desk: Desk) -> _Result:
    """What stands after a list by somebody who may set one: without messages that are not there, and those too many."""
    said = listed(event.content)
    if said is None:
        return _Result(standing, (), "That was no list of messages.")
    wanted = merged(standing, seen, said, event.at_ms)
    new = [pin for pin in wanted if pin not in standing]
    # Somebody may name a thousand messages; no more are looked at than could be taken.
    room = max(MOST_PINNED - (len(wanted) - len(new)), 0)
    there = [pin for pin in new[:room] if await desk.homeserver.event(event.room_id, pin, event.sender) is not None]
    refusal = "One of the messages is not there." if len(there) < len(new) else ""
    if len(new) > room:
        refusal = f"At most {MOST_PINNED} messages can be pinned in a conversation. Unpin one first: `!unpin`."
    return _Result(tuple(pin for pin in wanted if pin in standing or pin in there), tuple(there), refusal)


def _not_theirs(standing: List) -> _Result:
    return _Result(standing, (), "It is for those who are in the conversation.", tell=False)


async def current_list(room_id: str, desk: Desk) -> Json:
    """The event with the list that the room has now; empty where it has none."""
    state = await desk.homeserver.admin_room_state(room_id)
    return next((one for one in state if (one["type"], one.get("state_key")) == (PINNED, "")), {})


async def write_pins(stands: List, room_id: str, place: Place, desk: Desk) -> None:
    """Set the room's list as the bot, which comes back for it into a direct conversation (D3)."""
    content = {"pinned": list(stands)}
    if place.kind is ConversationKind.DIRECT:
        await desk.reconciler.visits.put_state(place.key, PINNED, content)
    else:
        await desk.homeserver.put_state(room_id, PINNED, "", content)


def _store(unit: Unit, arrival: Arrival, result: _Result, lists: Lists, desk: Desk) -> None:
    """Keep who pinned what, tell them what cannot stay, and say it where the firm wants that."""
    event, place, staff_id = arrival.event, arrival.place, arrival.staff_id or ""
    store_pins(unit, place.key, result.stands, staff_id, event.at_ms, lists)
    cause, bot_id = event.event_id, desk.settings.bot_id
    if result.refusal:
        record(
            unit,
            Deed.PUT_BACK,
            actor=arrival.actor,
            subject=place.key,
            reason=put_back_reason(PINNED, result.refusal),
            cause=cause,
            outcome=Outcome.REFUSED,
        )
        if result.tell:
            tell(unit, staff_id, cause, f"I put the pinned messages right. {result.refusal}", bot_id)
    if result.new and desk.settings.pins.announce and place.kind in SHARED:
        links = [message_link("a message", event.room_id, pin, desk.server_name) for pin in result.new]
        who = escape(desk.firm().staff[staff_id].name)
        say_in(unit, event.room_id, f"{cause}/pinned", f"{who} pinned {enumerated(links)}.", bot_id)
