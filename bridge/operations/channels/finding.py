"""Looking at channels, which everybody in the firm may (C1, C3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bridge.desk import Desk
from bridge.firm.conversation import CHANNEL_NAME_MAX, Channel, channel_key
from bridge.firm.model import Staff
from bridge.firm.names import has_words, searched, spellings
from bridge.firm.policy import desired_participants
from bridge.mapping.near import closest
from bridge.refusal import Kind, Refusal
from bridge.store.rooms.channels import all_channels, channel, channel_named, recent
from bridge.store.rooms.world import conversations_with_people

RECENT = 10
"""Channels that the list of recent ones has (C3)."""


@dataclass(frozen=True, slots=True)
class ChannelSeen:
    """A channel as somebody sees it."""

    channel: Channel
    participants: int
    is_in: bool
    """Whether the one who asks is in it."""


async def channels_of_firm(desk: Desk) -> list[Channel]:
    """Every channel, archived ones included, by name."""
    return await desk.store.read(all_channels)


async def channels_with(desk: Desk, words: str) -> list[Channel]:
    """The channels, archived ones included, with all these words in name or topic."""
    wanted = channel_key(words).split("-")
    return [
        one
        for one in await channels_of_firm(desk)
        if has_words(searched(channel_key(f"{one.title} {one.topic}").replace("-", " ")), wanted)
    ]


async def recent_channels(desk: Desk) -> list[Channel]:
    """The channels with the newest messages, newest first (C3)."""
    return await desk.store.read(recent, RECENT)


async def channels_seen(desk: Desk, asker: Staff, channels: Sequence[Channel]) -> list[ChannelSeen]:
    """These channels as the one who asks sees them."""
    loaded = await desk.store.read(conversations_with_people, (one.id for one in channels))
    firm, today = desk.firm(), desk.today()
    people = {key: desired_participants(firm, conversation, today) for key, conversation in loaded.items()}
    return [ChannelSeen(one, len(inside := people.get(one.id, frozenset())), asker.id in inside) for one in channels]


async def channel_of(desk: Desk, conversation_id: str) -> Channel | None:
    """The channel that this conversation is; None where it is none."""
    return await desk.store.read(channel, conversation_id)


async def channel_called(desk: Desk, name: str) -> Channel:
    """The channel of that name, archived ones included, or the only one whose name can be spelled so.

    Raises Refusal with the nearest one there is.
    """
    key = channel_key(name.strip().removeprefix("#"))
    found = await desk.store.read(
        lambda unit: channel_named(unit, key) or called(name, by_spelling(all_channels(unit)))
    )
    if found is None:
        name = name[:CHANNEL_NAME_MAX]
        titles = {one.title.casefold(): one.title for one in await channels_of_firm(desk)}
        near = closest(name.casefold(), titles)
        raise Refusal(Kind.NO_SUCH_CHANNEL, name=name, near=titles[near] if near else "")
    return found


def by_spelling(channels: Iterable[Channel]) -> Mapping[str, list[Channel]]:
    """These channels, by every way to spell their names."""
    found: dict[str, list[Channel]] = {}
    for one in channels:
        for spelled in dict.fromkeys(_spelled(one.title)):
            found.setdefault(spelled, []).append(one)
    return found


def called(name: str, known: Mapping[str, list[Channel]]) -> Channel | None:
    """The channel of that name, else the only one whose name can be spelled so; None where there is none, or more."""
    wanted = name.strip().removeprefix("#")
    found = list(dict.fromkeys(one for spelled in _spelled(wanted) for one in known.get(spelled, ())))
    exactly = next((one for one in found if one.name_key == channel_key(wanted)), None)
    return exactly or (found[0] if len(found) == 1 else None)


def _spelled(name: str) -> Iterable[str]:
    return (channel_key(one) for one in spellings(name))
