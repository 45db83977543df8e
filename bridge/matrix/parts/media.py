"""Files, by the bot."""

from __future__ import annotations

from typing import Any

from nio import Api

from bridge.matrix import requests
from bridge.matrix.errors import BadRequestError, NotFoundError
from bridge.matrix.parts.asking import NO_TOKEN, Asking, no_error
from bridge.matrix.port import Take
from bridge.matrix.requests import ADMIN_V1, V1, get, post

Json = dict[str, Any]
_THUMBNAIL_MAX = 1 << 20
"""Bytes."""


class MediaClient(Asking):
    """The port `MediaRequests`."""

    async def upload(self, data: bytes, content_type: str, filename: str) -> str:
        method, path = Api.upload(NO_TOKEN, filename)
        request = (method, path, data)
        return str(await self.connection.ask(request, self.bot_id, "content_uri", content_type=content_type))

    async def download(self, server_name: str, media_id: str, take: Take) -> None:
        await self.connection.stream(get(V1, "media", "download", server_name, media_id), self.bot_id, take)

    async def thumbnail(self, server_name: str, media_id: str, width: int, height: int) -> bytes:
        drawn = bytearray()

        async def take(piece: bytes) -> None:
            drawn.extend(piece)
            if len(drawn) > _THUMBNAIL_MAX:
                raise NotFoundError("GET /media/thumbnail", 200, "M_TOO_LARGE", "the picture is not small")

        try:
            await self.connection.stream(requests.thumbnail(server_name, media_id, width, height), self.bot_id, take)
        except BadRequestError as error:
            # Synapse 1.163 answers so for what it draws nothing of.
            raise NotFoundError("GET /media/thumbnail", error.status, error.errcode, "there is no picture") from error
        return bytes(drawn)

    async def media(self, server_name: str, media_id: str) -> Json | None:
        try:
            info: Json = await self._as_bot(get(ADMIN_V1, "media", server_name, media_id), "media_info")
        except NotFoundError:
            return None
        return info

    async def quarantine(self, server_name: str, media_id: str) -> None:
        with no_error(NotFoundError):
            await self._as_bot(post(ADMIN_V1, "media", "quarantine", server_name, media_id))
