"""Rooms named by a mention, link, address or id, in the place of a channel's name or a matter's number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.desk import Desk
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.model import Matter, Staff
from bridge.firm.policy import may_access
from bridge.firm.room_keys import matter_of_space
from bridge.mapping.marks import targets
from bridge.operations.sight import typed_in
from bridge.store.engine.unit import ReadUnit
from bridge.store.rooms.conversations import conversation_by_id
from bridge.store.rooms.questions import key_behind


@dataclass(frozen=True, slots=True)
class RoomNamed:
    """What a room is that somebody pointed to: a channel, a matter's conversation, or a matter's space."""

    conversation: Conversation | None
    """None for a space."""
    matter: Matter | None
    """None for a channel."""


Rooms = Mapping[str, RoomNamed]
"""By the id or address that was given."""


async def rooms_named(desk: Desk, sender: Staff, text: str) -> Rooms:
    """The rooms that a text with marks points to, without what the sender may not know of (M3, D4)."""
    wanted = [target for target in targets(text) if target.startswith(("#", "!"))]
    if not wanted:
        return {}
    suffix = f":{desk.server_name}"

    def work(unit: ReadUnit) -> dict[str, tuple[str, Conversation | None]]:
        keys = {one: key_behind(unit, one, one.removeprefix("#").removesuffix(suffix)) for one in wanted}
        return {one: (key, conversation_by_id(unit, key)) for one, key in keys.items() if key is not None}

    firm, today = desk.firm(), desk.today()
    found: dict[str, RoomNamed] = {}
    for one, (key, conversation) in (await desk.store.read(work)).items():
        if conversation is not None and conversation.kind is ConversationKind.CHANNEL:
            found[one] = RoomNamed(conversation, None)
            continue
        matter_id = conversation.matter_id if conversation is not None else matter_of_space(key)
        matter = firm.matters.get(matter_id or "")
        if matter is not None and may_access(firm, sender.id, matter, today):
            found[one] = RoomNamed(conversation, matter)
    return found


async def matter_typed_in(desk: Desk, conversation_id: str, sender: Staff) -> Matter | None:
    """The matter in whose conversation something was typed, where the sender may see it (M3)."""
    found = await typed_in(desk, conversation_id, sender.id)
    matter = desk.firm().matters.get(found.matter_id) if found is not None else None
    return matter if matter and may_access(desk.firm(), sender.id, matter, desk.today()) else None
