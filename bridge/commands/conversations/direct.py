"""Opening a direct conversation, with a first message (D1)."""

from __future__ import annotations

from typing import Annotated

from bridge.commands.asking.arguments import Colleagues
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, Message
from bridge.commands.asking.where import CHAT, Where
from bridge.operations.conversations.direct import open_direct
from bridge.refusal import CommandError, Kind, Refusal
from bridge.wording.people import plain_names
from bridge.wording.refusals import worded


async def _dm(
    call: Call, people: Colleagues, message: Annotated[str, Argument(ArgumentType.WORDS, "first message")] = ""
) -> Answer:
    try:
        opened = await open_direct(call.desk, call.sender, people, call.event_id)
    except Refusal as error:
        if not message or error.kind is Kind.NOBODY_BESIDES_YOU:
            raise
        raise CommandError(f"{worded(error)} Your message was not sent: send it again.") from error
    return Answer(
        f"Here is your direct conversation {link(call, f'with {plain_names(opened.others)}', opened.room_id)}.",
        (Message(opened.room_id, message),) if message else (),
    )


DM = Command(
    "dm",
    "Open a direct conversation",
    _dm,
    help="Opens the direct conversation between you and the people you name, or the one you already have."
    " What follows their names is sent there as your first message."
    " Behind several names, or a first or last name alone, put a colon before the message."
    " Your words are sent as you typed them, also where they look like a command.",
    examples=("!dm @ruth", "!dm @ruth @tom Lunch at one?", "!dm Ruth Adeyemi and Tom Price: lunch at one?"),
    group="Conversations",
    where=CHAT | {Where.DIRECT},
    also=("msg", "groupmsg"),
    asked_by=frozenset(
        {
            "chat",
            "dm",
            "message",
            "msg",
            "tell",
            "write",
            "text",
            "talk",
            "send",
            "email",
            "ask",
            "speak",
            "contact",
        }
    ),
)
