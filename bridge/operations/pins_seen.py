"""Pinned messages as one person sees them (V2)."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.desk import Desk
from bridge.firm.model import Staff
from bridge.mapping.files import shown_name
from bridge.mapping.pins import PINNED, listed
from bridge.mapping.said import said_in
from bridge.operations.everybody import Everybody
from bridge.reconcile.rooms.observe import in_parallel
from bridge.store.people.digests import user_localpart
from bridge.store.rooms.conversations import earlier_rooms, staff_by_localpart
from bridge.store.rooms.pins import Pin, pins_of

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Pinned:
    """A pinned message that the person may see."""

    event_id: str
    room_id: str
    author: str
    text: str
    """All that it says, on one line."""
    pinned_by: str
    """A name; empty where it is not known."""
    pinned_at: int
    """Milliseconds since the epoch; 0 where it is not known."""


async def pinned_in(desk: Desk, person: Staff, conversation_id: str, room_id: str) -> list[Pinned]:
    """The pinned messages of a conversation, the newest pin first, as the homeserver shows them to this person.

    Raises HomeserverError.
    """
    if not room_id:
        return []

    def unit() -> tuple[str | None, dict[str, str], tuple[Pin, ...], tuple[str, ...]]:
        earlier = earlier_rooms([conversation_id]).get(conversation_id, ())
        return user_localpart(person.id), staff_by_localpart(), pins_of(conversation_id), earlier

    localpart, accounts, stored, earlier = await desk.store.read(unit)
    user_id = f"@{localpart}:{desk.server_name}"
    people = Everybody(desk.firm(), accounts, desk.server_name)
    by_event = {one.event_id: one for one in stored}
    content = await desk.homeserver.state_content(room_id, PINNED, user_id)

    async def seen(event_id: str) -> Pinned | None:
        for place in (room_id, *reversed(earlier)):
            event = await desk.homeserver.event(place, event_id, user_id)
            if event is not None:
                break
        else:
            return None
        pin = by_event.get(event_id)
        by = desk.firm().staff.get(pin.staff_id) if pin is not None else None
        text = shown_name(" ".join(said_in(event).split())) or "(no text)"
        author = _author(desk, people, str(event["sender"]))
        return Pinned(event_id, place, author, text, by.name if by else "", pin.at_ms if pin else 0)

    found = await in_parallel(reversed(listed(content) or ()), seen, _AT_ONCE)
    return [one for one in found if one is not None]


def _author(desk: Desk, people: Everybody, user_id: str) -> str:
    if user_id == desk.settings.bot_id:
        return desk.settings.appservice.bot_name
    person = people.owner(user_id)
    return person.name if person is not None else user_id
