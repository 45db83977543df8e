"""What an open page is told of: that something of what it may show has changed (P3).

A page is never told what changed, and of nothing that the person may not see: their lists are made anew and compared,
and a message counts only in a room of theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from bridge.desk import Desk
from bridge.operations.overview import Overview, overview
from bridge.operations.panel import signed_in

_TOGETHER_SECONDS = 0.5
"""What changes within that time is told once."""
_OPEN_FOR_ONE = 20
"""Pages of one person that are told; more wait until one is closed."""


@dataclass(eq=False)
class _Page:
    """An open page."""

    staff_id: str
    seen: Overview
    rooms: frozenset[str]
    maybe: asyncio.Event = field(default_factory=asyncio.Event)
    """Set where it may have to be told."""
    written: bool = False
    """Whether somebody wrote in a room of theirs."""


class Live:
    """The open pages."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pages: set[_Page] = set()
        desk.store.listen(self._stored)

    def _stored(self, news: object) -> None:
        for page in self._pages:
            page.maybe.set()

    def heard(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take note of what came from the homeserver."""
        if not self._pages:
            return
        rooms = {event.get("room_id") for event in events}
        for page in self._pages:
            if not page.rooms.isdisjoint(rooms):
                page.written = True
                page.maybe.set()

    async def stream(self, request: web.Request, session: str, staff_id: str) -> web.StreamResponse:
        """Tell one page until it is closed, or the session is over."""
        if sum(page.staff_id == staff_id for page in self._pages) >= _OPEN_FOR_ONE:
            return web.Response(status=429, text="Too many pages of the panel are open. Close some.")
        seen = await overview(self._desk, staff_id)
        page = _Page(staff_id, seen, seen.rooms())
        response = EventSourceResponse(ping_interval=25)
        await response.prepare(request)
        self._pages.add(page)
        try:
            async with response:
                # A page that lost its stream asks for what it missed.
                await response.send("open", event="changed")
                while response.is_connected():
                    await page.maybe.wait()
                    await asyncio.sleep(_TOGETHER_SECONDS)
                    page.maybe.clear()
                    if await signed_in(self._desk, session) is None:
                        break
                    if await self._changed(page):
                        await response.send("again", event="changed")
        except ConnectionResetError:
            # The page was closed.
            pass
        finally:
            self._pages.discard(page)
        return response

    async def _changed(self, page: _Page) -> bool:
        now = await overview(self._desk, page.staff_id)
        changed = page.written or now != page.seen
        page.seen, page.rooms, page.written = now, now.rooms(), False
        return changed
