"""Pictures of rooms and of the bot: drawn and uploaded once each."""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from bridge import faults
from bridge.mapping.pictures import Picture, draw, named_picture
from bridge.matrix.errors import BadRequestError, ForbiddenError, NotFoundError
from bridge.matrix.port import AccountRequests, MediaRequests
from bridge.settings import Settings
from bridge.store.engine.store import Store
from bridge.store.rooms.pictures import is_picture, picture_address, record_picture

log = structlog.get_logger(__name__)


class _PictureRequests(MediaRequests, AccountRequests, Protocol):
    """What it takes to give somebody a picture."""


async def uploaded(picture: Picture, homeserver: MediaRequests, store: Store) -> str:
    """The mxc URI of a picture, uploaded if it was not. Raises HomeserverError."""
    if known := await store.read(picture_address, picture.digest):
        return known
    drawn = await asyncio.to_thread(draw, picture)
    mxc = await homeserver.upload(drawn, "image/png", "picture.png")
    faults.point("picture.uploaded")
    await store.run(record_picture, picture.digest, mxc)
    return mxc


async def give_bot_picture(homeserver: _PictureRequests, store: Store, settings: Settings) -> None:
    """Give the bot its picture. One that the firm gave it stays. What fails is tried again by the next whole pass."""
    if not settings.accounts.avatars:
        return
    try:
        account = await homeserver.admin_user(settings.bot_id) or {}
        has = str(account.get("avatar_url") or "")
        if has and not await store.read(is_picture, has):
            return
        mxc = await uploaded(named_picture(settings.appservice.bot_name, settings.bot_id), homeserver, store)
        if mxc != has:
            await homeserver.admin_put_user(settings.bot_id, {"avatar_url": mxc})
    except (ForbiddenError, BadRequestError, NotFoundError) as error:
        log.warning("bot_without_picture", bot=settings.bot_id, reason=str(error))
