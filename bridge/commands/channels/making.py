"""Making channels (C1)."""

from __future__ import annotations

import re
from typing import Annotated

from bridge.commands.asking.arguments import Colleagues
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.operations.channels.changing import make_channel
from bridge.refusal import CommandError
from bridge.wording.people import names

_CLOSED = re.compile(
    r"(?:an?\s++(?:\w++\s++)?|(?:private|secret|confidential|closed)\s++)(?:channel|chat|group|conversation|room|dm)\b",
    re.IGNORECASE,
)
"""How a wish begins, mostly for something that not everybody reads, and no name."""


async def _create(
    call: Call, name: Annotated[str, Argument(ArgumentType.NAME, "NAME")], people: Colleagues = ()
) -> Answer:
    if _CLOSED.match(name) is not None:
        raise CommandError(
            "A channel is everybody's to find and join, so I made none. To talk to some people alone there is"
            ' `!dm @person …`, and about a matter `!matter start NUMBER "Title" @person …`. `!channel create NAME`'
            " makes a channel, with its name alone behind it."
        )
    others = tuple(dict.fromkeys(person for person in people if person.id != call.sender.id))
    made = await make_channel(call.desk, call.sender, name, "", others, call.event_id)
    with_whom = f" with {names(others)}" if others else ""
    return Answer(f"Made the channel {link(call, made.title, made.room_id)}{with_whom}.")


CHANNEL_CREATE = Command(
    "channel create",
    "Make a channel",
    _create,
    help="Makes a channel with you and the people you name. Everybody in the firm can find and join it."
    " The name is what stands before the first person, at most 80 characters.",
    examples=("!channel create Court Filings", "!channel create Friday Lunch @ruth @tom"),
    group="Channels",
    also=("create",),
    asked_by=frozenset({"channel", "make", "create", "new", "group"}),
)
