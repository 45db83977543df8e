"""A file for whoever may see it at this moment: handed on from the homeserver, never shown as a page (P2, V3)."""

from __future__ import annotations

import re
from urllib.parse import quote

from aiohttp import web

from bridge.matrix.errors import NotFound
from bridge.operations.files_seen import download_of
from bridge.web.panel.pages import Asked, not_there
from bridge.web.panel.rendering import message
from bridge.web.panel.safety import FILE_HEADERS

_MXC = re.compile(r"mxc://([^/?#]+)/([A-Za-z0-9_-]+)")
_PLAIN = re.compile(r"[^A-Za-z0-9._ -]")


async def download(asked: Asked) -> web.StreamResponse:
    """The file that a message of a conversation carries."""
    found = await download_of(asked.desk, asked.person, asked.part("conversation"), asked.part("event"))
    address = None if found is None else _MXC.fullmatch(found.mxc)
    if found is None or address is None:
        return not_there()
    response = web.StreamResponse(headers={**FILE_HEADERS, "Content-Disposition": disposition(found.name)})

    async def take(piece: bytes) -> None:
        if not response.prepared:
            await response.prepare(asked.request)
        await response.write(piece)

    try:
        await asked.desk.homeserver.download(address[1], address[2], take)
    except NotFound:
        return message("The file is gone", "The firm's server does not have this file any more.", 404)
    if not response.prepared:
        await response.prepare(asked.request)
    await response.write_eof()
    return response


def disposition(name: str) -> str:
    """The header that has a browser store a file under its name (RFC 6266), whatever characters that has."""
    plain = _PLAIN.sub("_", name) or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name or 'file', safe='')}"
