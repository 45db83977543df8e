"""Pinned messages: pinning, unpinning and the list (V2).

The room's list is set as the person who asks, as their client would; who pinned what is then noted where all such lists
are (bridge/handlers/pins.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.desk import Desk
from bridge.firm.conversation import SHARED, Conversation
from bridge.firm.model import Staff
from bridge.firm.policy import is_read_only
from bridge.mapping.pins import MOST_PINNED, PINNED, listed
from bridge.mapping.said import said_in
from bridge.matrix.errors import ForbiddenError
from bridge.operations.everybody import Everybody, everybody
from bridge.reconcile.rooms.observe import in_parallel
from bridge.refusal import Kind, Refusal
from bridge.store.rooms.made import earlier_rooms, room_of
from bridge.store.rooms.pins import pins_of

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Board:
    """A conversation's pins as the person who asks sees them."""

    conversation: Conversation
    room_id: str
    user_id: str
    """The account of the one who asks."""
    pins: tuple[str, ...]
    """Event ids, as the room has them."""
    earlier: tuple[str, ...] = ()
    """The ids of the rooms in which the conversation was held before."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A pinned message that the person who asks may see."""

    event_id: str
    room_id: str
    author: str
    text: str
    """All that it says, on one line."""
    pinned_by: str
    """Staff id; empty where that is not known."""
    pinned_at: int | None
    """Milliseconds since the epoch; None where that is not known."""


async def board_of(desk: Desk, conversation: Conversation, user_id: str) -> Board:
    """What is pinned in a conversation, for somebody with this account who is in it. Raises Refusal."""
    room_id = await desk.store.read(room_of, conversation.id)
    if room_id is None:
        raise Refusal(Kind.MADE_ANEW)
    content = await desk.homeserver.state_content(room_id, PINNED, user_id)
    earlier = await desk.store.read(earlier_rooms, [conversation.id])
    return Board(conversation, room_id, user_id, listed(content) or (), earlier.get(conversation.id, ()))


def require_may_pin(desk: Desk, asker: Staff, board: Board) -> None:
    """Raise Refusal where nothing is pinned or unpinned, or it is for others to do."""
    if is_read_only(desk.firm(), board.conversation):
        raise Refusal(Kind.READ_ONLY_PINS, "V2")
    if board.conversation.kind in SHARED and desk.settings.pins.who == "firm_admins":
        decision = desk.may_administer(asker.id)
        if not decision:
            raise Refusal(Kind.PINS_FOR_ADMINS, decision.rule)


def may_pin(desk: Desk, asker: Staff, board: Board) -> bool:
    """Whether the one who asks may pin and unpin there."""
    try:
        require_may_pin(desk, asker, board)
    except Refusal:
        return False
    return True


async def pin(desk: Desk, asker: Staff, board: Board, event_id: str) -> bool:
    """Pin a message; False where it is pinned already. Raises Refusal."""
    require_may_pin(desk, asker, board)
    if await desk.homeserver.event(board.room_id, event_id, board.user_id) is None:
        raise Refusal(Kind.NO_SUCH_MESSAGE, "V2")
    if event_id in board.pins:
        return False
    if len(board.pins) >= MOST_PINNED:
        raise Refusal(Kind.PINS_FULL, "V2", limit=MOST_PINNED)
    await _set(desk, board, (*board.pins, event_id))
    return True


async def unpin(desk: Desk, asker: Staff, board: Board, event_id: str) -> bool:
    """Take a message off the list; False where it is not on it. Raises Refusal."""
    require_may_pin(desk, asker, board)
    if event_id not in board.pins:
        return False
    await _set(desk, board, tuple(one for one in board.pins if one != event_id))
    return True


async def _set(desk: Desk, board: Board, pins: Sequence[str]) -> None:
    """Set the room's list as the person would. Raises Refusal where the room does not let them."""
    try:
        await desk.homeserver.put_state(board.room_id, PINNED, "", {"pinned": list(pins)}, board.user_id)
    except ForbiddenError as error:
        raise Refusal(Kind.PINS_NOT_SET, "V2") from error


async def pinned(desk: Desk, board: Board) -> list[Pinned]:
    """The pinned messages, the newest pin first. Those that the person may not see are left out."""
    people = await everybody(desk)
    stored = {one.event_id: one for one in await desk.store.read(pins_of, board.conversation.id)}

    async def seen(event_id: str) -> Pinned | None:
        for room_id in (board.room_id, *reversed(board.earlier)):
            event = await desk.homeserver.event(room_id, event_id, board.user_id)
            if event is not None:
                break
        else:
            return None
        text = " ".join(said_in(event).split()) or "(no text)"
        by, at_ms = (known.staff_id, known.at_ms) if (known := stored.get(event_id)) is not None else ("", None)
        return Pinned(event_id, room_id, _author(desk, people, event["sender"]), text, by, at_ms)

    found = await in_parallel(reversed(board.pins), seen, _AT_ONCE)
    return [one for one in found if one is not None]


def _author(desk: Desk, people: Everybody, user_id: str) -> str:
    if user_id == desk.settings.bot_id:
        return desk.settings.appservice.bot_name
    person = people.owner(user_id)
    return person.name if person is not None else user_id
