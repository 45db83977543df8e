"""A conversation: its files, pinned messages and participants, and what there is to say about it (P1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from aiohttp import web

from bridge.desk import Desk
from bridge.firm.conversation import ConversationKind
from bridge.firm.model import Staff
from bridge.firm.policy import desired_participants, may_access
from bridge.mapping.file_words import FileSearch as Wanted
from bridge.mapping.files import shown_name
from bridge.operations import overview as seen
from bridge.operations.conversations.pins import Pinned, board_of
from bridge.operations.conversations.pins import pinned as pinned_messages
from bridge.operations.files.listing import After, FileSeen, files_seen
from bridge.web.panel.pages import Asking, Values, by_name, framed, name_of, not_there
from bridge.wording.files import size, type_of
from bridge.wording.moments import moment_in
from bridge.wording.places import name_for

TABS = (("files", "Files"), ("pinned", "Pinned"), ("participants", "Participants"), ("about", "About"))
_FILES = 50
"""On one page."""


def room_address(desk: Desk, room_id: str, event_id: str = "") -> str:
    """Where the firm's client shows a room, or a message in it; empty without a room."""
    if not room_id:
        return ""
    behind = f"/{quote(event_id, safe='')}" if event_id else ""
    return f"{desk.settings.panel.client}{quote(room_id, safe='!:')}{behind}"


async def tabbed(asked: Asking, view: seen.View, tab: str, **values: Any) -> web.Response:
    """A tab of a conversation, with what stands above all of them."""
    entry = view.entry
    common: Values = {
        "entry": entry,
        "view": view,
        "tabs": TABS,
        "tab": tab,
        "opened": room_address(asked.desk, entry.room_id),
        "restorable": view.conversation.archived and (entry.mine or entry.kind is ConversationKind.CHANNEL),
    }
    title = entry.name if tab == "files" else f"{dict(TABS)[tab]} · {entry.name}"
    return await framed(asked, tab, title, entry.id, **(common | values))


async def files(asked: Asking) -> web.StreamResponse:
    """The files of a conversation, and what the conversation is."""
    view = await seen.view(asked.desk, asked.person.id, asked.part("conversation"))
    if view is None:
        return not_there()
    found, after = await found_files(asked, view.entry.id) if view.entry.mine else ((), "")
    return await tabbed(
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
            "pinned_by": name_of(asked.desk, one.pinned_by),
            "pinned_at": moment_in(asked.desk.settings.firm, one.pinned_at) if one.pinned_at else "",
            "link": room_address(asked.desk, one.room_id, one.event_id),
        }
        for one in await _pins(asked, view)
    ]
    return await tabbed(asked, view, "pinned", pins=pins)


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
    firm, today = asked.desk.firm(), asked.desk.reconciler.today()
    might = [
        person
        for person in by_name(firm.staff[one] for one in firm.active_staff)
        if view.matter is None or may_access(firm, person.id, view.matter, today)
    ]
    inside = {person.id for person in view.people}
    return await tabbed(
        asked,
        view,
        "participants",
        may_change=not why_fixed,
        why_fixed=why_fixed,
        people=[(person, person.id in inside) for person in might],
    )


async def found_files(
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
    inside = where is not None and person.id in desired_participants(desk.firm(), where, desk.reconciler.today())
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
