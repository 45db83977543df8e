"""Spaces in the order of their matters' numbers at the edge of a person's client, until they choose another order."""

from __future__ import annotations

from bridge.matrix.port import PersonRequests

SPACE_ORDER = "org.matrix.msc3230.space_order"
"""The account data of a space that says where it stands among those without a parent (MSC3230)."""


async def join_in_order(homeserver: PersonRequests, room_id: str, user_id: str, order: str) -> None:
    """Join a space as somebody, with its place among their spaces where they have given it none."""
    placed = await homeserver.account_data(user_id, SPACE_ORDER, room_id)
    if not placed:
        # Before joining, so that a crash in between leaves nobody without it ...
        await homeserver.put_account_data(user_id, SPACE_ORDER, {"order": order}, room_id)
    await homeserver.join(room_id, user_id)
    if not placed:
        # ... and again, since a client that looked in between is told of it only now.
        await homeserver.put_account_data(user_id, SPACE_ORDER, {"order": order}, room_id)
