"""Pinned messages: what people pin in their own client is taken over, made whole, or put back (V2)."""

from __future__ import annotations

from functools import partial
from typing import Any

import structlog

from bridge.commands.replies import escape, message_link
from bridge.commands.table import Desk
from bridge.firm.audit import Deed, Outcome
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.pins import List, Seen, listed, merged, remembered
from bridge.firm.policy import may_be_in
from bridge.handlers.places import Place, Places
from bridge.handlers.telling import Effect, say_in, tell
from bridge.store.audit import record
from bridge.store.conversations import conversation_by_id
from bridge.store.pins import Lists, lists_of, pins_of, store_pins

log = structlog.get_logger(__name__)
Json = dict[str, Any]
PINNED = "m.room.pinned_events"


def is_pinning(event: Json, bot_id: str) -> bool:
    """Whether an event is a list of pinned messages that is not the bot's own."""
    return event.get("type") == PINNED and event.get("state_key") == "" and event.get("sender") != bot_id


async def handle_pinning(event: Json, desk: Desk, places: Places) -> Effect | None:
    """Take over what somebody pinned and unpinned, without losing what others did at the same moment."""
    place = await places.place(event["room_id"])
    if place is None or place.kind is None:
        return None

    def unit() -> tuple[Conversation | None, List, Lists]:
        return conversation_by_id(place.key), tuple(pin.event_id for pin in pins_of(place.key)), lists_of(place.key)

    conversation, standing, lists = await desk.store.run(unit)
    if conversation is None:
        return None
    staff_id = await places.staff_id(event["sender"]) or ""
    said, at_ms = listed(event["content"]), int(event["origin_server_ts"])
    seen, cause = lists.seen or (Seen(standing, 0),), event["event_id"]
    current = await _current(event["room_id"], desk)
    if current.get("event_id") != cause and (at_ms < seen[-1].at_ms or lists.cause == cause):
        log.info("pinned_before", conversation=place.key, event_id=cause)
        return None
    allowed = bool(staff_id) and may_be_in(desk.firm(), staff_id, conversation, desk.reconciler.today())
    stands, refusal = standing, "" if said is not None else "That was no list of messages."
    if not allowed:
        refusal = "It is for those who are in the conversation."
    elif said is not None:
        stands, refusal = await _checked(merged(standing, seen, said, at_ms), standing, event, desk)
    new = [pin for pin in stands if pin not in standing]
    log.info("pinned", conversation=place.key, staff=staff_id, new=len(new), of=len(stands), refused=bool(refusal))
    # Where somebody has set another list since, that one's turn comes.
    own = current.get("sender") == desk.settings.bot_id or current.get("event_id") == cause
    if own and current.get("content", {}).get("pinned") != list(stands):
        await write_pins(stands, event["room_id"], place, desk)
    news = Lists(remembered(seen, Seen(said or standing, at_ms), Seen(stands, at_ms)), cause)
    whom = staff_id if allowed else ""
    return partial(_store, event, place, staff_id, whom, stands, news, refusal, new, desk)


async def _checked(wanted: List, standing: List, event: Json, desk: Desk) -> tuple[List, str]:
    """The list without messages that are not there and those too many, and why, as a sentence for whoever set it."""
    limit = desk.settings.pins.limit
    # Somebody may name a thousand messages; no more are looked at than could be taken.
    new = [pin for pin in wanted if pin not in standing]
    room = max(limit - (len(wanted) - len(new)), 0)
    there = [pin for pin in new[:room] if await is_there(desk, event["room_id"], pin, event["sender"])]
    kept = tuple(pin for pin in wanted if pin in standing or pin in there)
    if len(new) > room:
        return kept, f"At most {limit} messages can be pinned in a conversation. Unpin one first: `!unpin`."
    return kept, "One of the messages is not there." if len(there) < len(new) else ""


async def is_there(desk: Desk, room_id: str, event_id: str, user_id: str) -> bool:
    """Whether this is a message of the room that the person may see and nobody deleted."""
    found = await desk.homeserver.event(room_id, event_id, user_id)
    return found is not None and "redacted_because" not in found.get("unsigned", {})


async def _current(room_id: str, desk: Desk) -> Json:
    """The event with the list that the room has now; empty where it has none."""
    state = await desk.homeserver.admin_room_state(room_id)
    return next((one for one in state if (one["type"], one.get("state_key")) == (PINNED, "")), {})


async def write_pins(stands: List, room_id: str, place: Place, desk: Desk) -> None:
    """Set the room's list as the bot, which comes back for it into a direct conversation (D3)."""
    content = {"pinned": list(stands)}
    if place.kind is ConversationKind.DIRECT:
        await desk.reconciler.set_in_direct(place.key, PINNED, content)
    else:
        await desk.homeserver.put_state(room_id, PINNED, "", content)


def _store(
    event: Json,
    place: Place,
    staff_id: str,
    whom: str,
    stands: List,
    lists: Lists,
    refusal: str,
    new: list[str],
    desk: Desk,
) -> None:
    """A unit: keep who pinned what, tell `whom` what cannot stay, and say it where the firm wants that."""
    store_pins(place.key, stands, staff_id, int(event["origin_server_ts"]), lists)
    cause, bot_id = event["event_id"], desk.settings.bot_id
    if refusal:
        record(
            Deed.PUT_BACK,
            actor=staff_id or event["sender"],
            subject=place.key,
            reason=PINNED,
            cause=cause,
            outcome=Outcome.REFUSED,
        )
        if whom:
            tell(whom, cause, f"I put the pinned messages right. {refusal}", bot_id)
    if new and desk.settings.pins.announce and place.kind in {ConversationKind.MATTER, ConversationKind.CHANNEL}:
        who = escape(desk.firm().staff[staff_id].name)
        links = " and ".join(message_link("a message", event["room_id"], pin, desk.server_name) for pin in new)
        say_in(event["room_id"], f"{cause}/pinned", f"{who} pinned {links}.", bot_id)
