"""A file that goes to whoever may have it, for as long as they may, and never shown as a page."""

from __future__ import annotations

import asyncio
import string
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote

from aiohttp import web

from bridge.desk import Desk
from bridge.firm.errors import BridgeError
from bridge.mapping.files import shown_name
from bridge.operations.files.downloads import Download, hand_over

Take = Callable[[bytes], Awaitable[None]]
_PLAIN = frozenset(string.ascii_letters + string.digits + "._ -")
AT_ONCE = 4
"""Files that one person takes at the same time."""
_AT_ONCE_IN_ALL = 40
LOOK_SECONDS = 2.0
"""So often it is asked during a download whether the person may still have it."""
PIECE = 64 * 1024
"""Bytes of a file that is at hand, which are written together."""
_STALLED_SECONDS = 60.0
"""A browser that takes nothing for so long is given up."""


class OverError(BridgeError):
    """Whoever takes a file may not have it any more."""


class Downloads:
    """The downloads under way."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()

    @contextmanager
    def one_of(self, staff_id: str) -> Iterator[bool]:
        """Whether there is room for one more of this person's, which it then takes up."""
        if self._of[staff_id] >= AT_ONCE or self._of.total() >= _AT_ONCE_IN_ALL:
            yield False
            return
        self._of[staff_id] += 1
        try:
            yield True
        finally:
            self._of[staff_id] -= 1


async def handed_over(
    request: web.Request,
    desk: Desk,
    found: Download,
    headers: Mapping[str, str],
    still: Callable[[], Awaitable[bool]],
) -> web.StreamResponse | None:
    """The answer with the file's bytes; None where the homeserver does not have it any more.

    `still` is asked again and again whether whoever takes it may have it at that moment. Raises BridgeError where the
    homeserver does not answer.
    """
    name = shown_name(found.name.strip())
    return await _streamed(request, name, headers, still, lambda take: hand_over(desk, found, take))


async def handed_out(
    request: web.Request, name: str, data: bytes, headers: Mapping[str, str], still: Callable[[], Awaitable[bool]]
) -> web.StreamResponse | None:
    """The answer with bytes that are at hand, under this name; None where whoever takes them may not any more.

    `still` is asked as for any file, and before the first of them.
    """

    async def in_pieces(take: Take) -> bool:
        for start in range(0, len(data), PIECE):
            await take(data[start : start + PIECE])
        return True

    return await _streamed(request, name, headers, still, in_pieces) if await still() else None


async def _streamed(
    request: web.Request,
    name: str,
    headers: Mapping[str, str],
    still: Callable[[], Awaitable[bool]],
    source: Callable[[Take], Awaitable[bool]],
) -> web.StreamResponse | None:
    response = web.StreamResponse(headers={**headers, "Content-Disposition": disposition(name)})
    try:
        whole = await _all_of_it(request, response, still, source)
    except (BridgeError, TimeoutError):
        if not response.prepared:
            raise
        whole = False
    if whole:
        await response.write_eof()
    elif not response.prepared:
        return None
    elif request.transport is not None:
        # Whoever reads has to see that the file broke off.
        request.transport.abort()
    return response


async def _all_of_it(
    request: web.Request,
    response: web.StreamResponse,
    still: Callable[[], Awaitable[bool]],
    source: Callable[[Take], Awaitable[bool]],
) -> bool:
    looked = time.monotonic()

    async def take(piece: bytes) -> None:
        nonlocal looked
        if not response.prepared:
            await response.prepare(request)
        if time.monotonic() - looked > LOOK_SECONDS:
            if not await still():
                raise OverError
            looked = time.monotonic()
        async with asyncio.timeout(_STALLED_SECONDS):
            await response.write(piece)

    whole = await source(take)
    if whole and not response.prepared:
        await response.prepare(request)
    return whole


def disposition(name: str) -> str:
    """The header that has a browser store a file under its name (RFC 6266), whatever characters that has."""
    plain = "".join(one if one in _PLAIN else "_" for one in name) or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name or 'file', safe='')}"
