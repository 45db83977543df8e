"""A conversation: its files, pinned messages and participants, and what there is to say about it (P1)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from aiohttp import web

from bridge.desk import Desk
from bridge.firm.conversation import ConversationKind
from bridge.firm.policy import may_access
from bridge.mapping.files import shown_name
from bridge.operations import overview as seen
from bridge.operations.conversations.pins import board_of, may_pin
from bridge.operations.conversations.pins import pinned as pinned_messages
from bridge.operations.conversations.seen import seen_by
from bridge.operations.watched import of_readers
from bridge.refusal import Refusal
from bridge.web.panel.lists import paged, to_tick
from bridge.web.panel.pages import PanelRequest, Values, framed, name_of, not_there
from bridge.wording.moments import moment_in
from bridge.wording.seen import what_is_not_told

TABS = (("files", "Files"), ("pinned", "Pinned"), ("participants", "Participants"), ("about", "About"))
_FILES = 50
"""On one page."""


def room_address(desk: Desk, room_id: str, event_id: str = "") -> str:
    """Where the firm's client shows a room, or a message in it; empty without a room."""
    if not room_id:
        return ""
    behind = f"/{quote(event_id, safe='')}" if event_id else ""
    return f"{desk.settings.panel.client}{quote(room_id, safe='!:')}{behind}"


async def tabbed(asked: PanelRequest, view: seen.View, tab: str, **values: Any) -> web.Response:
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
    if asked.request.method != "GET":
        common["address"] = f"/conversation/{entry.id}" + ("" if tab == "files" else f"/{tab}")
    title = entry.name if tab == "files" else f"{dict(TABS).get(tab, tab.capitalize())} · {entry.name}"
    about = of_readers(entry.id) if tab == "seen" else ""
    return await framed(asked, tab, title, entry.id, about, **(common | values))


async def pinned(asked: PanelRequest) -> web.StreamResponse:
    """The pinned messages of a conversation."""
    view = await seen.view(asked.desk, asked.person.id, asked.part("conversation"))
    if view is None or not view.entry.mine:
        return not_there()
    board = await board_of(asked.desk, view.conversation, await seen.account_of(asked.desk, asked.person.id))
    pins = [
        {
            "event": one.event_id,
            "author": one.author,
            "text": shown_name(one.text),
            "pinned_by": name_of(asked.desk, one.pinned_by),
            "pinned_at": moment_in(asked.desk.settings.firm, one.pinned_at) if one.pinned_at else "",
            "link": room_address(asked.desk, one.room_id, one.event_id),
            "seen": seen_address(view.entry.id, one.event_id),
        }
        for one in await pinned_messages(asked.desk, board)
    ]
    return await tabbed(asked, view, "pinned", pins=pins, may_unpin=may_pin(asked.desk, asked.person, board))


async def seen_message(asked: PanelRequest) -> web.StreamResponse:
    """Who has read up to a message, and when."""
    view, event_id = await seen.view(asked.desk, asked.person.id, asked.part("conversation")), asked.part("event")
    if view is None or not view.entry.mine:
        return not_there()
    account = await seen.account_of(asked.desk, asked.person.id)
    try:
        found = await seen_by(asked.desk, asked.person, view.conversation, account, event_id)
    except Refusal:
        return not_there()
    some, which = paged(asked, found.people)
    people = [
        (one.person.name, ("" if one.exact else "by ") + moment_in(asked.desk.settings.firm, one.at_ms)) for one in some
    ]
    note = what_is_not_told(told=found.told, in_thread=found.in_thread, anybody=bool(people))
    link = room_address(asked.desk, found.room_id, event_id)
    return await tabbed(asked, view, "seen", seen_by=people, pages=which, note=note, link=link)


def seen_address(conversation_id: str, event_id: str) -> str:
    """The page that says who has read up to a message."""
    return f"/conversation/{conversation_id}/message/{quote(event_id, safe='')}/seen"


async def participants(asked: PanelRequest) -> web.StreamResponse:
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
        for person in map(firm.staff.__getitem__, firm.active_staff)
        if view.matter is None or may_access(firm, person.id, view.matter, today)
    ]
    some, which = paged(asked, view.people)
    inside = {person.id for person in view.people}
    return await tabbed(
        asked,
        view,
        "participants",
        may_change=not why_fixed,
        why_fixed=why_fixed,
        ticks=to_tick(asked, might, inside),
        people=some,
        pages=which,
    )
