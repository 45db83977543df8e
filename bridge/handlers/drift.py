"""State that only the bridge sets and somebody else changed, and a room that the bot was put out of: put back (O3)."""

from __future__ import annotations

from typing import Any

import structlog

from bridge.desk import Desk
from bridge.firm.conversation import ConversationKind
from bridge.firm.room_keys import MARKER
from bridge.handlers.places import Places
from bridge.operations.telling import Effect
from bridge.reconcile.planning.drift import shares_power

log = structlog.get_logger(__name__)
Json = dict[str, Any]
_STATE = frozenset(
    {
        "m.room.power_levels",
        "m.room.join_rules",
        "m.room.history_visibility",
        "m.room.guest_access",
        "m.room.canonical_alias",
        "m.room.avatar",
        "m.room.tombstone",
        "m.room.server_acl",
        "m.room.third_party_invite",
        "m.space.child",
        MARKER,
    }
)


def is_drift(event: Json, bot_id: str) -> bool:
    """Whether an event changes what only the bridge may, or is the bot's going from a room."""
    if event.get("type") == "m.room.member":
        return event.get("state_key") == bot_id and event["content"].get("membership") in {"leave", "ban"}
    if event.get("type") == "m.room.power_levels" and shares_power(event["content"], bot_id):
        return True
    return event.get("type") in _STATE and isinstance(event.get("state_key"), str) and event.get("sender") != bot_id


async def handle_drift(event: Json, desk: Desk, places: Places) -> Effect | None:
    """Put the room right. What was found is noted where that is done, so that an event that is late finds nothing."""
    place = await places.place(event["room_id"])
    # Out of direct conversations the bot goes by itself.
    if place is None or (event["type"] == "m.room.member" and place.kind is ConversationKind.DIRECT):
        return None
    key = place.earlier or place.key
    log.info("drift_heard", room=key, what=event["type"])
    await desk.reconciler.converge(key)
    return None
