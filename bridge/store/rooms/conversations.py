"""Conversations as they are stored, and who of whom is in them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bridge.clock import now_ms
from bridge.firm.audit import Deed
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.store import models
from bridge.store.engine.sql import batched, placeholders
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.record.audit import record
from bridge.store.rooms.participants import add_participants, left_of, present_in

_ONE_FOR = """
    SELECT kind, matter_id, everyone, present FROM conversation
    LEFT JOIN participant ON participant.conversation_id = conversation.id AND staff_id = ? WHERE conversation.id = ?
"""
_MISSING = """
    WITH asked (conversation_id, staff_id) AS (VALUES {rows})
    SELECT count(*) FROM asked
    WHERE NOT EXISTS (SELECT 1 FROM conversation WHERE id = asked.conversation_id AND everyone)
    AND NOT EXISTS (
        SELECT 1 FROM participant
        WHERE participant.conversation_id = asked.conversation_id AND participant.staff_id = asked.staff_id AND present
    )
"""
_INTRODUCED = frozenset({ConversationKind.MATTER, ConversationKind.CHANNEL})
"""Conversations in which the bot says who started them."""
_DIRECT_ROOMS = """
    SELECT room.room_id, other.staff_id FROM participant
    JOIN conversation ON conversation.id = participant.conversation_id AND conversation.kind = ?
    JOIN room ON room.key = conversation.id AND room.room_id IS NOT NULL
    JOIN participant AS other ON other.conversation_id = conversation.id AND other.present
    WHERE participant.staff_id = ? AND participant.present
"""
# A cross join, since SQLite then begins with those who left, of whom it does not know that they are few.
_LEFT_DIRECT = """
    SELECT room.room_id, participant.staff_id FROM participant CROSS JOIN conversation CROSS JOIN room
    WHERE NOT participant.present AND conversation.id = participant.conversation_id AND conversation.kind = ?
    AND room.key = conversation.id AND room.room_id IS NOT NULL
"""
COLUMNS: Final = "id, kind, title, topic, matter_id, everyone, archived, created_by"
"""What is read of a conversation for `conversation_in_row`."""
_EVERYONE = 5
"""Where among them it stands whether everybody is in it."""
# Everybody's as one more list of ids: no index finds rows for which either of two things holds.
_OF_PERSON = f"""
    SELECT {COLUMNS} FROM conversation WHERE id IN (
        SELECT conversation_id FROM participant WHERE staff_id = ? AND present
        UNION SELECT id FROM conversation WHERE everyone
    )
"""  # noqa: S608 - names of columns


@dataclass(frozen=True, slots=True)
class NewConversation:
    """A conversation about to be stored."""

    conversation: Conversation
    name_key: str | None = None
    alias_localpart: str = ""
    created_by: str = ""
    caused_by: str = ""


def conversation_in_row(
    row: Sequence[Any], participants: frozenset[str], left: frozenset[str] = frozenset()
) -> Conversation:
    """The firm's view of a row that begins with COLUMNS."""
    key, kind, title, topic, matter_id, everyone, archived, created_by, *_ = row
    return Conversation(
        key,
        ConversationKind(kind),
        title,
        topic,
        matter_id,
        bool(everyone),
        bool(archived),
        participants,
        left,
        created_by,
    )


def to_conversation(row: models.Conversation, participants: Iterable[str], left: Iterable[str] = ()) -> Conversation:
    """The same of a stored record."""
    read = row.id, row.kind, row.title, row.topic, row.matter_id, row.everyone, row.archived, row.created_by
    return conversation_in_row(read, frozenset(participants), frozenset(left))


def add_conversations(unit: Unit, new: Iterable[NewConversation]) -> None:
    """Store conversations with their participants; one that is there already stays as it is."""
    for item in new:
        conversation = item.conversation
        stored = models.Conversation.insert(
            id=conversation.id,
            kind=conversation.kind.value,
            title=conversation.title,
            topic=conversation.topic,
            matter_id=conversation.matter_id,
            name_key=item.name_key,
            alias_localpart=item.alias_localpart,
            everyone=conversation.everyone,
            created_by=item.created_by,
            created_at=now_ms(),
            caused_by=item.caused_by,
        ).on_conflict_ignore()
        if unit.run(stored):
            record(
                unit,
                Deed.CONVERSATION_STARTED,
                actor=item.created_by,
                subject=conversation.id,
                reason=conversation.title,
                cause=item.caused_by,
            )
            if item.created_by and conversation.kind in _INTRODUCED:
                unit.run(models.FirstLine.insert(conversation_id=conversation.id))
        add_participants(
            unit, conversation.id, conversation.participants, item.created_by, returning=False, cause=item.caused_by
        )


def left_direct_rooms(unit: ReadUnit) -> dict[str, frozenset[str]]:
    """The rooms of direct conversations that somebody is not in any more, with the staff ids of those, by room id."""
    left: dict[str, set[str]] = {}
    for room_id, staff_id in unit.rows(_LEFT_DIRECT, ConversationKind.DIRECT.value):
        left.setdefault(room_id, set()).add(staff_id)
    return {room_id: frozenset(staff_ids) for room_id, staff_ids in left.items()}


def direct_rooms_of(unit: ReadUnit, staff_id: str) -> dict[str, frozenset[str]]:
    """The rooms of the direct conversations that somebody is in, and the staff ids of all who are, by room id."""
    rows = unit.rows(_DIRECT_ROOMS, ConversationKind.DIRECT.value, staff_id)
    found: dict[str, set[str]] = {}
    for room_id, other in rows:
        found.setdefault(room_id, set()).add(other)
    return {room_id: frozenset(staff_ids) for room_id, staff_ids in found.items()}


def titles_in_matter(unit: ReadUnit, matter_id: str) -> dict[str, str]:
    """The titles of a matter's conversations, by conversation id."""
    rows = unit.tuples(
        models.Conversation.select(models.Conversation.id, models.Conversation.title).where(
            models.Conversation.matter_id == matter_id
        )
    )
    return dict(rows)


def conversation_by_id(unit: ReadUnit, conversation_id: str) -> Conversation | None:
    """One conversation with its participants."""
    row = unit.find(models.Conversation, models.Conversation.id == conversation_id)
    if row is None:
        return None
    return to_conversation(row, present_in(unit, conversation_id), left_of(unit, conversation_id))


def conversation_for(unit: ReadUnit, conversation_id: str, staff_id: str) -> Conversation | None:
    """One conversation with nobody but this person in it, if they are; None where they are not, or it is not there."""
    row = unit.row(_ONE_FOR, staff_id, conversation_id)
    if row is None or not (row[2] or row[3]):
        return None
    people = frozenset({staff_id}) if row[3] else frozenset()
    return Conversation(
        conversation_id, ConversationKind(row[0]), matter_id=row[1], everyone=bool(row[2]), participants=people
    )


def are_in(unit: ReadUnit, asked: Collection[tuple[str, str]]) -> bool:
    """Whether all of them, given as conversation id and staff id, are in their conversation."""
    missing = unit.rows_for(_MISSING, "(CAST(? AS TEXT), CAST(? AS TEXT))", list(asked))
    return not any(count for (count,) in missing)


def was_caused_by(unit: ReadUnit, conversation_id: str, event_id: str) -> bool:
    """Whether the command in this event made the conversation."""
    found = models.Conversation.select().where(
        models.Conversation.id == conversation_id, models.Conversation.caused_by == event_id
    )
    return unit.exists(found)


def conversations_of_person(unit: ReadUnit, staff_id: str) -> list[Conversation]:
    """The conversations that this person is down for, as if nobody else were in them."""
    themselves = frozenset({staff_id})
    return [
        conversation_in_row(row, frozenset() if row[_EVERYONE] else themselves)
        for row in unit.rows(_OF_PERSON, staff_id)
    ]


def conversations_of_people(unit: ReadUnit, staff_ids: Collection[str]) -> dict[str, set[str]]:
    """The ids of the conversations that each of these people is down for, by staff id."""
    everybodys = {key for (key,) in unit.rows("SELECT id FROM conversation WHERE everyone")}
    found = {one: set(everybodys) for one in staff_ids}
    for some in batched(found):
        down_for = (
            f"SELECT staff_id, conversation_id FROM participant WHERE present AND staff_id IN ({placeholders(some)})"  # noqa: S608 - question marks
        )
        for staff_id, key in unit.rows(down_for, *some):
            found[staff_id].add(key)
    return found
