"""Names of channels: which channel a command is about, and which names can be had (C1)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from bridge.commands.asking.table import Call
from bridge.firm.conversation import (
    CHANNEL_NAME_MAX,
    Channel,
    ChannelNameError,
    ConversationKind,
    channel_key,
    clean_channel_name,
)
from bridge.firm.names import spellings
from bridge.firm.visible import shown
from bridge.mapping.marks import as_typed, first_target
from bridge.mapping.near import closest
from bridge.operations.rooms_named import rooms_named
from bridge.refusal import CommandError
from bridge.store.rooms.channels import all_channels, channel, channel_named
from bridge.wording.channels import typeable
from bridge.wording.markdown import code, escape

_TWO_QUOTED = re.compile(r"[\"“”„«]([^\"“”»]++)[\"“”»]\s*+(.*+)", re.DOTALL)


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
        f"{code(f'!channel restore {typeable(owner.title)}')} opens it again"
        if owner.archived
        else f"join it: {code(f'!channel join {typeable(owner.title)}')}"
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
    found = await call.desk.store.read(lambda: channel(here.id))
    if found is None:
        raise CommandError("Which channel? Type this in the channel, or put its name behind the command.")
    return found


async def named(call: Call, name: str) -> Channel:
    """The channel of that name, archived ones included. Raises CommandError with the nearest one there is."""
    key = channel_key(name.strip().removeprefix("#"))
    found = await call.desk.store.read(lambda: channel_named(key) or _called(name, _by_spelling(all_channels())))
    if found is None:
        raise CommandError(await no_such(call, name))
    return found


def _by_spelling(channels: Iterable[Channel]) -> Mapping[str, list[Channel]]:
    found: dict[str, list[Channel]] = {}
    for one in channels:
        for spelled in dict.fromkeys(_spelled(one.title)):
            found.setdefault(spelled, []).append(one)
    return found


def _called(name: str, known: Mapping[str, list[Channel]]) -> Channel | None:
    """The channel of that name, else the only one whose name can be spelled so; None where there is none, or more."""
    wanted = name.strip().removeprefix("#")
    found = list(dict.fromkeys(one for spelled in _spelled(wanted) for one in known.get(spelled, ())))
    exactly = next((one for one in found if one.name_key == channel_key(wanted)), None)
    return exactly or (found[0] if len(found) == 1 else None)


def _spelled(name: str) -> list[str]:
    return [channel_key(one) for one in spellings(name)]


async def no_such(call: Call, name: str) -> str:
    """What to say where there is no channel of that name."""
    name = name[:CHANNEL_NAME_MAX]
    titles = {one.title.casefold(): one.title for one in await call.desk.store.read(all_channels)}
    near = closest(name.casefold(), titles)
    hint = f" Did you mean {escape(titles[near])}?" if near else ""
    return (
        f"There is no channel called {escape(name)}.{hint}"
        f" `!channel list` shows them, {code(f'!channel create {typeable(name)}')} makes it."
    )


async def the_channel_and_text(call: Call, text: str) -> tuple[Channel, str]:
    """The channel in which the command was typed and the whole text; elsewhere the text begins with its name.


    The channel is pointed to, or its name is in quotation marks, or it is the longest beginning of the text that is a
    channel's name. `text` has marks, what comes back has none. Raises CommandError.
    """
    if (await call.conversation()).kind is ConversationKind.CHANNEL:
        return await the_channel(call), as_typed(text)
    pointed = first_target(text)
    room = (await rooms_named(call.desk, call.sender, text)).get(pointed[0]) if pointed else None
    if pointed and room and room.conversation:
        return await named(call, room.conversation.title), as_typed(pointed[1]).strip()
    text = as_typed(text)
    if (quoted := _TWO_QUOTED.fullmatch(text.strip())) is not None:
        return await named(call, quoted[1]), quoted[2]
    known = _by_spelling(await call.desk.store.read(all_channels))
    words = text.split(" ")
    # No name has more words than characters.
    for count in range(min(len(words), CHANNEL_NAME_MAX), 0, -1):
        if (found := _called(" ".join(words[:count]), known)) is not None:
            return found, " ".join(words[count:]).strip()
    raise CommandError("Which channel? Type this in the channel, or put the channel's name first.")
