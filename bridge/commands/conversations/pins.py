"""Pinned messages by command: `!pin`, `!unpin` and the list (V2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Annotated
from urllib.parse import unquote

from bridge.commands.asking.arguments import Words
from bridge.commands.asking.paging import paged
from bridge.commands.asking.permissions import DONE, READ_ONLY, of_here
from bridge.commands.asking.shown import moment, place_name
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, List
from bridge.commands.asking.where import EVERYWHERE, Where
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.names import has_words, searched
from bridge.mapping.files import shown_name
from bridge.operations.conversations.pins import Board, Pinned, board_of, pin, pinned, require_may_pin, unpin
from bridge.refusal import CommandError
from bridge.wording.markdown import escape, message_link

_LINK = re.compile(r"(?<![^\s(<\[])https?://\S+?(\$[\w/+=.:-]+|%24[\w%.-]+)")
_ID = re.compile(r"\$[\w/+=.:-]+")
_SHOWN = 100
"""Characters of a message that the list shows."""
READABLE = EVERYWHERE - {Where.CHAT}
_WRITABLE = READABLE - {Where.CLOSED_MATTER, Where.ARCHIVED}


async def conversation_here(call: Call) -> Conversation:
    """The conversation in which it was typed. Raises CommandError in the chat with the bot."""
    conversation = await call.conversation()
    if conversation.kind is ConversationKind.BOT:
        raise CommandError("Type this in the conversation it is about.")
    return conversation


async def _board(call: Call) -> Board:
    return await board_of(call.desk, await conversation_here(call), call.user_id)


def meant(call: Call, typed: str) -> str:
    """The message that is meant: the one replied to, or the one a link leads to; empty for none."""
    if (found := _LINK.search(typed)) is not None:
        return unquote(found[1])
    return typed if _ID.fullmatch(typed) else call.replied_to


async def _pin(call: Call, message: Annotated[str, Argument(ArgumentType.TEXT, "LINK")] = "") -> Answer:
    board, event_id = await _board(call), meant(call, message)
    require_may_pin(call.desk, call.sender, board)
    if not event_id:
        raise CommandError("Tell me which message: reply to it with `!pin`, or put a link to it behind `!pin`.")
    if not await pin(call.desk, call.sender, board, event_id):
        return Answer("That message is pinned already. `!pinned` lists all.")
    return Answer(f"Pinned in {escape(place_name(call, board.conversation))}. `!pinned` lists all.")


async def _unpin(call: Call, message: Annotated[str, Argument(ArgumentType.TEXT, "NUMBER")] = "") -> Answer:
    board, event_id = await _board(call), meant(call, message)
    require_may_pin(call.desk, call.sender, board)
    typed = message.strip("# .")
    if typed.isascii() and typed.isdigit():
        numbered = [one.event_id for one in await pinned(call.desk, board)]
        if not 1 <= int(typed) <= len(numbered):
            raise CommandError("There is no pinned message with that number. `!pinned` lists all.")
        event_id = numbered[int(typed) - 1]
    if not event_id:
        raise CommandError("Tell me which message: reply to it with `!unpin`, or take its number in `!pinned`.")
    if not await unpin(call.desk, call.sender, board, event_id):
        return Answer("That message is not pinned.")
    return Answer(f"Unpinned in {escape(place_name(call, board.conversation))}.")


async def _pinned(call: Call, query: Words = "") -> Answer:
    return await paged(call, partial(_list, query.split()))


async def _list(words: Sequence[str], call: Call) -> List:
    board = await _board(call)
    shown = list(enumerate(await pinned(call.desk, board), 1))
    found = [(number, one) for number, one in shown if has_words(searched(f"{one.text} {one.author}"), words)]
    if not found:
        nothing = "No pinned message fits that." if shown else "Nothing is pinned here. Reply to a message with `!pin`."
        return List((), nothing)
    where = escape(place_name(call, board.conversation))
    count = "1 pinned message" if len(found) == 1 else f"{len(found)} pinned messages"
    return List([_line(call, number, one) for number, one in found], f"**{count} in {where}**")


def _line(call: Call, number: int, one: Pinned) -> str:
    said = one.text if len(one.text) <= _SHOWN else f"{one.text[:_SHOWN]}…"
    text = message_link(shown_name(said), one.room_id, one.event_id, call.desk.server_name)
    by = ""
    if one.pinned_at is not None:
        person = call.desk.firm().staff.get(one.pinned_by)
        by = f", pinned{f' by {escape(person.name)}' if person else ''} on {moment(call, one.pinned_at)}"
    return f"{number}. {escape(one.author)}: {text}{by}"


PIN = Command(
    "pin",
    "Pin a message",
    _pin,
    help="Reply to a message with `!pin`, or put a link to it behind `!pin`. Your client's own pin does the same.",
    examples=("!pin",),
    here=True,
    group="Pinned and files",
    where=_WRITABLE,
    permission=of_here(DONE, DONE, READ_ONLY, DONE),
)
UNPIN = Command(
    "unpin",
    "Take a pinned message off the list",
    _unpin,
    help="Reply to a pinned message with `!unpin`, or give its number in `!pinned`.",
    examples=("!unpin", "!unpin 2"),
    here=True,
    group="Pinned and files",
    where=_WRITABLE,
    permission=of_here(DONE, DONE, READ_ONLY, DONE),
)
PINNED_LIST = Command(
    "pinned",
    "The pinned messages of a conversation",
    _pinned,
    help="Lists the pinned messages of the conversation you type this in, the newest pin first, with who wrote them,"
    " who pinned them and when. With words only those in which they occur.",
    examples=("!pinned", "!pinned settlement"),
    here=True,
    group="Pinned and files",
    where=READABLE,
    also=("pins",),
    asked_by=frozenset({"pin", "pins", "pinned"}),
    permission=of_here(DONE, DONE, DONE, DONE),
)
