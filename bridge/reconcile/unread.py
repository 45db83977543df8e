"""Unread notifications for every participant of a channel, whatever their client's default is (C2)."""

from __future__ import annotations

from bridge.matrix.port import Homeserver

_ROOM = "room"
_NOTIFY = {"actions": ["notify"]}


async def ensure_unread(homeserver: Homeserver, user_id: str, room_id: str) -> None:
    """Let the room's messages count as unread for this person, who need not be in it yet.

    A rule for one room comes before the client's default for all rooms, such as "mentions only". A rule that the
    person set for this room stays, and so does a mute: clients mute a room by an override rule, which comes first.
    """
    if await homeserver.push_rule(user_id, _ROOM, room_id) is None:
        await homeserver.put_push_rule(user_id, _ROOM, room_id, _NOTIFY)
