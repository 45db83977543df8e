"""The bot's name, changed by somebody else: put back, noted and told (F3, O3).

Whoever looks like the bot is believed. A change reaches the bridge as a membership of the bot's in each of its rooms,
seconds after it was made.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import structlog

from bridge.desk import Desk
from bridge.handlers.places import Places
from bridge.operations.telling import Effect
from bridge.reconcile.planning.plan import Kind
from bridge.store.record.drift import mark_put_back, note_difference

log = structlog.get_logger(__name__)
Json = dict[str, Any]
MEMBER = "m.room.member"
_AT_ONCE_MS = 60_000
"""One change comes by once for each room. Within so long it is taken for one."""


def is_bot_renamed(event: Json, bot_id: str, bot_name: str) -> bool:
    """Whether the bot is shown under another name than its own."""
    content = event.get("content", {})
    if event.get("type") != MEMBER or event.get("state_key") != bot_id or content.get("membership") != "join":
        return False
    # Without any name it is shown by its id, which nobody takes for somebody else.
    return content.get("displayname") not in (None, bot_name)


async def handle_bot_renamed(event: Json, desk: Desk, places: Places) -> Effect | None:
    """Give the bot its name again, unless that was done already. Raises RequestError."""
    place = await places.place(event["room_id"])
    bot_id, name = desk.settings.bot_id, desk.settings.appservice.bot_name
    account = await desk.homeserver.admin_user(bot_id) or {}
    if place is None or account.get("displayname") == name:
        return None
    log.warning("bot_renamed", room=place.key)
    cause = f"{Kind.BOT_RENAMED}/{event['origin_server_ts'] // _AT_ONCE_MS}"
    note = partial(note_difference, cause, place.key, Kind.BOT_RENAMED, actor="", person="", what="")
    await desk.store.run(note)
    await desk.homeserver.admin_put_user(bot_id, {"displayname": name})
    return partial(mark_put_back, [cause])
