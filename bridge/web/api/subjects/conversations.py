"""Conversations: lists, participants, and changing them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bridge.desk import Desk
from bridge.firm.conversation import Channel, ConversationKind
from bridge.operations import by_kind
from bridge.operations import overview as seen
from bridge.operations.channels.finding import channels_of_firm, channels_seen
from bridge.operations.conversations.direct import open_direct
from bridge.operations.rehearsal import rehearsal
from bridge.operations.tokens import Scope
from bridge.web.api import models as shown
from bridge.web.api.asking import WHO, ApiCall, require_kind, require_shared
from bridge.web.api.subjects.matters import PEOPLE_MOST, by_name, conversation, conversation_id
from bridge.web.api.table import CONVERSATION, Given, Paged, do, get

_PARTS = ("restored", "title", "topic", "archived")


class ConversationsAsked(Paged):
    """Which conversations."""

    kind: Literal["direct", "matter", "channel"] | None = Field(None, description="Only those of a kind.")


class WithPeople(Given):
    """Whom a direct conversation is with."""

    people: list[str] = Field(min_length=1, max_length=PEOPLE_MOST, description=WHO)


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
    items, following = call.page(wanted, by_name)
    return shown.PageJson(items=items, next=following)


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


async def join(call: ApiCall) -> shown.DoneJson:
    """Join a channel, or a conversation of a matter that the person may see."""
    if not call.conversation.entry.mine:
        await by_kind.join(call.desk, call.person, call.conversation, call.cause)
    return await _done(call, call.cause)


async def leave(call: ApiCall) -> shown.DoneJson:
    """Leave a channel or a conversation of a matter."""
    require_shared(call.conversation)
    await by_kind.leave(call.desk, call.person, call.conversation, call.cause)
    return shown.DoneJson(done=True)


async def change(call: ApiCall) -> shown.DoneJson:
    """Rename a conversation, give a channel a topic, archive it or open it again.
    All of it is done, or where one thing is refused nothing. `done` tells whether anything was another way before."""
    asked = call.asked(ConversationChange)
    require_shared(call.conversation)
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


def _as_conversation(one: Channel) -> shown.ConversationJson:
    return shown.ConversationJson(
        id=one.id, kind="channel", name=one.title, room_id=one.room_id, read_only=one.archived, is_in=True
    )


ROUTES = (
    get(
        "conversations.list",
        path="/conversations",
        scope=Scope.CONVERSATIONS,
        run=conversations,
        answer=shown.PageJson[shown.ConversationJson],
        query=ConversationsAsked,
    ),
    do(
        "conversations.open",
        "POST",
        path="/direct-conversations",
        scope=Scope.CHANGE_CONVERSATIONS,
        run=open_one,
        answer=shown.MadeJson,
        body=WithPeople,
    ),
    get(
        "conversations.get",
        path=CONVERSATION,
        scope=Scope.CONVERSATIONS,
        for_systems=True,
        run=the_conversation,
        answer=shown.ConversationWholeJson,
    ),
    do(
        "conversations.change",
        "PATCH",
        path=CONVERSATION,
        scope=Scope.CHANGE_CONVERSATIONS,
        run=change,
        answer=shown.DoneJson,
        body=ConversationChange,
    ),
    do(
        "conversations.join",
        "POST",
        path=f"{CONVERSATION}/join",
        scope=Scope.CHANGE_CONVERSATIONS,
        run=join,
        answer=shown.DoneJson,
    ),
    do(
        "conversations.leave",
        "POST",
        path=f"{CONVERSATION}/leave",
        scope=Scope.CHANGE_CONVERSATIONS,
        run=leave,
        answer=shown.DoneJson,
    ),
)
