"""What an open page is told of: that something of what it may show has changed (P3).

A page is never told what changed, and of nothing that the person may not see: what they see is made anew and compared,
and a message counts only in a room of theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from bridge.desk import Desk
from bridge.firm.errors import BridgeError
from bridge.firm.model import Firm
from bridge.operations.overview import account_of, changes_lists, overviews, sees
from bridge.operations.panel import signed_in
from bridge.operations.watched import is_told_of, watched
from bridge.web.panel.safety import HEADERS

_TOGETHER_SECONDS = 0.5
"""What changes within that time is told once."""
_LOOK_SECONDS = 2.0
"""So often a page is looked after: whether it is still there, and whether the firm changed."""
_OPEN_FOR_ONE = 20
"""Pages of one person that are told; a further one takes the place of the oldest."""
_ABOUT_MAX = 200
_AT_ONCE = 50
"""Pages whose lists are made anew by one look, for which others wait."""


@dataclass(eq=False)
class _Page:
    """An open page."""

    staff_id: str
    user_id: str
    about: str
    """What it shows besides the lists (bridge/operations/watched.py)."""
    firm: Firm
    sees: int
    widget: str = ""
    """The id of the conversation beside whose messages it is; empty for a page of the panel itself."""
    mark: str = ""
    rooms: frozenset[str] = frozenset()
    """Those of theirs, in which whatever happens is told."""
    watched: frozenset[str] = frozenset()
    """Those in which what the page is about may change."""
    maybe: asyncio.Event = field(default_factory=asyncio.Event)
    """Set where it may have to be told."""
    written: bool = False
    """Whether something happened in a room of theirs."""
    ended: bool = False


class Live:
    """The open pages."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pages: list[_Page] = []
        self._waiting: list[_Page] = []
        """Those whose lists are to be made anew."""
        self._looking = asyncio.Lock()
        desk.store.listen(self._stored)

    @property
    def count(self) -> int:
        """How many pages are told."""
        return len(self._pages)

    def _stored(self, news: Sequence[object]) -> None:
        for_all = any(changes_lists(one) for one in news)
        for page in self._pages:
            if for_all or any(is_told_of(page.about, one, page.watched) for one in news):
                page.maybe.set()

    def heard(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take note of what came from the homeserver."""
        if not self._pages:
            return
        rooms = {event.get("room_id") for event in events}
        moved = {event.get("state_key") for event in events if event.get("type") == "m.room.member"}
        for page in self._pages:
            if page.user_id in moved or not page.rooms.isdisjoint(rooms):
                page.written = True
                page.maybe.set()
            elif not page.watched.isdisjoint(rooms):
                page.maybe.set()

    async def close(self) -> None:
        """End every stream, so that nothing waits for pages that stay open."""
        for page in self._pages:
            self._end(page)

    def _end(self, page: _Page) -> None:
        page.ended = True
        page.maybe.set()

    async def stream(self, request: web.Request, session: str, staff_id: str, widget: str = "") -> web.StreamResponse:
        """Tell one page until it is closed, or the session is over. `widget` is the conversation that it is beside."""
        desk = self._desk
        theirs = [page for page in self._pages if page.staff_id == staff_id]
        for page in theirs[: max(0, len(theirs) + 1 - _OPEN_FOR_ONE)]:
            self._end(page)
        # What is beside a conversation is about nothing else, whatever it asks for.
        about = widget or request.query.get("about", "").replace("\0", "")[:_ABOUT_MAX]
        page = _Page(staff_id, await account_of(desk, staff_id), about, desk.firm(), sees(desk, staff_id), widget)
        self._pages.append(page)
        response = EventSourceResponse(headers=HEADERS, ping_interval=25)
        try:
            await self._look(page)
            await response.prepare(request)
            async with response:
                # The page compares it with the lists that it was made with.
                await response.send(page.mark, event="open")
                while response.is_connected() and not page.ended and await self._is_told(page, response, session):
                    continue
        except (ConnectionResetError, TimeoutError, BridgeError):
            # It was closed, takes nothing in, or the lists cannot be made: the page begins a stream anew by itself.
            pass
        finally:
            self._pages.remove(page)
        return response

    async def _is_told(self, page: _Page, response: EventSourceResponse, session: str) -> bool:
        """Wait a moment for what may change, and tell the page where it does; False where the session is over."""
        with suppress(TimeoutError):
            await asyncio.wait_for(page.maybe.wait(), _LOOK_SECONDS)
        if page.ended:
            return False
        if page.firm is not self._desk.firm():
            page.firm, now = self._desk.firm(), sees(self._desk, page.staff_id)
            page.written, page.sees = page.written or now != page.sees, now
            page.maybe.set()
        if not page.maybe.is_set():
            return True
        await asyncio.sleep(_TOGETHER_SECONDS)
        page.maybe.clear()
        if await signed_in(self._desk, session, page.widget) is None:
            return False
        before, written, page.written = page.mark, page.written, False
        await self._look(page)
        if written or page.mark != before:
            await response.send(page.mark, event="changed")
        return True

    async def _look(self, page: _Page) -> None:
        """Make the lists of a page anew, together with those of all others that wait for it at the same time."""
        self._waiting.append(page)
        try:
            async with self._looking:
                while page in self._waiting:
                    await self._look_at_some()
        finally:
            if page in self._waiting:
                self._waiting.remove(page)

    async def _look_at_some(self) -> None:
        some, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
        try:
            lists = await overviews(self._desk, {one.staff_id for one in some})
            shown = {one: await watched(self._desk, one.staff_id, one.about) for one in some}
        except BaseException:
            # Each of the others looks for itself.
            self._waiting += some
            raise
        for one in some:
            one.mark, one.rooms = lists[one.staff_id].mark() + shown[one].mark, lists[one.staff_id].rooms()
            one.watched = shown[one].rooms
