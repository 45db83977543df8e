"""What people do in the panel: the same operations as by command, each form once (P2)."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from bridge.firm.text.directions import apart
from bridge.operations import overview as seen
from bridge.operations.channels.changing import make_channel
from bridge.operations.channels.finding import channel_called
from bridge.operations.conversations.direct import open_direct
from bridge.operations.matters.changing import start_conversation
from bridge.operations.panel import end_session, sign_out, sign_out_everywhere
from bridge.refusal import Kind, Refusal
from bridge.web.panel import pages
from bridge.web.panel.forms import Form, cause_of, said, text_in, texts_in, there, ticked_here
from bridge.web.panel.pages import PanelRequest
from bridge.web.panel.rendering import message
from bridge.web.panel.safety import drop_session
from bridge.web.panel.sign_on import ways_in, ways_out
from bridge.wording.markdown import enumerated


async def start_in_matter(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Start a conversation in a matter."""
    found = await seen.matter_view(asked.desk, asked.person.id, asked.part("matter"))
    if found is None:
        return pages.not_there()
    title, cause = text_in(form, "title"), cause_of(asked, form)
    try:
        people = ticked_here(asked, form)
        started = await start_conversation(asked.desk, asked.person, found.matter, title, people, cause)
    except Refusal as error:
        return await pages.matter(_again(asked, form, error))
    address = await _address(asked, started.room_id)
    if not started.left_out:
        return there(address)
    told = f"Not added, having no access to this matter: {enumerated([apart(one.name) for one in started.left_out])}."
    return await pages.matter(replace(asked, told=told, instead=(started.title, address)))


async def open_conversation(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Open the direct conversation with the people who were ticked."""
    cause = cause_of(asked, form)
    try:
        opened = await open_direct(asked.desk, asked.person, ticked_here(asked, form), cause)
    except Refusal as error:
        return await pages.new_direct(_again(asked, form, error))
    return there(await _address(asked, opened.room_id))


async def create_channel(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Make a channel with the people who were ticked."""
    title, cause = text_in(form, "title"), cause_of(asked, form)
    try:
        made = await make_channel(asked.desk, asked.person, title, "", ticked_here(asked, form), cause)
    except Refusal as error:
        again = _again(asked, form, error)
        return await pages.new_channel(replace(again, instead=await _channel_instead(asked, error)))
    return there(await _address(asked, made.room_id))


async def _channel_instead(asked: PanelRequest, error: Refusal) -> tuple[str, str] | None:
    """The channel that has the name already, which can be looked at, joined or opened again."""
    if error.kind is not Kind.CHANNEL_NAME_TAKEN:
        return None
    found = await channel_called(asked.desk, str(error.facts["title"]))
    return found.title, f"/conversation/{found.id}"


def _again(asked: PanelRequest, form: Form, error: Refusal) -> PanelRequest:
    """The form once more, as it was filled in."""
    typed = {"title": text_in(form, "title"), "people": frozenset(texts_in(form, "person"))}
    return replace(asked, told=said(error), refused=True, typed=typed)


async def _address(asked: PanelRequest, room_id: str) -> str:
    """Where the conversation is shown that is held in a room."""
    conversation_id = await seen.conversation_in(asked.desk, room_id)
    return f"/conversation/{conversation_id}" if conversation_id else "/"


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
