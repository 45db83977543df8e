"""What people do in the panel: the same operations as by command, each form once (P2)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from aiohttp import web
from multidict import MultiDictProxy

from bridge.firm.conversation import ConversationKind
from bridge.firm.model import Staff
from bridge.operations import overview as seen
from bridge.operations.channels.changing import join_channel, make_channel
from bridge.operations.channels.finding import channel_of
from bridge.operations.conversations.direct import open_direct
from bridge.operations.conversations.participants import Done, add_people, remove_people
from bridge.operations.matters.changing import join_conversation, start_conversation
from bridge.operations.matters.finding import conversations_of
from bridge.operations.panel import sign_out, sign_out_everywhere
from bridge.refusal import CommandError, Refusal
from bridge.web.panel import pages
from bridge.web.panel.pages import Asking
from bridge.web.panel.rendering import message
from bridge.web.panel.safety import FORM_TOKEN, drop_session
from bridge.wording.markdown import enumerated, notice
from bridge.wording.refusals import worded

Form = MultiDictProxy[str | bytes | bytearray | web.FileField]
_ONCE = re.compile(r"[0-9a-f]{16}")
_TITLE_MAX = 1000
_PEOPLE_MAX = 5000


def _text(form: Form, name: str) -> str:
    given = form.get(name, "")
    return given.replace("\0", "")[:_TITLE_MAX] if isinstance(given, str) else ""


def _people(asked: Asking, form: Form, name: str = "person") -> dict[str, Staff]:
    """Who is named in a form, by staff id; whoever does not work here is nobody."""
    firm = asked.desk.firm()
    given = [one for one in form.getall(name, ()) if isinstance(one, str)][:_PEOPLE_MAX]
    return {one: firm.staff[one] for one in given if one in firm.active_staff}


def _cause(asked: Asking, form: Form) -> str:
    """What makes a form that is sent twice happen once, and another one filled in on the same page not the same.

    Raises HTTPBadRequest for a form that is none of ours.
    """
    once = _text(form, "once")
    if not _ONCE.fullmatch(once):
        raise web.HTTPBadRequest
    fields = sorted((name, str(value)) for name, value in form.items() if name != FORM_TOKEN)
    said = hashlib.sha256(repr((asked.request.path, fields)).encode("utf-8", "replace")).hexdigest()[:16]
    return f"panel/{asked.person.id}/{once}/{said}"


def said(error: Refusal | CommandError) -> str:
    """A refusal in the bot's words, without markup."""
    body: str = notice(worded(error))["body"]
    return body


def _there(address: str) -> web.Response:
    """Show a page after something was done, so that loading it again does nothing."""
    return web.Response(status=303, headers={"Location": address})


async def change_participants(asked: Asking, form: Form) -> web.StreamResponse:
    """Add who was ticked, take out who was unticked. Who else came or went meanwhile stays as they are."""
    view = await seen.view(asked.desk, asked.person.id, asked.part("conversation"))
    if view is None or not view.entry.mine:
        return pages.not_there()
    ticked, were = _people(asked, form), _people(asked, form, "was")
    added = [person for key, person in ticked.items() if key not in were]
    removed = [person for key, person in were.items() if key not in ticked]
    cause, done = _cause(asked, form), dict[str, Done]()
    try:
        if added:
            done |= (await add_people(asked.desk, asked.person, view.entry.id, added, f"{cause}/add")).done
        if removed:
            done |= (await remove_people(asked.desk, asked.person, view.entry.id, removed, f"{cause}/out")).done
    except Refusal as error:
        return await pages.participants(replace(asked, told=said(error), refused=True))
    if asked.person.id in {person.id for person in removed}:
        return _there(f"/conversation/{view.entry.id}")
    told = _done_in_words(done, {**were, **ticked}) or "Nothing was changed."
    return await pages.participants(replace(asked, told=told))


def _done_in_words(done: Mapping[str, Done], people: Mapping[str, Staff]) -> str:
    by_what: dict[Done, list[str]] = {}
    for staff_id, what in done.items():
        by_what.setdefault(what, []).append(people[staff_id].name)
    return " ".join(f"{what.capitalize()}: {enumerated(sorted(names))}." for what, names in by_what.items())


async def join(asked: Asking, form: Form) -> web.StreamResponse:
    """Join a channel, or a conversation of a matter that the person has access to."""
    view = await seen.view(asked.desk, asked.person.id, asked.part("conversation"))
    if view is None or view.entry.mine:
        return pages.not_there() if view is None else _there(f"/conversation/{view.entry.id}")
    cause = _cause(asked, form)
    try:
        if view.entry.kind is ConversationKind.CHANNEL and (found := await channel_of(asked.desk, view.entry.id)):
            await join_channel(asked.desk, asked.person, found, cause)
        elif view.matter is not None:
            held = await conversations_of(asked.desk, view.matter)
            one = next(each.conversation for each in held if each.conversation.id == view.entry.id)
            await join_conversation(asked.desk, asked.person, view.matter, one, cause)
    except Refusal as error:
        return await pages.files(replace(asked, told=said(error), refused=True))
    return _there(f"/conversation/{view.entry.id}")


async def start_in_matter(asked: Asking, form: Form) -> web.StreamResponse:
    """Start a conversation in a matter."""
    found = await seen.matter_view(asked.desk, asked.person.id, asked.part("matter"))
    if found is None:
        return pages.not_there()
    title, people, cause = _text(form, "title"), _people(asked, form), _cause(asked, form)
    try:
        started = await start_conversation(asked.desk, asked.person, found.matter, title, list(people.values()), cause)
    except Refusal as error:
        return await pages.matter(_again(asked, said(error), title, people))
    return await _to_room(asked, started.room_id)


async def open_conversation(asked: Asking, form: Form) -> web.StreamResponse:
    """Open the direct conversation with the people who were ticked."""
    people, cause = _people(asked, form), _cause(asked, form)
    try:
        opened = await open_direct(asked.desk, asked.person, list(people.values()), cause)
    except Refusal as error:
        return await pages.new_direct(_again(asked, said(error), "", people))
    return await _to_room(asked, opened.room_id)


async def create_channel(asked: Asking, form: Form) -> web.StreamResponse:
    """Make a channel with the people who were ticked."""
    title, people, cause = _text(form, "title"), _people(asked, form), _cause(asked, form)
    try:
        made = await make_channel(asked.desk, asked.person, title, "", list(people.values()), cause)
    except Refusal as error:
        return await pages.new_channel(_again(asked, said(error), title, people))
    return await _to_room(asked, made.room_id)


def _again(asked: Asking, told: str, title: str, people: Iterable[str]) -> Asking:
    """The form once more, as it was filled in."""
    return replace(asked, told=told, refused=True, typed={"title": title, "people": frozenset(people)})


async def _to_room(asked: Asking, room_id: str) -> web.Response:
    conversation_id = await seen.conversation_in(asked.desk, room_id)
    return _there(f"/conversation/{conversation_id}" if conversation_id else "/")


async def out(asked: Asking, form: Form) -> web.StreamResponse:
    """Sign out in this browser."""
    await sign_out(asked.desk, asked.session)
    return _signed_out()


async def out_everywhere(asked: Asking, form: Form) -> web.StreamResponse:
    """Sign out in every browser."""
    await sign_out_everywhere(asked.desk, asked.person.id)
    return _signed_out()


def _signed_out() -> web.Response:
    response = message(
        "You are signed out", "To come back, ask the bot for a link: type !panel in your chat with it.", 200
    )
    drop_session(response)
    return response
