"""Who has read up to a message, and when (P5): for those in the conversation alone, and only of those in it.

The homeserver says up to which event somebody has read last. Whoever has read on has read what stands before; by when,
is all that is known then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.desk import Desk
from bridge.firm.conversation import Conversation
from bridge.firm.model import Staff
from bridge.firm.policy import desired_participants
from bridge.mapping.clients.receipts import is_in_thread
from bridge.operations.everybody import everybody
from bridge.reconcile.rooms.observe import in_parallel
from bridge.refusal import Kind, Refusal
from bridge.store.engine.unit import ReadUnit
from bridge.store.rooms.conversations import conversation_by_id
from bridge.store.rooms.made import earlier_rooms, room_of
from bridge.store.rooms.read import Position, any_position, positions_in

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class SeenBy:
    """Somebody who has read up to a message."""

    person: Staff
    at_ms: int
    """When they had, in milliseconds since the epoch."""
    exact: bool
    """Whether they had read just up to it then; else they may have read it before."""


@dataclass(frozen=True, slots=True)
class Readers:
    """Who has read up to a message, as far as their clients tell everybody in the conversation."""

    room_id: str
    """Where the message is."""
    people: tuple[SeenBy, ...]
    """The earliest first, without who wrote it."""
    in_thread: bool
    """Whether it stands in a thread, of which many clients do not tell everybody."""
    told: bool
    """Whether the homeserver tells the bridge of readers at all."""


async def seen_by(desk: Desk, asker: Staff, conversation: Conversation, user_id: str, event_id: str) -> Readers:
    """Who has read up to a message of a conversation, for somebody with this account who is in it. Raises Refusal."""
    room_id, event = await _message(desk, conversation, user_id, event_id)
    in_thread = is_in_thread(event)
    positions, told = await desk.store.read(lambda unit: (positions_in(unit, room_id), any_position(unit)))
    usable = [one for one in positions if one.threads or not in_thread]
    times = await _times(desk, room_id, user_id, usable)
    sent = int(event["origin_server_ts"])
    # Of two events of one millisecond nobody knows which came first: none is taken for read that may not be.
    past = [one for one in usable if one.event_id == event_id or times.get(one.event_id, 0) > sent]
    # Asking took a while: who may know of whom is as it is now (M3).
    people = await _present(desk, asker, conversation.id)
    author = (await everybody(desk)).owner(str(event["sender"]))
    found: dict[str, SeenBy] = {}
    for one in sorted(past, key=lambda one: one.at_ms, reverse=True):
        if one.staff_id in people and (author is None or author.id != one.staff_id):
            found[one.staff_id] = SeenBy(people[one.staff_id], one.at_ms, one.event_id == event_id)
    in_order = sorted(found.values(), key=lambda one: (one.at_ms, one.person.name))
    return Readers(room_id, tuple(in_order), in_thread, told)


async def _message(
    desk: Desk, conversation: Conversation, user_id: str, event_id: str
) -> tuple[str, Mapping[str, Any]]:
    """The room that has a message, and the message, as the one who asks sees it. Raises Refusal where they see none."""

    def work(unit: ReadUnit) -> list[str]:
        now = room_of(unit, conversation.id)
        earlier = earlier_rooms(unit, [conversation.id]).get(conversation.id, ())
        return [*([] if now is None else [now]), *reversed(earlier)]

    for room_id in await desk.store.read(work):
        event = await desk.homeserver.event(room_id, event_id, user_id)
        if event is not None:
            return room_id, event
    raise Refusal(Kind.NO_SUCH_MESSAGE, "P5")


async def _times(desk: Desk, room_id: str, user_id: str, positions: Iterable[Position]) -> dict[str, int]:
    """When the events were sent up to which people have read, by their ids; without those that nobody can say it of."""
    known = {one.event_id: one.event_ms for one in positions}

    async def asked(event_id: str) -> int | None:
        event = await desk.homeserver.event(room_id, event_id, user_id)
        return None if event is None else int(event["origin_server_ts"])

    lacking = [event_id for event_id, at_ms in known.items() if at_ms is None]
    known |= dict(zip(lacking, await in_parallel(lacking, asked, _AT_ONCE), strict=True))
    return {event_id: at_ms for event_id, at_ms in known.items() if at_ms is not None}


async def _present(desk: Desk, asker: Staff, conversation_id: str) -> Mapping[str, Staff]:
    """Who is in a conversation now, by staff id. Raises Refusal unless the one who asks is."""
    found = await desk.store.read(conversation_by_id, conversation_id)
    firm = desk.firm()
    present = frozenset[str]() if found is None else desired_participants(firm, found, desk.today())
    if asker.id not in present:
        raise Refusal(Kind.NO_SUCH_MESSAGE, "P5")
    return {one: firm.staff[one] for one in present}
