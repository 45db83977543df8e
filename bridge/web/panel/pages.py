"""The pages: what stands beside each, and how each is asked for (P1)."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import web

from bridge.desk import Desk
from bridge.firm.conversation import ConversationKind
from bridge.firm.model import MatterStatus, Staff
from bridge.firm.names import has_words, searched
from bridge.firm.policy import desired_participants, may_access
from bridge.mapping.file_words import FileSearch as Wanted
from bridge.mapping.file_words import sought
from bridge.mapping.files import shown_name
from bridge.mapping.names import matter_name
from bridge.operations import overview as seen
from bridge.operations.channels.finding import channels_of_firm, channels_seen, channels_with
from bridge.operations.conversations.pins import Pinned, board_of
from bridge.operations.conversations.pins import pinned as pinned_messages
from bridge.operations.files.listing import After, FileSeen, files_seen
from bridge.operations.matters.finding import matters_seen
from bridge.operations.panel import sessions
from bridge.web.panel.rendering import message, page
from bridge.web.panel.safety import form_token
from bridge.wording.files import size, type_of
from bridge.wording.moments import moment_in
from bridge.wording.places import name_for

Values = dict[str, Any]
TABS = (("files", "Files"), ("pinned", "Pinned"), ("participants", "Participants"))
_PAGE = 200
"""Matters on one page."""
_FOUND = 20
"""Of each kind that a search shows."""
_QUERY_MAX = 200
_FILES = 50
"""On one page."""
_WORDS_MAX = 10
NOT_THERE = (
    "There is nothing here that you can see. It may have been renamed, or you may have no access to it any more."
)


@dataclass(frozen=True, slots=True)
class Asking:
    """A request of somebody who is signed in."""

    request: web.Request
    desk: Desk
    person: Staff
    session: str
    told: str = ""
    """What became of what they did last."""
    refused: bool = False
    typed: Mapping[str, Any] | None = None
    """What they had typed into the form, where it is shown again."""

    def part(self, name: str) -> str:
        """A part of the address."""
        return self.request.match_info[name]

    def query(self, name: str) -> str:
        """What stands behind the address under this name; empty where nothing does."""
        return self.request.query.get(name, "").replace("\0", "")[:_QUERY_MAX]


Page = Callable[[Asking], Awaitable[web.StreamResponse]]


async def framed(asked: Asking, template: str, title: str, here: str = "", **values: Any) -> web.Response:
    """A page with the person's lists beside it."""
    lists = await seen.overview(asked.desk, asked.person.id)
    unread = await seen.unread(asked.desk, asked.person.id)
    frame: Values = {
        "firm": asked.desk.settings.firm.name,
        "title": title,
        "here": here,
        "person": asked.person,
        "lists": lists,
        "unread": unread,
        "token": form_token(asked.session),
        "once": secrets.token_hex(8),
        "told": asked.told,
        "refused": asked.refused,
    }
    if template == "home":
        mine = [*lists.direct, *(one for shelf in lists.matters for one in shelf.entries), *lists.channels]
        values["waiting"] = [(one, unread[one.room_id]) for one in mine if unread.get(one.room_id)]
    return page(template, frame | values, 422 if asked.refused else 200)


def not_there() -> web.Response:
    """For what is not there and for what this person must not know of alike (M3)."""
    return message("Nothing here", NOT_THERE, 404, back=True)


async def home(asked: Asking) -> web.StreamResponse:
    """What is new."""
    return await framed(asked, "home", "Messages")


def room_address(desk: Desk, room_id: str, event_id: str = "") -> str:
    """Where the firm's client shows a room, or a message in it; empty without a room."""
    if not room_id:
        return ""
    behind = f"/{quote(event_id, safe='')}" if event_id else ""
    return f"{desk.settings.panel.client}{quote(room_id, safe='!:')}{behind}"


async def _conversation(asked: Asking, view: seen.View, tab: str, **values: Any) -> web.Response:
    entry = view.entry
    common: Values = {
        "entry": entry,
        "view": view,
        "tabs": TABS,
        "tab": tab,
        "opened": room_address(asked.desk, entry.room_id),
    }
    title = entry.name if tab == "files" else f"{dict(TABS)[tab]} · {entry.name}"
    return await framed(asked, tab, title, entry.id, **(common | values))


async def files(asked: Asking) -> web.StreamResponse:
    """The files of a conversation, and what the conversation is."""
    view = await seen.view(asked.desk, asked.person.id, asked.part("conversation"))
    if view is None:
        return not_there()
    found, after = await _files(asked, view.entry.id) if view.entry.mine else ((), "")
    return await _conversation(
        asked,
        view,
        "files",
        files=[file_row(asked.desk, asked.person, one) for one in found],
        following=f"?after={quote(after)}" if after else "",
        nothing="There are no files here yet." if view.entry.mine else "Join to see its files, pins and participants.",
    )


async def pinned(asked: Asking) -> web.StreamResponse:
    """The pinned messages of a conversation."""
    view = await seen.view(asked.desk, asked.person.id, asked.part("conversation"))
    if view is None or not view.entry.mine:
        return not_there()
    pins = [
        {
            "author": one.author,
            "text": shown_name(one.text),
            "pinned_by": _name(asked.desk, one.pinned_by),
            "pinned_at": moment_in(asked.desk.settings.firm, one.pinned_at) if one.pinned_at else "",
            "link": room_address(asked.desk, one.room_id, one.event_id),
        }
        for one in await _pins(asked, view)
    ]
    return await _conversation(asked, view, "pinned", pins=pins)


async def participants(asked: Asking) -> web.StreamResponse:
    """Who is in a conversation, to be ticked where that can be changed."""
    view = await seen.view(asked.desk, asked.person.id, asked.part("conversation"))
    if view is None or not view.entry.mine:
        return not_there()
    why_fixed = ""
    if view.entry.kind is ConversationKind.DIRECT:
        why_fixed = "Nobody is added to a direct conversation, so that what was said stays with those who said it."
    elif view.everyone:
        why_fixed = "Everybody in the firm is in it."
    elif view.entry.read_only:
        why_fixed = "It is closed, so who is in it stays as it is."
    firm, today = asked.desk.firm(), asked.desk.today()
    might = [
        person
        for person in _by_name(firm.staff[one] for one in firm.active_staff)
        if view.matter is None or may_access(firm, person.id, view.matter, today)
    ]
    inside = {person.id for person in view.people}
    return await _conversation(
        asked,
        view,
        "participants",
        may_change=not why_fixed,
        why_fixed=why_fixed,
        people=[(person, person.id in inside) for person in might],
    )


async def matter(asked: Asking) -> web.StreamResponse:
    """A matter with all its conversations, and a form to start one."""
    found = await seen.matter_view(asked.desk, asked.person.id, asked.part("matter"))
    if found is None:
        return not_there()
    firm, today = asked.desk.firm(), asked.desk.today()
    typed = asked.typed or {}
    might = [
        person
        for person in _by_name(firm.staff[one] for one in firm.active_staff)
        if person.id != asked.person.id and may_access(firm, person.id, found.matter, today)
    ]
    one = found.matter
    return await framed(
        asked,
        "matter",
        matter_name(one),
        f"matter {one.id}",
        matter=one,
        status=str(one.status).capitalize(),
        entries=found.entries,
        may_start=one.status in {MatterStatus.OPEN, MatterStatus.PENDING},
        title_typed=typed.get("title", ""),
        people=[(person, person.id in typed.get("people", ())) for person in might],
    )


async def matters(asked: Asking) -> web.StreamResponse:
    """Every matter that the person may see, a page at a time."""
    start = int(asked.query("from")) if asked.query("from").isdecimal() else 0
    found = matters_seen(asked.desk, asked.person, ())
    following = f"?from={start + _PAGE}" if len(found) > start + _PAGE else ""
    return await framed(asked, "matters", "Matters", matters=found[start : start + _PAGE], following=following)


async def channels(asked: Asking) -> web.StreamResponse:
    """Every channel."""
    found = await channels_seen(asked.desk, asked.person, await channels_of_firm(asked.desk))
    open_first = sorted(found, key=lambda one: one.channel.archived)
    return await framed(asked, "channels", "Channels", channels=open_first)


async def new_direct(asked: Asking) -> web.StreamResponse:
    """The form for a direct conversation."""
    return await _new(asked, "New direct conversation", named=False)


async def new_channel(asked: Asking) -> web.StreamResponse:
    """The form for a channel."""
    return await _new(asked, "New channel", named=True)


async def _new(asked: Asking, heading: str, *, named: bool) -> web.Response:
    firm, typed = asked.desk.firm(), asked.typed or {}
    others = _by_name(firm.staff[one] for one in firm.active_staff if one != asked.person.id)
    people = [(person, person.id in typed.get("people", ())) for person in others]
    title = typed.get("title", "")
    return await framed(asked, "new", heading, heading=heading, named=named, people=people, title_typed=title)


async def search(asked: Asking) -> web.StreamResponse:
    """Channels, matters, people and files that have the words."""
    desk, query = asked.desk, " ".join(asked.query("q").split())
    words = query.split()
    if not words:
        return await framed(asked, "search", "Search", query="", channels=(), matters=(), people=(), files=())
    firm = desk.firm()
    found_channels = [
        (f"/conversation/{one.id}", one.title, one.topic) for one in (await channels_with(desk, query))[:_FOUND]
    ]
    found_matters = [
        (f"/matter/{one.id}", matter_name(one), one.client) for one in matters_seen(desk, asked.person, words)[:_FOUND]
    ]
    people = [
        ("", person.name, person.role)
        for person in _by_name(firm.staff[one] for one in firm.active_staff)
        if has_words(searched(person.name), words)
    ]
    found, _ = await _files(asked, "", tuple(sought(query))[:_WORDS_MAX])
    return await framed(
        asked,
        "search",
        f"Found for {query}",
        query=query,
        channels=found_channels,
        matters=found_matters,
        people=people[:_FOUND],
        files=[file_row(desk, asked.person, one, everywhere=True) for one in found],
        following="",
        nothing="",
    )


async def signed_in_where(asked: Asking) -> web.StreamResponse:
    """The person's sessions."""
    firm = asked.desk.settings.firm
    rows = [
        {
            "browser": one.browser or "A browser that does not say what it is",
            "begun": moment_in(firm, one.begun_at),
            "used": moment_in(firm, one.used_at),
        }
        for one in await sessions(asked.desk, asked.person.id)
    ]
    return await framed(asked, "sessions", "Where you are signed in", "sessions", sessions=rows)


async def _files(
    asked: Asking, conversation_id: str, words: tuple[tuple[str, ...], ...] | None = None
) -> tuple[Sequence[FileSeen], str]:
    """A page of files, and what the next one begins after; empty at the end. Of all where no conversation is named."""
    if words is not None and not words:
        return (), ""
    wanted = Wanted(conversation_id, words=words or ())
    found = await files_seen(asked.desk, asked.person, wanted, _after(asked.query("after")), _FILES)
    return found.files, "" if found.following is None else str(found.following[0])


def _after(text: str) -> After | None:
    """Where a page of files begins; None for the first one, and for what is no such place."""
    return (int(text),) if text.isascii() and text.isdecimal() and len(text) < 19 else None


async def _pins(asked: Asking, view: seen.View) -> list[Pinned]:
    user_id = await seen.account_of(asked.desk, asked.person.id)
    return await pinned_messages(asked.desk, await board_of(asked.desk, view.conversation, user_id))


def file_row(desk: Desk, person: Staff, one: FileSeen, *, everywhere: bool = False) -> Values:
    """A file as the table shows it."""
    where = one.conversation
    here = "" if where is None else where.id
    # A file is handed over only to those in its conversation; the others see where it is.
    inside = where is not None and person.id in desired_participants(desk.firm(), where, desk.today())
    behind = f"/file/{quote(one.event_id, safe='')}" if inside else ""
    return {
        "name": shown_name(one.name.strip()),
        "type": type_of(one.name, one.type, one.kind),
        "size": size(one.size),
        "sender": one.sender,
        "sent": moment_in(desk.settings.firm, one.at_ms),
        "caption": shown_name(" ".join(one.caption.split())),
        "place": "" if where is None or not everywhere else name_for(desk.firm(), where, person.id),
        "conversation_id": here,
        "number": one.version,
        "versions": one.versions,
        "download": f"/conversation/{here}{behind}",
    }


def _name(desk: Desk, staff_id: str) -> str:
    person = desk.firm().staff.get(staff_id)
    return "" if person is None else person.name


def _by_name(people: Iterable[Staff]) -> list[Staff]:
    return sorted(people, key=lambda person: person.name.casefold())
