"""What a removal says of itself in the room."""

from __future__ import annotations

from datetime import date

from bridge.firm.policy import may_be_in
from bridge.firm.room_keys import conversation_of
from bridge.firm.text.directions import apart
from bridge.reconcile.planning.desired import Desired
from bridge.store.engine.store import Store
from bridge.store.rooms.questions import who_ended

NO_LONGER_IN = "No longer a participant"


async def why_removed(key: str, user_id: str, wanted: Desired, store: Store, today: date) -> str:
    """Who asked for it (V1). One sentence for whatever else keeps somebody out, such as a wall, whoever set it (M3)."""
    conversation, staff_id = wanted.world.conversations.get(conversation_of(key)), wanted.owners.get(user_id)
    if conversation is None or staff_id is None or not may_be_in(wanted.firm, staff_id, conversation, today):
        return NO_LONGER_IN
    by = (await store.read(who_ended, staff_id, [conversation.id])).get(conversation.id, "")
    person = wanted.firm.staff.get(by)
    return NO_LONGER_IN if person is None or by == staff_id else f"At {apart(person.name)}'s request"
