"""Which channel a command is about (C1)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bridge.commands.asking.matter_numbers import first_matter
from bridge.commands.asking.table import Call
from bridge.firm.conversation import CHANNEL_NAME_MAX, Channel, ConversationKind
from bridge.mapping.marks import as_typed, first_target
from bridge.operations.channels.finding import by_spelling, called, channel_called, channel_of, channels_of_firm
from bridge.operations.rooms_named import rooms_named
from bridge.refusal import CommandError, Refusal
from bridge.wording.markdown import code, escape

_TWO_QUOTED = re.compile(r"[\"“”„«]([^\"“”»]++)[\"“”»]\s*+(.*+)", re.DOTALL)


async def the_channel(call: Call, name: str = "") -> Channel:
    """The channel that was named, else the one in which the command was typed. Raises CommandError and Refusal."""
    if name:
        try:
            return await channel_called(call.desk, name)
        except Refusal:
            matter, _ = first_matter(name, call.desk.firm(), call.sender, call.desk.today())
            if matter is None:
                raise
            shows = code(f"!matter show {matter.number}")
            raise CommandError(f"{escape(matter.number)} is a matter and no channel. {shows} shows it.") from None
    found = await channel_of(call.desk, (await call.conversation()).id)
    if found is None:
        raise CommandError("Which channel? Type this in the channel, or put its name behind the command.")
    return found


async def the_channel_and_text(call: Call, text: str) -> tuple[Channel, str]:
    """The channel in which the command was typed and the whole text; elsewhere the text begins with its name.

    The channel is pointed to, or its name is in quotation marks, or it is the longest beginning of the text that is a
    channel's name. `text` has marks, what comes back has none. Raises CommandError and Refusal.
    """
    if (await call.conversation()).kind is ConversationKind.CHANNEL:
        return await the_channel(call), as_typed(text)
    pointed = first_target(text)
    room = (await rooms_named(call.desk, call.sender, text)).get(pointed[0]) if pointed else None
    if pointed and room and room.conversation:
        return await channel_called(call.desk, room.conversation.title), as_typed(pointed[1]).strip()
    text = as_typed(text)
    if (quoted := _TWO_QUOTED.fullmatch(text.strip())) is not None:
        return await channel_called(call.desk, quoted[1]), quoted[2]
    if (found := leading_channel(text, await channels_of_firm(call.desk))) is not None:
        return found
    raise CommandError("Which channel? Type this in the channel, or put the channel's name first.")


def leading_channel(text: str, channels: Iterable[Channel]) -> tuple[Channel, str] | None:
    """The channel whose name is the longest beginning of a text, and the rest; None where none is."""
    known, words = by_spelling(channels), text.split(" ")
    # No name has more words than characters.
    for count in range(min(len(words), CHANNEL_NAME_MAX), 0, -1):
        if (found := called(" ".join(words[:count]), known)) is not None:
            return found, " ".join(words[count:]).strip()
    return None
