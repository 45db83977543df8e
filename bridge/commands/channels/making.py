"""Making channels (C1)."""

from __future__ import annotations

from typing import Annotated

from bridge.commands.asking.arguments import Colleagues
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.operations.channels.changing import make_channel
from bridge.wording.people import names


async def _create(
    call: Call, name: Annotated[str, Argument(ArgumentType.NAME, "NAME")], people: Colleagues = ()
) -> Answer:
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
)
