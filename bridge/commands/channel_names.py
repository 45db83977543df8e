"""Names of channels: which channel a command is about, and which names can be had (C1)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection

from bridge.commands.errors import CommandError
from bridge.commands.replies import code, escape
from bridge.commands.table import Call
from bridge.firm.conversation import (
    CHANNEL_NAME_MAX,
    ChannelNameError,
    ConversationKind,
    channel_key,
    clean_channel_name,
)
from bridge.firm.visible import shown
from bridge.store.channels import Channel, all_channels, channel, channel_named

_TWO_QUOTED = re.compile(r"[\"“”„«](.+?)[\"“”»]\s*(?:to\s+)?(.*)", re.DOTALL)


def checked(name: str) -> str:
    """The name as it is shown. Raises CommandError with what is wrong and a name that could be had."""
    try:
        return clean_channel_name(name)
    except ChannelNameError as error:
        better = _possible(name)
        hint = f" How about {escape(better)}?" if better else ""
        raise CommandError(f"{error}{hint}") from error


def _possible(name: str) -> str:
    """A name near to one that cannot be used; empty where nothing is left of it."""
    words = " ".join(shown(" ".join(name.split()), "").split())
    short = words if len(words) <= CHANNEL_NAME_MAX else words[: CHANNEL_NAME_MAX + 1].rpartition(" ")[0]
    try:
        return clean_channel_name(short or words[:CHANNEL_NAME_MAX])
    except ChannelNameError:
        return ""


def free_name(name: str, taken: Collection[str]) -> str:
    """A name like this one that nobody has: with the first number that is free. `taken` are unique names."""
    number = 2
    while True:
        ending = f" {number}"
        found = name[: CHANNEL_NAME_MAX - len(ending)].rstrip() + ending
        if channel_key(found) not in taken:
            return found
        number += 1


def name_taken(owner: Channel, name: str, taken: Collection[str]) -> str:
    """What to say where a name is taken."""
    way = (
        f"{code(f'!channel restore {owner.title}')} opens it again"
        if owner.archived
        else f"join it: {code(f'!channel join {owner.title}')}"
    )
    state = " (archived)" if owner.archived else ""
    return (
        f"There is a channel called {escape(owner.title)} already{state}; {way}."
        f" Or choose another name, such as {escape(free_name(name, taken))}."
    )


async def the_channel(call: Call) -> Channel:
    """The channel that was named, else the one in which the command was typed. Raises CommandError."""
    name = call.values.get("name", "")
    if name:
        return await named(call, name)
    here = await call.conversation()
    found = await call.desk.store.run(lambda: channel(here.id))
    if found is None:
        raise CommandError("Which channel? Type this in the channel, or put its name behind the command.")
    return found


async def named(call: Call, name: str) -> Channel:
    """The channel of that name, archived ones included. Raises CommandError with the nearest one there is."""
    found = await call.desk.store.run(lambda: channel_named(channel_key(name.strip().removeprefix("#"))))
    if found is None:
        raise CommandError(await no_such(call, name))
    return found


async def no_such(call: Call, name: str) -> str:
    """What to say where there is no channel of that name."""
    name = name[:CHANNEL_NAME_MAX]
    titles = {one.title.casefold(): one.title for one in await call.desk.store.run(all_channels)}
    near = difflib.get_close_matches(name.casefold(), titles, n=1, cutoff=0.6)
    hint = f" Did you mean {escape(titles[near[0]])}?" if near else ""
    return (
        f"There is no channel called {escape(name)}.{hint}"
        f" `!channel list` shows them, {code(f'!channel create {name}')} makes it."
    )


async def the_channel_and_text(call: Call, text: str) -> tuple[Channel, str]:
    """The channel in which the command was typed and the whole text; elsewhere the text begins with its name.

    The name is in quotation marks, or it is the longest beginning of the text that is a channel's name. Raises
    CommandError.
    """
    if (await call.conversation()).kind is ConversationKind.CHANNEL:
        return await the_channel(call), text
    if (quoted := _TWO_QUOTED.fullmatch(text.strip())) is not None:
        return await named(call, quoted[1]), quoted[2].strip()
    by_key = {one.name_key: one for one in await call.desk.store.run(all_channels)}
    words = text.split(" ")
    for count in range(len(words), 0, -1):
        found = by_key.get(channel_key(" ".join(words[:count]).removeprefix("#")))
        if found is not None:
            rest = " ".join(words[count:]).strip()
            return found, re.sub(r"^to\s+", "", rest)
    raise CommandError("Which channel? Type this in the channel, or put the channel's name first.")


def unquoted(text: str) -> str:
    """The text without quotation marks around it."""
    return text.strip().strip('"“”„«»').strip()
