"""What the page beside the messages shows of its conversation, a part at a time: to read, and to jump to a message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from bridge.mapping.files import shown_name
from bridge.operations import overview as seen
from bridge.operations.about import about_conversation
from bridge.operations.conversations.pins import board_of
from bridge.operations.conversations.pins import pinned as pinned_messages
from bridge.operations.files.listing import files_seen
from bridge.web.panel.about import facts_of
from bridge.web.panel.files import asked_for, file_row, place, read_after
from bridge.web.panel.lists import PAGE
from bridge.web.panel.pages import PanelRequest, name_of
from bridge.web.panel.rendering import page
from bridge.wording.moments import moment_in

_FILES = 30
"""At once."""
_LINK = "https://matrix.to/#/"
"""What stands before a room in the links that a client is asked to go to (MSC2931, MSC1961)."""


def message_address(room_id: str, event_id: str) -> str:
    """Where a client goes to show a message."""
    return f"{_LINK}{quote(room_id, safe='!:')}/{quote(event_id, safe='$')}"


async def files(asked: PanelRequest, view: seen.View) -> web.StreamResponse:
    """The files of the conversation, the newest first, with what was searched for."""
    wanted = asked_for(asked, view.entry.id)
    found = await files_seen(asked.desk, asked.person, wanted, read_after(asked.query("after"), wanted.order), _FILES)
    rows = [
        {**file_row(asked.desk, asked.person, one), "link": message_address(one.room_id, one.event_id)}
        for one in found.files
    ]
    following = "" if found.following is None else place(found.following)
    return _part("files", asked, view, files=rows, following=following, query=asked.query("q"))


async def pinned(asked: PanelRequest, view: seen.View) -> web.StreamResponse:
    """The pinned messages of the conversation."""
    board = await board_of(asked.desk, view.conversation, await seen.account_of(asked.desk, asked.person.id))
    firm = asked.desk.settings.firm
    pins = [
        {
            "author": one.author,
            "text": shown_name(one.text),
            "by": name_of(asked.desk, one.pinned_by),
            "at": moment_in(firm, one.pinned_at) if one.pinned_at else "",
            "link": message_address(one.room_id, one.event_id),
        }
        for one in await pinned_messages(asked.desk, board)
    ]
    return _part("pinned", asked, view, pins=pins)


async def participants(asked: PanelRequest, view: seen.View) -> web.StreamResponse:
    """Who is in the conversation."""
    return _part("participants", asked, view, people=view.people[:PAGE], more=max(0, len(view.people) - PAGE))


async def about(asked: PanelRequest, view: seen.View) -> web.StreamResponse:
    """What the conversation is, and why the person sees it."""
    told = await about_conversation(asked.desk, asked.person, view)
    return _part("about", asked, view, facts=list(facts_of(asked.desk, view, told)))


def _part(name: str, asked: PanelRequest, view: seen.View, **values: Any) -> web.Response:
    whole = f"/conversation/{view.entry.id}" + ("" if name == "files" else f"/{name}")
    return page(f"widget/{name}", {"view": view, "entry": view.entry, "whole": whole, **values})


@dataclass(frozen=True, slots=True)
class Tab:
    """A part of what is shown."""

    label: str
    show: Callable[[PanelRequest, seen.View], Awaitable[web.StreamResponse]]


TABS: Final = {
    "files": Tab("Files", files),
    "pinned": Tab("Pinned", pinned),
    "participants": Tab("Participants", participants),
    "about": Tab("About", about),
}
"""By the last part of the address."""
