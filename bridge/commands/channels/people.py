"""Joining and leaving channels, and who is in them (C1, C4)."""

from __future__ import annotations

from typing import Annotated

from bridge.commands.asking.arguments import ChannelHere, EachColleague
from bridge.commands.asking.channels import the_channel
from bridge.commands.asking.each import people_changed
from bridge.commands.asking.permissions import CLOSED, DONE, EVERYBODY, THOSE_IN_IT, WHOLE_FIRM, of_channel
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.commands.asking.where import Where
from bridge.operations.channels.changing import join_channel, leave_channel
from bridge.operations.conversations.participants import add_people, remove_people
from bridge.wording.channels import typeable
from bridge.wording.markdown import code, escape


async def _join(call: Call, name: Annotated[str, Argument(ArgumentType.NAME, "NAME")]) -> Answer:
    found = await the_channel(call, name)
    room_id = await join_channel(call.desk, call.sender, found, call.event_id)
    archived = " It is archived: you can read it, and nobody can write in it." if found.archived else ""
    return Answer(f"You are in {link(call, found.title, room_id)}.{archived}")


async def _leave(call: Call, name: ChannelHere = "") -> Answer:
    found = await the_channel(call, name)
    await leave_channel(call.desk, call.sender, call.user_id, found, call.event_id)
    return Answer(
        f"You have left {escape(found.title)}. {code(f'!channel join {typeable(found.title)}')} brings you back."
    )


async def _add(call: Call, *, name: ChannelHere = "", people: EachColleague) -> Answer:
    return await people_changed(call, (await the_channel(call, name)).id, people, add_people)


async def _remove(call: Call, *, name: ChannelHere = "", people: EachColleague) -> Answer:
    return await people_changed(call, (await the_channel(call, name)).id, people, remove_people)


CHANNEL_JOIN = Command(
    "channel join",
    "Join a channel",
    _join,
    help="Makes you a participant of a channel.",
    examples=("!channel join Court Filings",),
    group="Channels",
    also=("join",),
    permission=of_channel(EVERYBODY, EVERYBODY, DONE),
)
CHANNEL_LEAVE = Command(
    "channel leave",
    "Leave a channel",
    _leave,
    help="Takes you out of the channel you type this in, or of the one you name. The channel of the whole firm"
    " cannot be left.",
    examples=("!channel leave", "!channel leave Court Filings"),
    group="Channels",
    where=frozenset({Where.CHANNEL, Where.ARCHIVED}),
    also=("leave",),
    permission=of_channel(THOSE_IN_IT, THOSE_IN_IT, WHOLE_FIRM),
)
CHANNEL_ADD = Command(
    "channel add",
    "Add people to a channel",
    _add,
    help="Adds colleagues to the channel you type this in, or to the one you name. They are in at once. The name is"
    " what stands before the first person.",
    examples=("!channel add @ruth @tom", "!channel add Court Filings @ruth"),
    group="Channels",
    where=frozenset(),
    permission=of_channel(EVERYBODY, CLOSED, DONE),
)
CHANNEL_REMOVE = Command(
    "channel remove",
    "Take people out of a channel",
    _remove,
    help="Takes colleagues out of the channel you type this in, or of the one you name. They can join again.",
    examples=("!channel remove @ruth", "!channel remove Court Filings @ruth @tom"),
    group="Channels",
    where=frozenset(),
    permission=of_channel(EVERYBODY, CLOSED, WHOLE_FIRM),
)
