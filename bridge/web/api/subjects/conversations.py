"""Conversations: lists, participants, and changing them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bridge.desk import Desk
from bridge.firm.conversation import Channel, ConversationKind
from bridge.operations import by_kind
from bridge.operations import overview as seen
from bridge.operations.channels import changing as channels_changing
from bridge.operations.channels.finding import (
    ChannelSeen,
    channels_of_firm,
    channels_seen,
    channels_with,
    recent_channels,
)
from bridge.operations.conversations import participants as parts
from bridge.operations.conversations import seen as seen_operation
from bridge.operations.conversations.direct import open_direct
from bridge.operations.rehearsal import rehearsal
from bridge.refusal import Kind, Refusal
from bridge.web.api import models as shown
from bridge.web.api.asking import ApiCall, require_kind
from bridge.web.api.subjects.matters import PEOPLE_MOST, conversation, conversation_id
from bridge.web.api.subjects.people import named, named_by_id
from bridge.web.api.table import Given, Paged

_PARTS = ("restored", "title", "topic", "archived")
_WHO = "Staff ids, e-mail addresses or Matrix ids."


class ConversationsAsked(Paged):
    """Which conversations."""

    kind: Literal["direct", "matter", "channel"] | None = Field(None, description="Only those of a kind.")


class ChannelsAsked(Paged):
    """Which channels."""

    q: str = Field("", max_length=200, description="Words of name or topic.")


class WithPeople(Given):
    """Whom a direct conversation is with."""

    people: list[str] = Field(min_length=1, max_length=PEOPLE_MOST, description=_WHO)


class NewChannel(Given):
    """A channel to make."""

    name: str = Field(max_length=1000)
    topic: str = Field("", max_length=5000)
    people: list[str] = Field([], max_length=PEOPLE_MOST, description=_WHO)


class PeopleChange(Given):
    """Who comes and who goes."""

    add: list[str] = Field([], max_length=PEOPLE_MOST, description=_WHO)
    remove: list[str] = Field([], max_length=PEOPLE_MOST, description=_WHO)


class ConversationChange(Given):
    """What is to be another way. What is left out stays."""

    title: str | None = Field(None, max_length=1000)
    topic: str | None = Field(None, max_length=5000, description="Of a channel; empty for none.")
    archived: bool | None = Field(None, description="Whether it can only be read.")


async def conversations(call: ApiCall) -> shown.PageJson[shown.ConversationJson]:
    """The conversations that the person is in."""
    asked = call.asked(ConversationsAsked)
    lists = await seen.overview(call.desk, call.person.id)
    found = [conversation(one, None) for one in lists.direct]
    found += [conversation(one, shelf.matter.id) for shelf in lists.matters for one in shelf.entries]
    # Of channels those lists have the newest alone.
    mine = await channels_seen(call.desk, call.person, await channels_of_firm(call.desk))
    found += [_as_conversation(one.channel) for one in mine if one.is_in]
    wanted = [one for one in found if asked.kind in {None, one.kind}]
    items, following = call.cursors.page(wanted, _place, asked.cursor, asked.limit)
    return shown.PageJson(items=items, next=following)


def _place(one: shown.ConversationJson) -> tuple[str, str, str]:
    return one.kind, one.name.casefold(), one.id


async def the_conversation(call: ApiCall) -> shown.ConversationWholeJson:
    """A conversation of which the person may know."""
    view = call.conversation
    return shown.ConversationWholeJson(
        **conversation(view.entry, view.matter.id if view.matter is not None else None).model_dump(),
        topic=view.topic,
        everyone=view.everyone,
        participants=len(view.people),
    )


async def open_one(call: ApiCall) -> shown.MadeJson:
    """The direct conversation with these people, which is made where there is none.
    The same people always get the same conversation."""
    opened = await open_direct(call.desk, call.person, await call.people(call.asked(WithPeople).people), call.cause)
    return shown.MadeJson(id=await conversation_id(call, opened.room_id), room_id=opened.room_id)


async def channels(call: ApiCall) -> shown.PageJson[shown.ChannelJson]:
    """Every channel, archived ones too, by name."""
    asked = call.asked(ChannelsAsked)
    found = await (channels_with(call.desk, asked.q) if asked.q.strip() else channels_of_firm(call.desk))
    items, following = call.cursors.page(found, _channel_place, asked.cursor, asked.limit)
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
    made = await channels_changing.make_channel(call.desk, call.person, asked.name, asked.topic, people, call.cause)
    return shown.MadeJson(id=await conversation_id(call, made.room_id), room_id=made.room_id)


async def participants(call: ApiCall) -> shown.PageJson[shown.ParticipantJson]:
    """Who is in a conversation that the person is in, by name."""
    asked, view = call.asked(Paged), call.inside
    people, _ = await parts.participants_of(call.desk, view.conversation, 0, len(view.people))
    items, following = call.cursors.page(people, _participant_place, asked.cursor, asked.limit)
    return shown.PageJson(
        items=[
            shown.ParticipantJson(
                person=named(one.person),
                role=one.person.role,
                since=None if one.since is None else shown.moment(one.since),
                added_by=named_by_id(call, one.added_by),
            )
            for one in items
        ],
        next=following,
    )


async def seen_by(call: ApiCall) -> shown.PageJson[shown.SeenByJson]:
    """Who has read up to a message of a conversation that the person is in, the earliest first.
    Only who is in it now, and whose client tells everybody there."""
    asked, view = call.asked(Paged), call.inside
    account = await seen.account_of(call.desk, call.person.id)
    found = await seen_operation.seen_by(call.desk, call.person, view.conversation, account, call.named("event"))
    items, following = call.cursors.page(found.people, _seen_place, asked.cursor, asked.limit)
    return shown.PageJson(
        items=[
            shown.SeenByJson(person=named(one.person), at=shown.moment(one.at_ms), exact=one.exact) for one in items
        ],
        next=following,
    )


async def change_participants(call: ApiCall) -> shown.ChangedJson:
    """Add people to a channel or a matter's conversation and take people out.
    Answers with what was done for each. Those without access to a matter are not added."""
    view, asked = call.conversation, call.asked(PeopleChange)
    _require_shared(call)
    added, removed = await call.people(asked.add), await call.people(asked.remove)
    done = dict[str, parts.Done]()
    if added:
        done |= (await parts.add_people(call.desk, call.person, view.entry.id, added, f"{call.cause}/add")).done
    if removed:
        out = await parts.remove_people(call.desk, call.person, view.entry.id, removed, f"{call.cause}/out")
        done |= out.done
    return shown.ChangedJson(done={one: str(what) for one, what in done.items()})


async def join(call: ApiCall) -> shown.DoneJson:
    """Join a channel, or a conversation of a matter that the person may see."""
    if not call.conversation.entry.mine:
        await by_kind.join(call.desk, call.person, call.conversation, call.cause)
    return await _done(call, call.cause)


async def leave(call: ApiCall) -> shown.DoneJson:
    """Leave a channel or a conversation of a matter."""
    _require_shared(call)
    await by_kind.leave(call.desk, call.person, call.conversation, call.cause)
    return shown.DoneJson(done=True)


async def change(call: ApiCall) -> shown.DoneJson:
    """Rename a conversation, give a channel a topic, archive it or open it again.
    All of it is done, or where one thing is refused nothing. `done` tells whether anything was another way before."""
    asked = call.asked(ConversationChange)
    _require_shared(call)
    if asked.topic is not None:
        require_kind(call.conversation, ConversationKind.CHANNEL)
    if not call.desk.rehearses:
        # What a later part is refused for is known before the first is done.
        await _change(rehearsal(call.desk), call, asked)
    await _change(call.desk, call, asked)
    return await _done(call, *(f"{call.cause}/{part}" for part in _PARTS))


async def _change(desk: Desk, call: ApiCall, asked: ConversationChange) -> None:
    person, view, causes = call.person, call.conversation, [f"{call.cause}/{part}" for part in _PARTS]
    restored, title, topic, archived = causes
    if asked.archived is False:
        await by_kind.restore(desk, person, view, restored)
    if asked.title is not None:
        await by_kind.rename(desk, person, view, title, title=asked.title)
    if asked.topic is not None:
        await by_kind.change_topic(desk, person, view, topic, topic=asked.topic)
    if asked.archived:
        await by_kind.archive(desk, person, view, archived)


async def _done(call: ApiCall, *causes: str) -> shown.DoneJson:
    """Whether the conversation was changed for one of these causes, by this request or before a crash."""
    return shown.DoneJson(done=await by_kind.was_changed(call.desk, call.conversation, causes))


def _require_shared(call: ApiCall) -> None:
    """Raise Refusal where the conversation is a direct one, which stays as it is."""
    if call.conversation.entry.kind is ConversationKind.DIRECT:
        raise Refusal(Kind.PEOPLE_STAY_THE_SAME, "D2")


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


def _as_conversation(one: Channel) -> shown.ConversationJson:
    return shown.ConversationJson(
        id=one.id, kind="channel", name=one.title, room_id=one.room_id, read_only=one.archived, is_in=True
    )


def _channel_place(one: Channel) -> tuple[str, str]:
    return one.title.casefold(), one.id


def _seen_place(one: seen_operation.SeenBy) -> tuple[int, str]:
    return one.at_ms, one.person.id


def _participant_place(one: parts.Participant) -> tuple[str, str]:
    return one.person.name.casefold(), one.person.id
