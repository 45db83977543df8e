"""Channels: all of them, the newest, and making one."""

from __future__ import annotations

from pydantic import Field

from bridge.firm.conversation import Channel
from bridge.operations.channels import changing
from bridge.operations.channels.finding import (
    ChannelSeen,
    channels_of_firm,
    channels_seen,
    channels_with,
    recent_channels,
)
from bridge.operations.tokens import Scope
from bridge.web.api import models as shown
from bridge.web.api.asking import WHO, ApiCall
from bridge.web.api.subjects.matters import PEOPLE_MOST, conversation_id
from bridge.web.api.table import Given, Paged, do, get


class ChannelsAsked(Paged):
    """Which channels."""

    q: str = Field("", max_length=200, description="Words of name or topic.")


class NewChannel(Given):
    """A channel to make."""

    name: str = Field(max_length=1000)
    topic: str = Field("", max_length=5000)
    people: list[str] = Field([], max_length=PEOPLE_MOST, description=WHO)


async def channels(call: ApiCall) -> shown.PageJson[shown.ChannelJson]:
    """Every channel, archived ones too, by name."""
    asked = call.asked(ChannelsAsked)
    found = await (channels_with(call.desk, asked.q) if asked.q.strip() else channels_of_firm(call.desk))
    items, following = call.page(found, _channel_place)
    rows = await channels_seen(call.desk, call.person, items)
    return shown.PageJson(items=[_channel(one) for one in rows], next=following)


async def newest_channels(call: ApiCall) -> shown.PageJson[shown.ChannelJson]:
    """The ten channels with the newest messages, newest first."""
    rows = await channels_seen(call.desk, call.person, await recent_channels(call.desk))
    return shown.PageJson(items=[_channel(one) for one in rows], next=None)


async def make_channel(call: ApiCall) -> shown.MadeJson:
    """Make a channel with the person and others in it."""
    asked = call.asked(NewChannel)
    people = await call.people(asked.people)
    made = await changing.make_channel(call.desk, call.person, asked.name, asked.topic, people, call.cause)
    return shown.MadeJson(id=await conversation_id(call, made.room_id), room_id=made.room_id)


def _channel(one: ChannelSeen) -> shown.ChannelJson:
    channel = one.channel
    return shown.ChannelJson(
        id=channel.id,
        name=channel.title,
        topic=channel.topic,
        archived=channel.archived,
        everyone=channel.everyone,
        participants=one.participants,
        is_in=one.is_in,
        room_id=channel.room_id,
    )


def _channel_place(one: Channel) -> tuple[str, str]:
    return one.title.casefold(), one.id


ROUTES = (
    get(
        "channels.list",
        path="/channels",
        scope=Scope.CONVERSATIONS,
        for_systems=True,
        run=channels,
        answer=shown.PageJson[shown.ChannelJson],
        query=ChannelsAsked,
    ),
    get(
        "channels.recent",
        path="/channels/recent",
        scope=Scope.CONVERSATIONS,
        for_systems=True,
        run=newest_channels,
        answer=shown.PageJson[shown.ChannelJson],
    ),
    do(
        "channels.create",
        "POST",
        path="/channels",
        scope=Scope.CHANGE_CONVERSATIONS,
        run=make_channel,
        answer=shown.MadeJson,
        body=NewChannel,
    ),
)
