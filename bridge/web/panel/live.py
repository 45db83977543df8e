"""What an open page is told of: that something of what it may show has changed (P3).

A page is never told what changed, and of nothing that the person may not see: what they see is made anew and compared,
and a message counts only in a room of theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from time import monotonic

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from bridge.desk import Desk
from bridge.firm.errors import BridgeError
from bridge.firm.model import Firm
from bridge.mapping.event import MEMBER, Event
from bridge.operations.overview import account_of, changes_lists, overviews, sees
from bridge.operations.panel import going_on
from bridge.operations.watched import is_told_of, watched
from bridge.web.panel.safety import HEADERS
from bridge.web.panel.together import Together

_TOGETHER_SECONDS = 0.1
"""What changes within that time is told once."""
_APART_SECONDS = 0.5
"""Between two times that a page is told: one deed is many events."""
_LOOK_SECONDS = 2.0
"""So often pages are looked after: whether each is still there, and whether firm or day changed."""
_OPEN_FOR_ONE = 20
"""Pages of one person that are told; a further one takes the place of the oldest."""
_ABOUT_MAX = 200
_AT_ONCE = 50
"""People whose lists are made anew by one look, for which others wait."""


@dataclass(eq=False)
class _Page:
    """An open page."""

    staff_id: str
    user_id: str
    session: str
    about: str
    """What it shows besides the lists (bridge/operations/watched.py)."""
    response: EventSourceResponse
    firm: Firm
    day: date
    """Walls begin and end with a day, the firm being the same."""
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
    """Whether it is told nothing any more."""
    told_at: float = 0.0
    """When it was last told, by the monotonic clock."""

    def is_of_before(self, firm: Firm, day: date) -> bool:
        """Whether it shows what was seen with another firm, or on another day."""
        return self.firm is not firm or self.day != day


class Live:
    """The open pages."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pages: list[_Page] = []
        self._looked = Together(self._look_at, _of_some_people)
        self._asked = Together(self._ask_whose, list)
        self._after: asyncio.Task[None] | None = None
        """What looks after the pages while there are any."""
        desk.store.listen(self._stored)

    @property
    def count(self) -> int:
        """How many pages are told."""
        return len(self._pages)

    def _stored(self, news: Sequence[object]) -> None:
        desk = self._desk
        firm, day, for_all = desk.firm(), desk.today(), any(changes_lists(one) for one in news)
        for page in self._pages:
            # Not by the news of walls and leavers: what is stored of them is told every few seconds, changed or not.
            if (
                for_all
                or page.is_of_before(firm, day)
                or any(is_told_of(page.about, one, page.watched) for one in news)
            ):
                page.maybe.set()

    def heard(self, events: Iterable[Event]) -> None:
        """Take note of what came from the homeserver."""
        if not self._pages:
            return
        rooms = {event.room_id for event in events}
        moved = {event.state_key for event in events if event.type == MEMBER}
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
        response = EventSourceResponse(headers=HEADERS, ping_interval=25)
        account, firm, day = await account_of(desk, staff_id), desk.firm(), desk.today()
        page = _Page(staff_id, account, session, about, response, firm, day, sees(desk, staff_id), widget)
        self._pages.append(page)
        if self._after is None:
            self._after = asyncio.create_task(self._look_after())
        try:
            await self._looked.done(page)
            await response.prepare(request)
            async with response:
                # The page compares it with the lists that it was made with.
                await response.send(page.mark, event="open")
                while await self._is_told(page):
                    continue
        except (ConnectionResetError, TimeoutError, BridgeError):
            # It was closed, takes nothing in, or the lists cannot be made: the page begins a stream anew by itself.
            pass
        finally:
            self._pages.remove(page)
            if not self._pages and self._after is not None:
                self._after.cancel()
                self._after = None
        return response

    async def _look_after(self) -> None:
        """Wake the pages that are not there any more, and all where firm or day are others, while there are any.

        One task for all: 300 that wait for a moment each would take a twentieth of a processor while nothing happens.
        """
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            firm, day = self._desk.firm(), self._desk.today()
            for page in self._pages:
                if page.is_of_before(firm, day) or (page.response.prepared and not page.response.is_connected()):
                    page.maybe.set()

    async def _is_told(self, page: _Page) -> bool:
        """Wait for what may change, and tell the page where it does; False where it is gone or the session is over."""
        await page.maybe.wait()
        if page.ended or not page.response.is_connected():
            return False
        firm, day = self._desk.firm(), self._desk.today()
        if page.is_of_before(firm, day):
            page.firm, page.day, now = firm, day, sees(self._desk, page.staff_id)
            page.written, page.sees = page.written or now != page.sees, now
        await asyncio.sleep(max(_TOGETHER_SECONDS, page.told_at + _APART_SECONDS - monotonic()))
        page.maybe.clear()
        await self._asked.done(page)
        if page.ended:
            return False
        before, written, page.written = page.mark, page.written, False
        if written:
            # Whatever the lists are: the page asks for them itself.
            await self._tell(page)
        await self._looked.done(page)
        # Told already, unless something more happened meanwhile, which it may have asked too early for.
        if page.mark != before and (not written or page.maybe.is_set()):
            await self._tell(page)
        return True

    async def _tell(self, page: _Page) -> None:
        page.told_at = monotonic()
        await page.response.send(page.mark, event="changed")

    async def _ask_whose(self, pages: Collection[_Page]) -> None:
        """End the pages whose session is over."""
        go_on = await going_on(self._desk, {(one.session, one.widget) for one in pages})
        for one in pages:
            one.ended = one.ended or (one.session, one.widget) not in go_on

    async def _look_at(self, pages: Collection[_Page]) -> None:
        """Make the lists of these pages anew."""
        lists = await overviews(self._desk, {one.staff_id for one in pages})
        shown = {one: await watched(self._desk, one.staff_id, one.about) for one in pages}
        for one in pages:
            one.mark, one.rooms = lists[one.staff_id].mark() + shown[one].mark, lists[one.staff_id].rooms()
            one.watched = shown[one].rooms


def _of_some_people(pages: list[_Page]) -> list[_Page]:
    """All pages of the first people among them."""
    people = set(islice(dict.fromkeys(one.staff_id for one in pages), _AT_ONCE))
    return [one for one in pages if one.staff_id in people]
