"""The magnifying glass: one bar for all that a person may see (P1, P5)."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from bridge.firm.names import has_words, searched
from bridge.mapping.file_words import FileSearch, sought
from bridge.operations.channels.finding import channels_with
from bridge.operations.files.listing import FilesPage, files_seen
from bridge.operations.matters.finding import matters_seen
from bridge.web.panel.files import file_row
from bridge.web.panel.pages import Asking, by_name, framed

_FOUND = 20
"""Of each kind that a search shows."""
_WORDS_MAX = 10


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
        (f"/matter/{one.id}", f"{one.number} {one.title}", one.client)
        for one in matters_seen(desk, asked.person, words)[:_FOUND]
    ]
    people = [
        ("", person.name, person.role)
        for person in by_name(firm.staff[one] for one in firm.active_staff)
        if has_words(searched(person.name), words)
    ]
    wanted = FileSearch(words=tuple(sought(query))[:_WORDS_MAX])
    found = await files_seen(desk, asked.person, wanted, None, _FOUND) if wanted.words else FilesPage((), None)
    return await framed(
        asked,
        "search",
        f"Found for {query}",
        query=query,
        channels=found_channels,
        matters=found_matters,
        people=people[:_FOUND],
        files=[file_row(desk, asked.person, one, everywhere=True) for one in found.files],
        following=f"/files?{urlencode({'q': query})}" if found.following else "",
        nothing="",
    )
