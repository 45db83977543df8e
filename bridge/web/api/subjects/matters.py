"""Matters, and starting conversations in them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from bridge.firm.model import Matter, MatterStatus
from bridge.firm.text.directions import together
from bridge.operations import overview as seen
from bridge.operations.matters.changing import start_conversation
from bridge.operations.matters.finding import matters_seen
from bridge.operations.tokens import Scope
from bridge.web.api import models as shown
from bridge.web.api.asking import ApiCall
from bridge.web.api.table import Given, Paged, do, get

_ORDER = {status: place for place, status in enumerate(MatterStatus)}
PEOPLE_MOST = 5000


class MattersAsked(Paged):
    """Which matters."""

    q: str = Field("", max_length=200, description="Words of number, title or client.")


class ConversationWanted(Given):
    """A conversation to start."""

    title: str = Field(max_length=1000)
    people: list[str] = Field(
        [], max_length=PEOPLE_MOST, description="Who is to be in it: staff ids, e-mail addresses or Matrix ids."
    )


async def matters(call: ApiCall) -> shown.PageJson[shown.MatterJson]:
    """The matters that the person may see, open ones first."""
    asked = call.asked(MattersAsked)
    found: Sequence[Matter] = matters_seen(call.desk, call.person, asked.q.split())
    items, following = call.page(found, _place)
    return shown.PageJson(items=[matter_shown(one) for one in items], next=following)


async def matter(call: ApiCall) -> shown.MatterJson:
    """A matter."""
    return matter_shown(call.matter.matter)


async def conversations(call: ApiCall) -> shown.PageJson[shown.ConversationJson]:
    """The conversations of a matter, by name; the person may join those they are not in."""
    listed = [conversation(one, call.matter.matter.id) for one, _ in call.matter.entries]
    items, following = call.page(listed, by_name)
    return shown.PageJson(items=items, next=following)


async def start(call: ApiCall) -> shown.MadeJson:
    """Start a conversation in a matter.
    Those without access to the matter are left out."""
    asked = call.asked(ConversationWanted)
    people = await call.people(asked.people)
    started = await start_conversation(call.desk, call.person, call.matter.matter, asked.title, people, call.cause)
    left_out = [one.id for one in started.left_out]
    return shown.MadeJson(id=await conversation_id(call, started.room_id), room_id=started.room_id, left_out=left_out)


async def conversation_id(call: ApiCall, room_id: str) -> str:
    """The id of the conversation that is held in a room; empty for none, as in a dry run."""
    return await seen.conversation_in(call.desk, room_id) or "" if room_id else ""


def conversation(one: seen.ListedConversation, matter_id: str | None) -> shown.ConversationJson:
    """A conversation in a list."""
    return shown.ConversationJson(
        id=one.id,
        kind=one.kind.value,
        name=together(one.name),
        matter_id=matter_id,
        room_id=one.room_id or None,
        read_only=one.read_only,
        is_in=one.mine,
    )


def _place(matter: Matter) -> tuple[int, str, str]:
    return _ORDER[matter.status], matter.number, matter.id


def by_name(one: shown.ConversationJson) -> tuple[str, str, str]:
    """Where a conversation stands in a list."""
    return one.kind, one.name.casefold(), one.id


def matter_shown(one: Matter) -> shown.MatterJson:
    """A matter."""
    return shown.MatterJson(id=one.id, number=one.number, title=one.title, client=one.client, status=one.status.value)


ROUTES = (
    get(
        "matters.list",
        path="/matters",
        scope=Scope.MATTERS,
        for_systems=True,
        run=matters,
        answer=shown.PageJson[shown.MatterJson],
        query=MattersAsked,
    ),
    get(
        "matters.get",
        path="/matters/{matter}",
        scope=Scope.MATTERS,
        for_systems=True,
        run=matter,
        answer=shown.MatterJson,
    ),
    get(
        "matters.conversations",
        path="/matters/{matter}/conversations",
        scope=Scope.MATTERS,
        for_systems=True,
        run=conversations,
        answer=shown.PageJson[shown.ConversationJson],
        query=Paged,
    ),
    do(
        "matters.start",
        "POST",
        path="/matters/{matter}/conversations",
        scope=Scope.CHANGE_CONVERSATIONS,
        for_systems=True,
        run=start,
        answer=shown.MadeJson,
        body=ConversationWanted,
    ),
)
