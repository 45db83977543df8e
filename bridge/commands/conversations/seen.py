"""`!seen`: who has read up to a message (P5)."""

from __future__ import annotations

from typing import Annotated

from bridge.commands.asking.permissions import DONE, of_here
from bridge.commands.asking.shown import moment
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.commands.conversations.pins import READABLE, conversation_here, meant
from bridge.operations.conversations.seen import seen_by
from bridge.refusal import CommandError
from bridge.wording.markdown import escape
from bridge.wording.seen import what_is_not_told


async def _seen(call: Call, message: Annotated[str, Argument(ArgumentType.TEXT, "LINK")] = "") -> Answer:
    conversation, event_id = await conversation_here(call), meant(call, message)
    if not event_id:
        raise CommandError("Tell me which message: reply to it with `!seen`, or put a link to it behind `!seen`.")
    found = await seen_by(call.desk, call.sender, conversation, call.user_id, event_id)
    lines = [
        f"- {escape(one.person.name)}, {'' if one.exact else 'by '}{moment(call, one.at_ms)}" for one in found.people
    ]
    note = what_is_not_told(told=found.told, in_thread=found.in_thread, anybody=bool(lines))
    heading = ["**Read up to that message by**\n"] if lines else []
    return Answer("\n".join([*heading, *lines, *([""] if lines else []), note]))


SEEN = Command(
    "seen",
    "Who has read up to a message",
    _seen,
    help="Reply to a message with `!seen`, or put a link to it behind `!seen`. Lists who has read up to it, and when;"
    " *by* a time where they have read on since. Only people who are in the conversation now, and only as far as their"
    " client tells everybody there. The answer comes in your chat with the bot.",
    examples=("!seen",),
    group="Pinned and files",
    where=READABLE,
    permission=of_here(DONE, DONE, DONE, DONE),
)
