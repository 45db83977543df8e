"""Finding channels: by words, by the newest messages, and everything about one (C1, C3)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from bridge.commands.asking.channels import the_channel
from bridge.commands.asking.paging import paged
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, List
from bridge.commands.asking.where import CHANNELS, CHAT
from bridge.firm.conversation import Channel, channel_key
from bridge.firm.names import has_words, searched
from bridge.firm.policy import desired_participants
from bridge.store.rooms.channels import all_channels, recent
from bridge.store.rooms.conversations import conversation_by_id, conversations_with_people
from bridge.wording.markdown import escape
from bridge.wording.moments import clock_in, local, moment_in

RECENT = 10
"""Channels that `!channel recent` shows (C3)."""


async def lines_of(call: Call, channels: Sequence[Channel]) -> list[str]:
    """A line for each channel: its name with a link, topic, how many are in it, and whether you are."""
    loaded = await call.desk.store.read(lambda: conversations_with_people(channel.id for channel in channels))
    firm, today = call.desk.firm(), call.desk.reconciler.today()
    lines = []
    for channel in channels:
        conversation = loaded.get(channel.id)
        people = desired_participants(firm, conversation, today) if conversation is not None else frozenset()
        topic = f": {escape(channel.topic)}" if channel.topic else ""
        count = "1 participant" if len(people) == 1 else f"{len(people)} participants"
        yours = ", you among them" if call.sender.id in people else ""
        archived = ", archived" if channel.archived else ""
        lines.append(f"- {_name(call, channel)}{topic} ({count}{yours}{archived})")
    return lines


def _name(call: Call, channel: Channel) -> str:
    return link(call, channel.title, channel.room_id) if channel.room_id else escape(channel.title)


def _moment(call: Call, at_ms: int) -> str:
    """A moment in the firm's time zone: the time alone where it is today."""
    firm = call.desk.settings.firm
    today = local(firm, at_ms).date() == call.desk.reconciler.today()
    return clock_in(firm, at_ms) if today else moment_in(firm, at_ms)


async def _search(call: Call) -> Answer:
    return await paged(call, _found)


async def _found(call: Call) -> List:
    words = channel_key(call.values["words"]).split("-")
    found = [
        channel
        for channel in await call.desk.store.read(all_channels)
        if has_words(searched(channel_key(f"{channel.title} {channel.topic}").replace("-", " ")), words)
    ]
    nothing = "No channel has those words in its name or topic. `!channel list` shows them all."
    return List(found, foot="" if found else nothing, shown=partial(lines_of, call))


async def _recent(call: Call) -> Answer:
    found = await call.desk.store.read(lambda: recent(RECENT))
    lines = [
        f"{number}. {_name(call, channel)}, {_moment(call, channel.last_message_at or 0)}"
        for number, channel in enumerate(found, 1)
    ]
    return Answer("\n".join(lines) or "Nobody has written in a channel yet. `!channel list` shows them.")


def _archived_by(call: Call, channel: Channel) -> str:
    if not channel.archived_by:
        return ", by me, because nobody was in it any more"
    archiver = call.desk.firm().staff.get(channel.archived_by)
    return f", by {escape(archiver.name)}" if archiver else ""


async def _info(call: Call) -> Answer:
    found = await the_channel(call)
    conversation = await call.desk.store.read(lambda: conversation_by_id(found.id))
    firm, today = call.desk.firm(), call.desk.reconciler.today()
    people = desired_participants(firm, conversation, today) if conversation is not None else frozenset()
    maker = firm.staff.get(found.created_by)
    lines = [
        f"**{_name(call, found)}**\n",
        f"- Topic: {escape(found.topic)}" if found.topic else "",
        f"- Participants: {len(people)}" + (", everybody in the firm" if found.everyone else ""),
        f"- Made: {_moment(call, found.created_at)}" + (f", by {escape(maker.name)}" if maker else ""),
        f"- Newest message: {_moment(call, found.last_message_at)}" if found.last_message_at else "",
        f"- Archived: {_moment(call, found.archived_at)}{_archived_by(call, found)}" if found.archived_at else "",
    ]
    return Answer("\n".join(line for line in lines if line))


CHANNEL_SEARCH = Command(
    "channel search",
    "Find a channel",
    _search,
    (Argument("words", ArgumentType.TEXT, shown="WORDS"),),
    help="Finds the channels, archived ones included, with all these words in name or topic.",
    examples=("!channel search filings",),
    group="Channels",
)
CHANNEL_RECENT = Command(
    "channel recent",
    "The channels with the newest messages",
    _recent,
    help="Lists the ten channels with the newest messages, newest first.",
    examples=("!channel recent",),
    group="Channels",
    also=("recent",),
)
CHANNEL_INFO = Command(
    "channel info",
    "About a channel",
    _info,
    (Argument("name", ArgumentType.NAME, required=False, shown="NAME", names_place=True),),
    help="Shows topic, participants, who made it and when, and the newest message of the channel you type this in, or"
    " of the one you name.",
    examples=("!channel info", "!channel info Court Filings"),
    group="Channels",
    where=CHAT | CHANNELS,
    also=("info",),
)
