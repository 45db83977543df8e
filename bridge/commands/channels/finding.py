"""Finding channels: by words, by the newest messages, and everything about one (C1, C3)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from bridge.commands.asking.arguments import ChannelHere, Words
from bridge.commands.asking.channels import the_channel
from bridge.commands.asking.paging import paged
from bridge.commands.asking.permissions import DONE, EVERYBODY, of_channel
from bridge.commands.asking.shown import link
from bridge.commands.asking.table import Answer, Call, Command, List
from bridge.commands.asking.where import CHANNELS, CHAT
from bridge.firm.conversation import Channel
from bridge.operations.channels.finding import (
    ChannelSeen,
    channels_of_firm,
    channels_seen,
    channels_with,
    recent_channels,
)
from bridge.wording.markdown import escape
from bridge.wording.moments import clock_in, local, moment_in


async def _list(call: Call) -> Answer:
    return await paged(call, _listed)


async def _listed(call: Call) -> List:
    found = [one for one in await channels_of_firm(call.desk) if not one.archived]
    nothing = "There is no channel yet. `!channel create NAME` makes one."
    return List(found, foot="" if found else nothing, shown=partial(_lines, call))


async def _search(call: Call, words: Words) -> Answer:
    return await paged(call, partial(_found, words))


async def _found(words: str, call: Call) -> List:
    found = await channels_with(call.desk, words)
    nothing = "No channel has those words in its name or topic. `!channel list` shows them all."
    return List(found, foot="" if found else nothing, shown=partial(_lines, call))


async def _lines(call: Call, channels: Sequence[Channel]) -> list[str]:
    return [_line(call, seen) for seen in await channels_seen(call.desk, call.sender, channels)]


def _line(call: Call, seen: ChannelSeen) -> str:
    topic = f": {escape(seen.channel.topic)}" if seen.channel.topic else ""
    count = "1 participant" if seen.participants == 1 else f"{seen.participants} participants"
    yours = ", you among them" if seen.is_in else ""
    archived = ", archived" if seen.channel.archived else ""
    return f"- {_name(call, seen.channel)}{topic} ({count}{yours}{archived})"


def _name(call: Call, channel: Channel) -> str:
    return link(call, channel.title, channel.room_id) if channel.room_id else escape(channel.title)


def _moment(call: Call, at_ms: int) -> str:
    """A moment in the firm's time zone: the time alone where it is today."""
    firm = call.desk.settings.firm
    today = local(firm, at_ms).date() == call.desk.today()
    return clock_in(firm, at_ms) if today else moment_in(firm, at_ms)


async def _recent(call: Call) -> Answer:
    lines = [
        f"{number}. {_name(call, found)}, {_moment(call, found.last_message_at or 0)}"
        for number, found in enumerate(await recent_channels(call.desk), 1)
    ]
    return Answer("\n".join(lines) or "Nobody has written in a channel yet. `!channel list` shows them.")


async def _info(call: Call, name: ChannelHere = "") -> Answer:
    found = await the_channel(call, name)
    (seen,) = await channels_seen(call.desk, call.sender, [found])
    maker = call.desk.firm().staff.get(found.created_by)
    lines = [
        f"**{_name(call, found)}**\n",
        f"- Topic: {escape(found.topic)}" if found.topic else "",
        f"- Participants: {seen.participants}" + (", everybody in the firm" if found.everyone else ""),
        f"- Made: {_moment(call, found.created_at)}" + (f", by {escape(maker.name)}" if maker else ""),
        f"- Newest message: {_moment(call, found.last_message_at)}" if found.last_message_at else "",
        f"- Archived: {_moment(call, found.archived_at)}{_archived_by(call, found)}" if found.archived_at else "",
    ]
    return Answer("\n".join(line for line in lines if line))


def _archived_by(call: Call, channel: Channel) -> str:
    if not channel.archived_by:
        return ", by me, because nobody was in it any more"
    archiver = call.desk.firm().staff.get(channel.archived_by)
    return f", by {escape(archiver.name)}" if archiver else ""


CHANNEL_LIST = Command(
    "channel list",
    "The firm's channels",
    _list,
    help="Lists the channels with their topics, but for archived ones.",
    examples=("!channel list",),
    group="Channels",
    also=("channels",),
)
CHANNEL_SEARCH = Command(
    "channel search",
    "Find a channel",
    _search,
    help="Finds the channels, archived ones included, with all these words in name or topic.",
    examples=("!channel search filings",),
    group="Channels",
    asked_by=frozenset({"channel", "channels", "find", "search"}),
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
    help="Shows topic, participants, who made it and when, and the newest message of the channel you type this in, or"
    " of the one you name.",
    examples=("!channel info", "!channel info Court Filings"),
    group="Channels",
    where=CHAT | CHANNELS,
    also=("info",),
    permission=of_channel(EVERYBODY, EVERYBODY, DONE),
)
