"""A file for whoever may see it at this moment: handed on from the homeserver, never shown as a page (P2, V3)."""

from __future__ import annotations

import string
from urllib.parse import quote

from aiohttp import web

from bridge.firm.errors import BridgeError
from bridge.mapping.files import shown_name
from bridge.operations.files.downloads import Download, download_of, hand_over
from bridge.web.panel.pages import Asking, not_there
from bridge.web.panel.rendering import message
from bridge.web.panel.safety import FILE_HEADERS

_PLAIN = frozenset(string.ascii_letters + string.digits + "._ -")


async def download(asked: Asking) -> web.StreamResponse:
    """The file that a message of a conversation carries."""
    found = await download_of(asked.desk, asked.person, asked.part("conversation"), asked.part("event"))
    if found is None:
        return not_there()
    if found.encrypted:
        return message("An encrypted file", "The sender's client encrypted this file. Open it in your client.", 409)
    name = disposition(shown_name(found.name.strip()))
    response = web.StreamResponse(headers={**FILE_HEADERS, "Content-Disposition": name})
    try:
        whole = await _handed_over(asked, found, response)
    except BridgeError:
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


async def _handed_over(asked: Asking, found: Download, response: web.StreamResponse) -> bool:
    async def take(piece: bytes) -> None:
        if not response.prepared:
            await response.prepare(asked.request)
        await response.write(piece)

    whole = await hand_over(asked.desk, found, take)
    if whole and not response.prepared:
        await response.prepare(asked.request)
    return whole


def disposition(name: str) -> str:
    """The header that has a browser store a file under its name (RFC 6266), whatever characters that has."""
    plain = "".join(one if one in _PLAIN else "_" for one in name) or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name or 'file', safe='')}"
