"""The conversations of a matter as they are stored."""

from __future__ import annotations

from collections.abc import Collection

from bridge.firm.audit import Deed
from bridge.firm.conversation import ConversationKind, MatterConversation
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import Conversation as Row
from bridge.store.models import Participant, Room
from bridge.store.record.audit import record
from bridge.store.rooms.conversations import to_conversation
from bridge.store.rooms.made import earlier_rooms


def conversations_of_matter(unit: ReadUnit, matter_id: str) -> list[MatterConversation]:
    """A matter's conversations, oldest first, so that each keeps its place in the list."""
    rows = unit.all(
        Row.select()
        .where(Row.matter_id == matter_id, Row.kind == ConversationKind.MATTER.value)
        .order_by(Row.created_at, Row.id)
    )
    ids = [row.id for row in rows]
    people: dict[str, set[str]] = {}
    present = unit.tuples(
        Participant.select(Participant.conversation, Participant.staff_id).where(
            Participant.conversation.in_(ids), Participant.present
        )
    )
    for conversation_id, staff_id in present:
        people.setdefault(conversation_id, set()).add(staff_id)
    rooms = {room.key: room.room_id for room in unit.all(Room.select().where(Room.key.in_(ids)))}
    earlier = earlier_rooms(unit, ids)
    return [
        MatterConversation(to_conversation(row, people.get(row.id, ())), rooms.get(row.id), earlier.get(row.id, ()))
        for row in rows
    ]


def rooms_of_person_in(unit: ReadUnit, matter_ids: Collection[str], staff_id: str) -> dict[str, list[tuple[str, str]]]:
    """Title and room id of the conversations of these matters that this person is down for, oldest first, by matter."""
    rows = unit.tuples(
        Row.select(Row.matter_id, Row.title, Room.room_id)
        .join(Participant, on=(Participant.conversation == Row.id))
        .join(Room, on=(Room.key == Row.id))
        .where(
            Row.matter_id.in_(list(matter_ids)),
            Row.kind == ConversationKind.MATTER.value,
            Participant.staff_id == staff_id,
            Participant.present,
            Room.room_id.is_null(False),
        )
        .order_by(Row.created_at, Row.id)
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for matter_id, title, room_id in rows:
        found.setdefault(matter_id, []).append((title, room_id))
    return found


def rename_in_matter(
    unit: Unit, conversation_id: str, matter_id: str, title: str, *, by: str, cause: str
) -> str | None:
    """Give a matter's conversation another title. The title in the way where another conversation has it, else None."""
    for other in conversations_of_matter(unit, matter_id):
        found = other.conversation
        if found.id != conversation_id and found.title.casefold() == title.casefold():
            return found.title
    if unit.run(Row.update(title=title).where(Row.id == conversation_id, Row.title != title)):
        record(unit, Deed.RENAMED, actor=by, subject=conversation_id, reason=title, cause=cause)
    return None
