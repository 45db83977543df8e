"""A file for whoever may see it at this moment: handed on from the homeserver, never shown as a page (P2, V3)."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bridge.mapping.file_types import type_by
from bridge.operations.files.downloads import Download, download_of, thumbnail_of
from bridge.operations.panel import signed_in
from bridge.web.handing import Downloads, handed_over
from bridge.web.panel.pages import PanelRequest, not_there
from bridge.web.panel.rendering import message
from bridge.web.panel.safety import FILE_HEADERS, PICTURE_HEADERS

_DRAWN: Final = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
"""What a homeserver draws thumbnails as."""


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
            return too_many()
        response = await handed_over(asked.request, asked.desk, found, FILE_HEADERS, lambda: _may_still(asked))
    if response is None:
        return message("The file is gone", "The firm's server does not have this file any more.", 404, back=True)
    return response


def too_many() -> web.Response:
    """For whoever takes as many files already as they may at once."""
    return message("Too many at once", "Other downloads are under way. Try again when one is done.", 429, back=True)


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


async def _may_still(asked: PanelRequest) -> bool:
    """Whether the session has not ended and the person may have the file (F2, M3)."""
    return await signed_in(asked.desk, asked.session) is not None and await _found(asked) is not None
