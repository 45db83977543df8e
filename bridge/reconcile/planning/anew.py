"""When a conversation goes on in a room made anew: somebody was in the room who must not read it any more (M3). Pure.

Matrix shows those who were in a room what they saw there together with what was added to it later: edits, replies,
reactions, reasons of deletions. So nothing is ever written again where such a person was. It follows from what is, not
from what happened: whoever is kept out now and was in the room, however that came, has it made anew once.
"""

from __future__ import annotations

from datetime import date

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.difference import differing
from bridge.firm.model import Firm
from bridge.firm.policy import may_act, may_be_in
from bridge.mapping.rooms.shapes import RoomShape
from bridge.reconcile.planning.desired import Desired
from bridge.reconcile.planning.observed import Observed


def kept_out(shape: RoomShape, observed: Observed | None, wanted: Desired, today: date) -> frozenset[str]:
    """User ids of those who were in this room, or are until a moment from now, and may not be in it.

    Nobody for a room in which nothing is written; and of those who left the firm nobody until they are back.
    """
    conversation = wanted.world.conversations.get(shape.key)
    if observed is None or conversation is None or conversation.kind is not ConversationKind.MATTER or shape.read_only:
        return frozenset()
    seen = observed.departed | (observed.members.keys() - shape.members)
    return frozenset(
        user_id for user_id in seen if _is_kept_out(wanted, wanted.owners.get(user_id), conversation, today)
    )


def _is_kept_out(wanted: Desired, staff_id: str | None, conversation: Conversation, today: date) -> bool:
    return (
        staff_id is not None
        and bool(may_act(wanted.firm, staff_id))
        and not may_be_in(wanted.firm, staff_id, conversation, today)
    )


def to_look_at(before: Firm, wanted: Desired, today: date) -> frozenset[str]:
    """The ids of conversations that somebody once left and was free to come back to, until this change of the firm.

    Who is in them does not change by it, so nothing else would lead there.
    """
    firm = wanted.firm
    others_same = before.walls == firm.walls and before.groups == firm.groups
    changed = differing(before.staff, firm.staff)
    found = set()
    for conversation_id, absent in wanted.world.absent.items():
        conversation = wanted.world.conversations[conversation_id]
        if conversation.kind is not ConversationKind.MATTER:
            continue
        same = others_same and before.matters.get(conversation.matter_id) == firm.matters.get(conversation.matter_id)
        judged_anew = absent & changed if same else absent
        for staff_id in judged_anew:
            was = may_act(before, staff_id) and not may_be_in(before, staff_id, conversation, today)
            if not was and _is_kept_out(wanted, staff_id, conversation, today):
                found.add(conversation_id)
    return frozenset(found)
