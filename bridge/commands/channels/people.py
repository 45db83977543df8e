"""Joining and leaving channels, and who is in them (C1, C4)."""

from __future__ import annotations

from bridge.commands.asking.channels import the_channel
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.commands.asking.where import Where
from bridge.commands.conversations.participants import add_people, remove_people
from bridge.operations.rooms import made_room
from bridge.refusal import CommandError
from bridge.store.rooms.conversations import add_participants
from bridge.store.rooms.participants import drop
from bridge.wording.channels import typeable
from bridge.wording.markdown import code, escape

_NAME = Argument("name", ArgumentType.NAME, required=False, shown="NAME", names_place=True)
_PEOPLE = Argument("people", ArgumentType.EACH, shown="@person …")


async def _join(call: Call) -> Answer:
    found = await the_channel(call)
    if not found.everyone:
        await call.desk.store.run(
            lambda: add_participants(found.id, [call.sender.id], call.sender.id, cause=call.event_id)
        )
    room_id = await made_room(call.desk, found.id, call.sender.id, call.event_id)
    archived = " It is archived: you can read it, and nobody can write in it." if found.archived else ""
    return Answer(f"You are in {link(call, found.title, room_id)}.{archived}")


async def _leave(call: Call) -> Answer:
    found = await the_channel(call)
    if found.everyone:
        raise CommandError(f"{escape(found.title)} is the channel of the whole firm; everybody stays in it.")
    left = await call.desk.store.run(lambda: drop(found.id, [call.sender.id], call.sender.id, call.event_id))
    if not left:
        raise CommandError(f"You are not in {escape(found.title)}.")
    if found.room_id is not None:
        # In their own name, so that no client tells them that the bot removed them.
        await call.desk.homeserver.leave(found.room_id, call.user_id)
    await made_room(call.desk, found.id, call.sender.id, call.event_id)
    return Answer(
        f"You have left {escape(found.title)}. {code(f'!channel join {typeable(found.title)}')} brings you back."
    )


async def _add(call: Call) -> Answer:
    found = await the_channel(call)
    return await add_people(call, found.id, call.values["people"])


async def _remove(call: Call) -> Answer:
    found = await the_channel(call)
    return await remove_people(call, found.id, call.values["people"])


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
