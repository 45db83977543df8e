"""Pinned messages by command: `!pin`, `!unpin` and the list (V2).

A command sets the room's list as the person who typed it, as their client would; who pinned what is then noted where
all such lists are (bridge/handlers/pins.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from bridge.commands.asking.asked_about import everybody
from bridge.commands.asking.paging import paged
from bridge.commands.asking.shown import moment, place_name
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, List
from bridge.commands.asking.where import EVERYWHERE, Where
from bridge.firm.conversation import SHARED, Conversation, ConversationKind
from bridge.firm.names import has_words, searched
from bridge.firm.policy import is_read_only
from bridge.mapping.files import shown_name
from bridge.mapping.pins import PINNED, listed
from bridge.mapping.said import said_in
from bridge.matrix.errors import ForbiddenError
from bridge.operations.everybody import Everybody
from bridge.reconcile.rooms.observe import in_parallel
from bridge.refusal import CommandError, Kind, Refusal
from bridge.store.rooms.conversations import earlier_rooms, room_of
from bridge.store.rooms.pins import Pin, pins_of
from bridge.wording.markdown import escape, message_link

Json = dict[str, Any]
_LINK = re.compile(r"(?<![^\s(<\[])https?://\S+?(\$[\w/+=.:-]+|%24[\w%.-]+)")
_ID = re.compile(r"\$[\w/+=.:-]+")
_SHOWN = 100
"""Characters of a message that the list shows."""
_AT_ONCE = 8
_READABLE = EVERYWHERE - {Where.CHAT}
_WRITABLE = _READABLE - {Where.CLOSED_MATTER, Where.ARCHIVED}


@dataclass(frozen=True, slots=True)
class _Board:
    """A conversation's pins as the person who asks sees them."""

    conversation: Conversation
    room_id: str
    pins: tuple[str, ...]
    """As the room has them."""
    earlier: tuple[str, ...] = ()
    """The ids of the rooms in which the conversation was held before."""


async def _board(call: Call) -> _Board:
    conversation = await call.conversation()
    if conversation.kind is ConversationKind.BOT:
        raise CommandError("Type this in the conversation it is about.")
    room_id = await call.desk.store.read(lambda: room_of(conversation.id))
    if room_id is None:
        raise CommandError("This conversation is being made anew. Try again in a moment.")
    content = await call.desk.homeserver.state_content(room_id, PINNED, call.user_id)
    earlier = await call.desk.store.read(lambda: earlier_rooms([conversation.id]))
    return _Board(conversation, room_id, listed(content) or (), earlier.get(conversation.id, ()))


def _require_may_pin(call: Call, board: _Board) -> None:
    """Raise CommandError where nothing is pinned, Refusal where it is for others to do."""
    settings = call.desk.settings
    if is_read_only(call.desk.firm(), board.conversation):
        raise CommandError("This conversation is read-only, so its pinned messages stay as they are.")
    if board.conversation.kind in SHARED and settings.pins.who == "firm_admins":
        decision = call.desk.may_administer(call.sender.id)
        if not decision:
            raise Refusal(Kind.PINS_FOR_ADMINS, decision.rule)


def _meant(call: Call) -> str:
    """The message that is meant: the one replied to, or the one a link leads to; empty for none."""
    typed = call.values.get("message", "")
    if (found := _LINK.search(typed)) is not None:
        return unquote(found[1])
    return typed if _ID.fullmatch(typed) else call.replied_to


async def _pin(call: Call) -> Answer:
    board = await _board(call)
    _require_may_pin(call, board)
    event_id = _meant(call)
    if not event_id:
        raise CommandError("Tell me which message: reply to it with `!pin`, or put a link to it behind `!pin`.")
    if await call.desk.homeserver.event(board.room_id, event_id, call.user_id) is None:
        raise CommandError("I cannot find that message in this conversation.")
    if event_id in board.pins:
        return Answer("That message is pinned already. `!pinned` lists all.")
    limit = call.desk.settings.pins.limit
    if len(board.pins) >= limit:
        raise CommandError(f"{limit} messages are pinned here, and that is the most. `!unpin` takes one off.")
    await _set(call, board, (*board.pins, event_id))
    return Answer(f"Pinned in {escape(place_name(call, board.conversation))}. `!pinned` lists all.")


async def _unpin(call: Call) -> Answer:
    board = await _board(call)
    _require_may_pin(call, board)
    event_id = _meant(call)
    typed = call.values.get("message", "").strip("# .")
    if typed.isascii() and typed.isdigit():
        numbered = [one.event_id for one in await _seen(call, board)]
        if not 1 <= int(typed) <= len(numbered):
            raise CommandError("There is no pinned message with that number. `!pinned` lists all.")
        event_id = numbered[int(typed) - 1]
    if not event_id:
        raise CommandError("Tell me which message: reply to it with `!unpin`, or take its number in `!pinned`.")
    if event_id not in board.pins:
        return Answer("That message is not pinned.")
    await _set(call, board, tuple(pin for pin in board.pins if pin != event_id))
    return Answer(f"Unpinned in {escape(place_name(call, board.conversation))}.")


async def _set(call: Call, board: _Board, pins: tuple[str, ...]) -> None:
    """Set the room's list as the person would. Raises CommandError where the room does not let them."""
    content = {"pinned": list(pins)}
    try:
        await call.desk.homeserver.put_state(board.room_id, PINNED, "", content, call.user_id)
    except ForbiddenError as error:
        raise CommandError(
            "The room did not let you change its pinned messages. It may just have become read-only, or you are not in"
            " it any more. Look at it, and try again if you can still write there."
        ) from error


@dataclass(frozen=True, slots=True)
class _Shown:
    """A pinned message that the person who asks may see."""

    event_id: str
    room_id: str
    author: str
    text: str
    """All that it says, on one line."""
    pin: Pin | None


async def _seen(call: Call, board: _Board) -> list[_Shown]:
    """The pinned messages, the newest pin first. Those that the person may not see are left out."""
    stored = {pin.event_id: pin for pin in await call.desk.store.read(lambda: pins_of(board.conversation.id))}
    people = await everybody(call)

    async def seen(event_id: str) -> _Shown | None:
        for room_id in (board.room_id, *reversed(board.earlier)):
            event = await call.desk.homeserver.event(room_id, event_id, call.user_id)
            if event is not None:
                break
        else:
            return None
        text = " ".join(said_in(event).split()) or "(no text)"
        return _Shown(event_id, room_id, _author(call, people, event["sender"]), text, stored.get(event_id))

    found = await in_parallel(reversed(board.pins), seen, _AT_ONCE)
    return [one for one in found if one is not None]


def _author(call: Call, people: Everybody, user_id: str) -> str:
    if user_id == call.desk.settings.bot_id:
        return call.desk.settings.appservice.bot_name
    person = people.owner(user_id)
    return person.name if person is not None else user_id


async def _pinned(call: Call) -> Answer:
    return await paged(call, _list)


async def _list(call: Call) -> List:
    board = await _board(call)
    words = call.values.get("query", "").split()
    shown = list(enumerate(await _seen(call, board), 1))
    found = [(number, one) for number, one in shown if has_words(searched(f"{one.text} {one.author}"), words)]
    if not found:
        nothing = "No pinned message fits that." if shown else "Nothing is pinned here. Reply to a message with `!pin`."
        return List((), nothing)
    where = escape(place_name(call, board.conversation))
    count = "1 pinned message" if len(found) == 1 else f"{len(found)} pinned messages"
    return List([_line(call, board, number, one) for number, one in found], f"**{count} in {where}**")


def _line(call: Call, board: _Board, number: int, one: _Shown) -> str:
    said = one.text if len(one.text) <= _SHOWN else f"{one.text[:_SHOWN]}…"
    text = message_link(shown_name(said), one.room_id, one.event_id, call.desk.server_name)
    by = ""
    if one.pin is not None:
        person = call.desk.firm().staff.get(one.pin.staff_id)
        by = f", pinned{f' by {escape(person.name)}' if person else ''} on {moment(call, one.pin.at_ms)}"
    return f"{number}. {escape(one.author)}: {text}{by}"


_MESSAGE = Argument("message", ArgumentType.TEXT, required=False, shown="LINK")
PIN = Command(
    "pin",
    "Pin a message",
    _pin,
    (_MESSAGE,),
    help="Reply to a message with `!pin`, or put a link to it behind `!pin`. Your client's own pin does the same.",
    examples=("!pin",),
    here=True,
    group="Pinned and files",
    where=_WRITABLE,
)
UNPIN = Command(
    "unpin",
    "Take a pinned message off the list",
    _unpin,
    (Argument("message", ArgumentType.TEXT, required=False, shown="NUMBER"),),
    help="Reply to a pinned message with `!unpin`, or give its number in `!pinned`.",
    examples=("!unpin", "!unpin 2"),
    here=True,
    group="Pinned and files",
    where=_WRITABLE,
)
PINNED_LIST = Command(
    "pinned",
    "The pinned messages of a conversation",
    _pinned,
    (Argument("query", ArgumentType.TEXT, required=False, shown="WORDS"),),
    help="Lists the pinned messages of the conversation you type this in, the newest pin first, with who wrote them,"
    " who pinned them and when. With words only those in which they occur.",
    examples=("!pinned", "!pinned settlement"),
    here=True,
    group="Pinned and files",
    where=_READABLE,
    also=("pins",),
)
