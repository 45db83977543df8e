"""Matters, and starting conversations in them."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from bridge.firm.model import Matter, MatterStatus
from bridge.operations import overview as seen
from bridge.operations.admins.access import Way, access_to, standings
from bridge.operations.matters.changing import start_conversation
from bridge.operations.matters.finding import matters_seen
from bridge.web.api import models as shown
from bridge.web.api.asking import ApiCall
from bridge.web.api.problems import not_there
from bridge.web.api.subjects.people import named
from bridge.web.api.table import Given, Paged

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
    items, following = call.cursors.page(found, _place, asked.cursor, asked.limit)
    return shown.PageJson(items=[matter_shown(one) for one in items], next=following)


async def matter(call: ApiCall) -> shown.MatterWholeJson:
    """A matter with its conversations."""
    found = call.matter
    return shown.MatterWholeJson(
        **_matter(found.matter), conversations=[conversation(one, found.matter.id) for one, _ in found.entries]
    )


async def start(call: ApiCall) -> shown.MadeJson:
    """Start a conversation in a matter.
    Those without access to the matter are left out."""
    asked = call.asked(ConversationWanted)
    people = await call.people(asked.people)
    started = await start_conversation(call.desk, call.person, call.matter.matter, asked.title, people, call.cause)
    left_out = [one.id for one in started.left_out]
    return shown.MadeJson(id=await conversation_id(call, started.room_id), room_id=started.room_id, left_out=left_out)


async def access(call: ApiCall) -> shown.PageJson[shown.AccessJson]:
    """Who can see a matter, who cannot, and why."""
    asked = call.asked(Paged)
    found = await access_to(call.desk, call.person, call.matter.matter.id)
    if found is None:
        raise not_there()
    people = (*found.inside, *found.outside)
    items, following = call.cursors.page(people, lambda one: (one.name.casefold(), one.id), asked.cursor, asked.limit)
    rows = standings(call.desk, call.person, [(one, found.matter) for one in items])
    return shown.PageJson(
        items=[
            shown.AccessJson(person=named(one.person), may_see=one.way is not Way.NOT, way=one.way, why=one.deciding)
            for one in rows
        ],
        next=following,
    )


async def conversation_id(call: ApiCall, room_id: str) -> str:
    """The id of the conversation that is held in a room; empty for none, as in a dry run."""
    return await seen.conversation_in(call.desk, room_id) or "" if room_id else ""


def conversation(one: seen.ListedConversation, matter_id: str | None) -> shown.ConversationJson:
    """A conversation in a list."""
    return shown.ConversationJson(
        id=one.id,
        kind=one.kind.value,
        name=one.name,
        matter_id=matter_id,
        room_id=one.room_id or None,
        read_only=one.read_only,
        is_in=one.mine,
    )


def _place(matter: Matter) -> tuple[int, str, str]:
    return _ORDER[matter.status], matter.number, matter.id


def matter_shown(one: Matter) -> shown.MatterJson:
    """A matter in a list."""
    return shown.MatterJson(**_matter(one))


def _matter(one: Matter) -> dict[str, str]:
    return {"id": one.id, "number": one.number, "title": one.title, "client": one.client, "status": one.status.value}
