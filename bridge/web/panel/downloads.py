"""A file for whoever may see it at this moment: handed on from the homeserver, never shown as a page (P2, V3)."""

from __future__ import annotations

import asyncio
import string
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote

from aiohttp import web

from bridge.firm.errors import BridgeError
from bridge.mapping.file_types import type_by
from bridge.mapping.files import shown_name
from bridge.operations.files.downloads import Download, download_of, hand_over, thumbnail_of
from bridge.operations.panel import signed_in
from bridge.web.panel.pages import PanelRequest, not_there
from bridge.web.panel.rendering import message
from bridge.web.panel.safety import FILE_HEADERS, PICTURE_HEADERS

_PLAIN = frozenset(string.ascii_letters + string.digits + "._ -")
AT_ONCE = 4
"""Files that one person takes at the same time."""
_AT_ONCE_IN_ALL = 40
LOOK_SECONDS = 2.0
"""So often it is asked during a download whether the person may still have it."""
_STALLED_SECONDS = 60.0
"""A browser that takes nothing for so long is given up."""
_DRAWN: Final = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
"""What a homeserver draws thumbnails as."""


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


DOWNLOADS: Final = web.AppKey("downloads", Downloads)


async def download(asked: PanelRequest) -> web.StreamResponse:
    """The file that a message of a conversation carries."""
    found = await _found(asked)
    if found is None:
        return not_there()
    if found.encrypted:
        return message("An encrypted file", "The sender's client encrypted this file. Open it in your client.", 409)
    with asked.request.app[DOWNLOADS].one_of(asked.person.id) as there_is_room:
        if not there_is_room:
            return message(
                "Too many at once", "Other downloads are under way. Try again when one is done.", 429, back=True
            )
        return await _handed_over(asked, found)


async def picture(asked: PanelRequest) -> web.StreamResponse:
    """A small picture of a picture, as the homeserver drew it anew."""
    found = await _found(asked)
    drawn = None if found is None else await thumbnail_of(asked.desk, found)
    # What somebody sent is never passed on as it is: no homeserver draws anything else.
    if drawn is None or (kind := type_by(drawn[:4096])) not in _DRAWN:
        return not_there()
    return web.Response(body=drawn, headers={**PICTURE_HEADERS, "Content-Type": kind})


async def _found(asked: PanelRequest) -> Download | None:
    return await download_of(asked.desk, asked.person, asked.part("conversation"), asked.part("event"))


async def _handed_over(asked: PanelRequest, found: Download) -> web.StreamResponse:
    name = disposition(shown_name(found.name.strip()))
    response = web.StreamResponse(headers={**FILE_HEADERS, "Content-Disposition": name})
    try:
        whole = await _all_of_it(asked, found, response)
    except (BridgeError, TimeoutError):
        if not response.prepared:
            raise
        whole = False
    if whole:
        await response.write_eof()
    elif not response.prepared:
        return message("The file is gone", "The firm's server does not have this file any more.", 404, back=True)
    elif asked.request.transport is not None:
        # The browser has to see that the file broke off.
        asked.request.transport.abort()
    return response


async def _all_of_it(asked: PanelRequest, found: Download, response: web.StreamResponse) -> bool:
    looked = time.monotonic()

    async def take(piece: bytes) -> None:
        nonlocal looked
        if not response.prepared:
            await response.prepare(asked.request)
        if time.monotonic() - looked > LOOK_SECONDS:
            await _require_still(asked)
            looked = time.monotonic()
        async with asyncio.timeout(_STALLED_SECONDS):
            await response.write(piece)

    whole = await hand_over(asked.desk, found, take)
    if whole and not response.prepared:
        await response.prepare(asked.request)
    return whole


async def _require_still(asked: PanelRequest) -> None:
    """Raise OverError where the session has ended, or the person may not have the file any more (F2, M3)."""
    if await signed_in(asked.desk, asked.session) is None or await _found(asked) is None:
        raise OverError


def disposition(name: str) -> str:
    """The header that has a browser store a file under its name (RFC 6266), whatever characters that has."""
    plain = "".join(one if one in _PLAIN else "_" for one in name) or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name or 'file', safe='')}"
