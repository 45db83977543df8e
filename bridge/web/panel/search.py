"""The magnifying glass: one bar for all that a person may see (P1, P5)."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from aiohttp import web

from bridge.firm.names import has_words, searched
from bridge.mapping.file_words import FileSearch, sought
from bridge.mapping.files import shown_name
from bridge.mapping.names import matter_name
from bridge.operations.channels.finding import channels_with
from bridge.operations.files.listing import FilesPage, files_seen
from bridge.operations.matters.finding import matters_seen
from bridge.operations.messages import MessageFound, messages_with
from bridge.web.panel.conversation import room_address, seen_address
from bridge.web.panel.files import file_row
from bridge.web.panel.pages import PanelRequest, Values, by_name, framed
from bridge.web.panel.rendering import part
from bridge.wording.moments import moment_in
from bridge.wording.places import name_for

_FOUND = 20
"""Of each kind that a search shows."""
_WORDS_MAX = 10
_TEXT_SHOWN = 300
"""Characters of a message."""


async def search(asked: PanelRequest) -> web.StreamResponse:
    """Channels, matters, people, files and messages that have the words."""
    query = " ".join(asked.query("q").split())
    # What was found stays on a page that asks for itself again, so that nothing is searched for twice.
    if not query or asked.refreshes:
        return await framed(asked, "search", f"Found for {query}" if query else "Search", query=query, found=None)
    messages = await messages_with(asked.desk, asked.person, query, _FOUND)
    groups = [("Channels", await _channels(asked, query)), ("Matters", _matters(asked, query))]
    groups.append(("People", _people(asked, query)))
    found = await _files(asked, query)
    return await framed(
        asked,
        "search",
        f"Found for {query}",
        query=query,
        found=[(heading, rows) for heading, rows in groups if rows],
        files=[file_row(asked.desk, asked.person, one, everywhere=True) for one in found.files],
        following=f"/files?{urlencode({'q': query})}" if found.following else "",
        nothing="",
        messages=[_message(asked, one) for one in messages or ()],
        searched=messages is not None,
        most=_FOUND,
    )


Rows = Sequence[tuple[str, str, str]]
"""The address, name and more of each thing that was found."""


async def _channels(asked: PanelRequest, query: str) -> Rows:
    found = (await channels_with(asked.desk, query))[:_FOUND]
    return [(f"/conversation/{one.id}", one.title, "archived" if one.archived else one.topic) for one in found]


def _matters(asked: PanelRequest, query: str) -> Rows:
    found = matters_seen(asked.desk, asked.person, query.split())[:_FOUND]
    return [(f"/matter/{part(one.id)}", matter_name(one), one.client) for one in found]


def _people(asked: PanelRequest, query: str) -> Rows:
    firm = asked.desk.firm()
    found = [
        (f"/new/direct?{urlencode({'with': one.id})}" if one != asked.person else "", one.name, one.role)
        for one in by_name(firm.staff[one] for one in firm.active_staff)
        if has_words(searched(one.name), query.split())
    ]
    return found[:_FOUND]


async def _files(asked: PanelRequest, query: str) -> FilesPage:
    wanted = FileSearch(words=tuple(sought(query))[:_WORDS_MAX])
    return await files_seen(asked.desk, asked.person, wanted, None, _FOUND) if wanted.words else FilesPage((), None)


def _message(asked: PanelRequest, one: MessageFound) -> Values:
    text = shown_name(one.text)
    return {
        "author": one.author,
        "text": text if len(text) <= _TEXT_SHOWN else f"{text[:_TEXT_SHOWN]}…",
        "said": moment_in(asked.desk.settings.firm, one.at_ms),
        "place": name_for(asked.desk.firm(), one.conversation, asked.person.id),
        "conversation": f"/conversation/{one.conversation.id}",
        "seen": seen_address(one.conversation.id, one.event_id),
        "link": room_address(asked.desk, one.room_id, one.event_id),
    }
