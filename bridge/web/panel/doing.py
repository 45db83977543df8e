"""What people do in the panel: the same operations as by command, each form once (P2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from aiohttp import web

from bridge.operations import overview as seen
from bridge.operations.channels.changing import make_channel
from bridge.operations.channels.finding import channel_called
from bridge.operations.conversations.direct import open_direct
from bridge.operations.matters.changing import start_conversation
from bridge.operations.panel import end_session, sign_out, sign_out_everywhere
from bridge.refusal import Kind, Refusal
from bridge.web.panel import pages
from bridge.web.panel.forms import Form, cause_of, people_in, said, text_in, there
from bridge.web.panel.pages import PanelRequest
from bridge.web.panel.rendering import message
from bridge.web.panel.safety import drop_session
from bridge.web.panel.sign_on import ways_in, ways_out


async def start_in_matter(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Start a conversation in a matter."""
    found = await seen.matter_view(asked.desk, asked.person.id, asked.part("matter"))
    if found is None:
        return pages.not_there()
    title, people, cause = text_in(form, "title"), people_in(asked, form), cause_of(asked, form)
    try:
        started = await start_conversation(asked.desk, asked.person, found.matter, title, list(people.values()), cause)
    except Refusal as error:
        return await pages.matter(_again(asked, said(error), title, people))
    return await _to_room(asked, started.room_id)


async def open_conversation(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Open the direct conversation with the people who were ticked."""
    people, cause = people_in(asked, form), cause_of(asked, form)
    try:
        opened = await open_direct(asked.desk, asked.person, list(people.values()), cause)
    except Refusal as error:
        return await pages.new_direct(_again(asked, said(error), "", people))
    return await _to_room(asked, opened.room_id)


async def create_channel(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Make a channel with the people who were ticked."""
    title, people, cause = text_in(form, "title"), people_in(asked, form), cause_of(asked, form)
    try:
        made = await make_channel(asked.desk, asked.person, title, "", list(people.values()), cause)
    except Refusal as error:
        again = _again(asked, said(error), title, people)
        return await pages.new_channel(replace(again, instead=await _channel_instead(asked, error)))
    return await _to_room(asked, made.room_id)


async def _channel_instead(asked: PanelRequest, error: Refusal) -> tuple[str, str] | None:
    """The channel that has the name already, which can be looked at, joined or opened again."""
    if error.kind is not Kind.CHANNEL_NAME_TAKEN:
        return None
    found = await channel_called(asked.desk, str(error.facts["title"]))
    return found.title, f"/conversation/{found.id}"


def _again(asked: PanelRequest, told: str, title: str, people: Iterable[str]) -> PanelRequest:
    """The form once more, as it was filled in."""
    return replace(asked, told=told, refused=True, typed={"title": title, "people": frozenset(people)})


async def _to_room(asked: PanelRequest, room_id: str) -> web.Response:
    conversation_id = await seen.conversation_in(asked.desk, room_id)
    return there(f"/conversation/{conversation_id}" if conversation_id else "/")


async def out(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Sign out in this browser."""
    await sign_out(asked.desk, asked.session)
    return await _signed_out(asked)


async def out_there(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Sign out in one other browser."""
    cause_of(asked, form)
    ended = await end_session(asked.desk, asked.person.id, asked.part("session"))
    return there("/sessions") if ended else pages.not_there()


async def out_everywhere(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Sign out in every browser."""
    await sign_out_everywhere(asked.desk, asked.person.id)
    return await _signed_out(asked)


async def _signed_out(asked: PanelRequest) -> web.Response:
    response = message(
        "You are signed out",
        "To come back, type !panel in your chat with the bot.",
        200,
        links=[*ways_in(asked.desk), *await ways_out(asked.desk, asked.request)],
    )
    drop_session(response)
    return response
