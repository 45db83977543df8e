"""Changing a channel: its name, its topic, and whether it is archived (C1)."""

from __future__ import annotations

from typing import Annotated

from bridge.commands.asking.arguments import ChannelHere
from bridge.commands.asking.channels import the_channel, the_channel_and_text
from bridge.commands.asking.matter_numbers import unquoted
from bridge.commands.asking.permissions import CLOSED, DONE, EVERYBODY, WHOLE_FIRM, of_channel
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.commands.asking.unquoted import new_title
from bridge.commands.asking.where import CHAT, OPEN_CHANNELS, Where
from bridge.operations.channels.changing import archive_channel, change_topic, rename_channel, restore_channel
from bridge.operations.channels.finding import channels_of_firm
from bridge.wording.channels import nobody_in_it, typeable
from bridge.wording.markdown import code, escape


async def _rename(call: Call, new: Annotated[str, Argument(ArgumentType.MARKED, "NEW NAME")]) -> Answer:
    found, typed = await the_channel_and_text(call, new)
    name = new_title(typed, found.title, [one.title for one in await channels_of_firm(call.desk)])
    renamed = await rename_channel(call.desk, call.sender, found, name, call.event_id)
    return Answer(f"The channel is called {link(call, renamed.title, renamed.room_id)} now.")


async def _topic(call: Call, text: Annotated[str, Argument(ArgumentType.MARKED, "TEXT")] = "") -> Answer:
    found, typed = await the_channel_and_text(call, text)
    if not typed:
        shown = f"The topic is: {escape(found.topic)}" if found.topic else "The channel has no topic."
        return Answer(f"{shown}\n\n`!channel topic TEXT` sets it, `!channel topic -` takes it away.")
    changed = await change_topic(call.desk, call.sender, found, unquoted(typed), call.event_id)
    done = f"The topic is set: {escape(changed.topic)}" if changed.topic else "The topic is taken away."
    return Answer(f"{link(call, found.title, changed.room_id)}: {done}")


async def _archive(call: Call, name: ChannelHere = "") -> Answer:
    found = await the_channel(call, name)
    await archive_channel(call.desk, call.sender, found, call.event_id)
    return Answer(
        f"{escape(found.title)} is archived: it can be read and found, not written in, and its name stays taken."
        f" {code(f'!channel restore {typeable(found.title)}')} opens it again."
    )


async def _restore(call: Call, name: ChannelHere = "") -> Answer:
    found = await the_channel(call, name)
    restored = await restore_channel(call.desk, call.sender, found, call.event_id)
    note = f" {nobody_in_it(call.desk.settings)}" if restored.is_empty else ""
    return Answer(f"{link(call, found.title, restored.room_id)} is open again.{note}")


CHANNEL_RENAME = Command(
    "channel rename",
    "Give a channel another name",
    _rename,
    help="Renames the channel you type this in. Elsewhere put the channel's present name first. Messages and"
    " participants stay.",
    examples=("!channel rename Court Dates", '!channel rename "Court Filings" to Court Dates'),
    group="Channels",
    where=OPEN_CHANNELS,
    also=("rename",),
    permission=of_channel(EVERYBODY, CLOSED, DONE),
)
CHANNEL_TOPIC = Command(
    "channel topic",
    "Say what a channel is about",
    _topic,
    help="Sets the topic of the channel you type this in. Elsewhere put the channel's name first. Without a text you"
    " see the topic; a hyphen takes it away.",
    examples=("!channel topic Deadlines and bundles", '!channel topic "Court Filings" Deadlines', "!channel topic -"),
    group="Channels",
    where=OPEN_CHANNELS,
    also=("topic", "header"),
    permission=of_channel(EVERYBODY, CLOSED, DONE),
)
CHANNEL_ARCHIVE = Command(
    "channel archive",
    "Make a channel read-only",
    _archive,
    help="Archives the channel you type this in, or the one you name. It can still be read and found, and its name"
    " stays taken. `!channel restore` undoes it.",
    examples=("!channel archive", "!channel archive Friday Lunch"),
    group="Channels",
    where=frozenset({Where.CHANNEL}),
    also=("archive",),
    permission=of_channel(EVERYBODY, EVERYBODY, WHOLE_FIRM),
)
CHANNEL_RESTORE = Command(
    "channel restore",
    "Open an archived channel again",
    _restore,
    help="Opens an archived channel again, with everybody who was in it.",
    examples=("!channel restore Friday Lunch",),
    group="Channels",
    where=CHAT | {Where.ARCHIVED},
    also=("restore", "unarchive"),
    permission=of_channel(EVERYBODY, EVERYBODY, DONE),
)
