"""What only the bridge may set and somebody else changed, its name included, and a room that the bot was put out of:
put back, noted and told (F3, O3)."""

from __future__ import annotations

import structlog

from bridge.firm.conversation import ConversationKind
from bridge.firm.room_keys import MARKER
from bridge.firm.room_rules import WIDGETS
from bridge.handlers.arrival import Arrival, Context
from bridge.mapping.event import MEMBER, Event
from bridge.operations.telling import Effect
from bridge.reconcile.planning.drift import shares_power
from bridge.reconcile.planning.steps import DriftKind
from bridge.store.engine.unit import later
from bridge.store.record.drift import mark_put_back, note_difference

log = structlog.get_logger(__name__)
_POWER = "m.room.power_levels"
_STATE = frozenset(
    {
        _POWER,
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
        *WIDGETS,
    }
)

_AT_ONCE_MS = 60_000
"""One change of the bot's name comes by once for each room. Within so long it is taken for one."""


def is_drift(event: Event, bot_id: str) -> bool:
    """Whether an event changes what only the bridge may, or is the bot's going from a room."""
    if event.type == MEMBER:
        return event.state_key == bot_id and event.membership in {"leave", "ban"}
    if event.state_key is None or event.type not in _STATE:
        return False
    # An admin changes power by the homeserver's own API, which does it in the bot's name.
    return event.sender != bot_id or (event.type == _POWER and shares_power(event.content, bot_id))


async def handle_drift(arrival: Arrival, context: Context) -> None:
    """Put the room right. What was found is noted where that is done, so that an event that is late finds nothing."""
    event, place = arrival.event, arrival.place
    # Out of direct conversations the bot goes by itself.
    if event.type == MEMBER and place.kind is ConversationKind.DIRECT:
        return
    key = place.earlier or place.key
    log.info("drift_heard", room=key, what=event.type)
    await context.desk.reconciler.rooms.converge(key)


def is_bot_renamed(event: Event, bot_id: str, bot_name: str) -> bool:
    """Whether the bot is shown under another name than its own. Whoever looks like the bot is believed."""
    if event.type != MEMBER or event.state_key != bot_id or event.membership != "join":
        return False
    # Without any name it is shown by its id, which nobody takes for somebody else.
    return event.content.get("displayname") not in (None, bot_name)


async def handle_bot_renamed(arrival: Arrival, context: Context) -> Effect | None:
    """Give the bot its name again, unless that was done already. Raises HomeserverError.

    A change reaches the bridge as a membership of the bot's in each of its rooms, seconds after it was made.
    """
    desk, key = context.desk, arrival.place.key
    bot_id, name = desk.settings.bot_id, desk.settings.appservice.bot_name
    account = await desk.homeserver.admin_user(bot_id) or {}
    if account.get("displayname") == name:
        return None
    log.warning("bot_renamed", room=key)
    cause = f"{DriftKind.BOT_RENAMED}/{arrival.event.at_ms // _AT_ONCE_MS}"
    await desk.store.run(note_difference, cause, key, DriftKind.BOT_RENAMED, actor="", person="", what="")
    await desk.homeserver.admin_put_user(bot_id, {"displayname": name})
    return later(mark_put_back, [cause])
