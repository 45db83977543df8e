"""What people did in their own clients and the store has not heard of yet (V1). Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.policy import may_be_in
from bridge.mapping.rooms.shapes import RoomShape
from bridge.reconcile.planning.desired import Desired
from bridge.reconcile.planning.observed import Observed

_FIXED = frozenset({ConversationKind.BOT, ConversationKind.ADMINS})
"""Conversations that nobody joins or leaves by themselves."""


def heed_moves(shape: RoomShape, observed: Observed | None, wanted: Desired, today: date) -> RoomShape:
    """The shape with those who joined by themselves, where the policy allows it, and without those who left.

    Their events wait somewhere between the homeserver and the bridge: it was not running, or is about to handle them.
    Without this a pass would undo what people did, and the events that follow would then be old news. Both moments that
    are compared are the homeserver's.
    """
    if observed is not None and shape.earlier_of:
        return replace(shape, members=shape.members - _left(shape.earlier_of, observed, wanted))
    conversation = wanted.world.conversations.get(shape.key)
    if observed is None or conversation is None or conversation.everyone or conversation.kind in _FIXED:
        return shape
    members = set(shape.members)
    since = wanted.world.since.get(conversation.id, {})
    for user_id, move in observed.moves.items():
        staff_id = wanted.owners.get(user_id)
        if staff_id is None:
            continue
        known = staff_id in since
        if known and move.at < since[staff_id]:
            continue
        if move.membership == "leave" and known:
            members.discard(user_id)
        elif move.membership == "join" and may_be_in(wanted.firm, staff_id, conversation, today):
            members.add(user_id)
    if conversation.kind is ConversationKind.DIRECT:
        # Whose conversation it is may be called back into it. Withdrawing that would look like a leave of their own.
        called = (user_id for user_id, membership in observed.members.items() if membership == "invite")
        members.update(one for one in called if _may_come(wanted.owners.get(one), wanted, conversation, today))
    return replace(shape, members=frozenset(members))


def _may_come(staff_id: str | None, wanted: Desired, conversation: Conversation, today: date) -> bool:
    return staff_id is not None and bool(may_be_in(wanted.firm, staff_id, conversation, today))


def _left(conversation_id: str, observed: Observed, wanted: Desired) -> frozenset[str]:
    """User ids of those who left a room by themselves since they were last picked for its conversation."""
    since = wanted.world.since.get(conversation_id, {})
    return frozenset(
        user_id
        for user_id, move in observed.moves.items()
        if move.membership == "leave" and move.at >= since.get(wanted.owners.get(user_id, ""), 0)
    )
