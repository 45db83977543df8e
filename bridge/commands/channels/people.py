"""Joining and leaving channels, and who is in them (C1, C4)."""

from __future__ import annotations

from bridge.commands.asking.channels import the_channel
from bridge.commands.asking.each import people_changed
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.commands.asking.where import Where
from bridge.operations.channels.changing import join_channel, leave_channel
from bridge.operations.conversations.participants import add_people, remove_people
from bridge.wording.channels import typeable
from bridge.wording.markdown import code, escape

_NAME = Argument("name", ArgumentType.NAME, required=False, shown="NAME", names_place=True)
_PEOPLE = Argument("people", ArgumentType.EACH, shown="@person …")


async def _join(call: Call) -> Answer:
    found = await the_channel(call)
    room_id = await join_channel(call.desk, call.sender, found, call.event_id)
    archived = " It is archived: you can read it, and nobody can write in it." if found.archived else ""
    return Answer(f"You are in {link(call, found.title, room_id)}.{archived}")


async def _leave(call: Call) -> Answer:
    found = await the_channel(call)
    await leave_channel(call.desk, call.sender, call.user_id, found, call.event_id)
    return Answer(
        f"You have left {escape(found.title)}. {code(f'!channel join {typeable(found.title)}')} brings you back."
    )


async def _add(call: Call) -> Answer:
    return await people_changed(call, (await the_channel(call)).id, add_people)


async def _remove(call: Call) -> Answer:
    return await people_changed(call, (await the_channel(call)).id, remove_people)


CHANNEL_JOIN = Command(
    "channel join",
    "Join a channel",
    _join,
    (Argument("name", ArgumentType.NAME, shown="NAME"),),
    help="Makes you a participant of a channel.",
    examples=("!channel join Court Filings",),
    group="Channels",
    also=("join",),
)
CHANNEL_LEAVE = Command(
    "channel leave",
    "Leave a channel",
    _leave,
    (_NAME,),
    help="Takes you out of the channel you type this in, or of the one you name. The channel of the whole firm"
    " cannot be left.",
    examples=("!channel leave", "!channel leave Court Filings"),
    group="Channels",
    where=frozenset({Where.CHANNEL, Where.ARCHIVED}),
    also=("leave",),
)
CHANNEL_ADD = Command(
    "channel add",
    "Add people to a channel",
    _add,
    (_NAME, _PEOPLE),
    help="Adds colleagues to the channel you type this in, or to the one you name. They are in at once. The name is"
    " what stands before the first person.",
    examples=("!channel add @ruth @tom", "!channel add Court Filings @ruth"),
    group="Channels",
    where=frozenset(),
)
CHANNEL_REMOVE = Command(
    "channel remove",
    "Take people out of a channel",
    _remove,
    (_NAME, _PEOPLE),
    help="Takes colleagues out of the channel you type this in, or of the one you name. They can join again.",
    examples=("!channel remove @ruth", "!channel remove Court Filings @ruth @tom"),
    group="Channels",
    where=frozenset(),
)
