"""Which room belongs to which key: asked for, made, set aside or gone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from bridge.firm.audit import Deed
from bridge.firm.conversation import ConversationKind
from bridge.firm.room_keys import (
    conversation_of,
    earlier_key,
    matter_of_space,
    number_of,
)
from bridge.store import models
from bridge.store.engine.sql import batched, placeholders
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.record.audit import record

_ROOMS = "SELECT key, room_id FROM room WHERE room_id IS NOT NULL AND key IN ({})"
_KEYS = "SELECT room_id, key FROM room WHERE room_id IN ({})"
_TALKS = "SELECT id FROM conversation WHERE matter_id != '' AND id IN ({})"
_EARLIER = """
    SELECT key, earlier_of, room_id FROM room WHERE earlier_of != '' AND earlier_of IN ({}) AND room_id IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class RoomRecorded:
    """News for those who listen to the store: the room of this key was made, or with None is gone."""

    key: str
    kind: ConversationKind | None
    """None for a space."""
    room_id: str | None


def rooms_before(unit: ReadUnit, conversation_ids: Collection[str]) -> list[tuple[str, str, str]]:
    """Key, conversation id and room id of all rooms in which these conversations were held before."""
    found: list[tuple[str, str, str]] = []
    for some in batched(conversation_ids):
        found += unit.rows(_EARLIER.format(placeholders(some)), *some)
    return found


def oldest_first(rooms: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Keys of earlier rooms, oldest first, by conversation id."""
    found: dict[str, list[str]] = {}
    for key, conversation_id in rooms:
        found.setdefault(conversation_id, []).append(key)
    return {conversation_id: tuple(sorted(keys, key=number_of)) for conversation_id, keys in found.items()}


def room_of(unit: ReadUnit, key: str) -> str | None:
    """The room id behind a key, once it was made."""
    row = unit.find(models.Room, models.Room.key == key)
    return None if row is None else row.room_id


def rooms_of(unit: ReadUnit, keys: Iterable[str] | None) -> dict[str, str]:
    """The room ids behind these keys, or all, of those that were made, by key."""
    if keys is None:
        return dict(unit.rows("SELECT key, room_id FROM room WHERE room_id IS NOT NULL"))
    found: dict[str, str] = {}
    for some in batched(keys):
        found.update(unit.rows(_ROOMS.format(placeholders(some)), *some))
    return found


def key_of_room(unit: ReadUnit, room_id: str) -> str | None:
    """The key of the room with this id; None where it is none of the firm's."""
    row = unit.find(models.Room, models.Room.room_id == room_id)
    return None if row is None else row.key


def alias_is_ours(unit: ReadUnit, localpart: str) -> bool:
    """Whether a room that was made has this alias."""
    found = models.Room.select().where(models.Room.alias_localpart == localpart, models.Room.room_id.is_null(False))
    return unit.exists(found)


def rooms_of_kind(unit: ReadUnit, kind: ConversationKind) -> dict[str, str]:
    """Room id to conversation id, for all rooms of one kind."""
    rows = unit.tuples(
        models.Room.select(models.Room.room_id, models.Room.key)
        .join(models.Conversation, on=(models.Room.key == models.Conversation.id))
        .where(models.Conversation.kind == kind.value, models.Room.room_id.is_null(False))
    )
    return dict(rows)


def of_matters(unit: ReadUnit, room_ids: Collection[str]) -> set[str]:
    """Those of these rooms that are matter conversations, earlier ones too, or matters' spaces, by room id."""
    keys: dict[str, str] = {}
    for some in batched(room_ids):
        keys.update(unit.rows(_KEYS.format(placeholders(some)), *some))
    talks: set[str] = set()
    for some in batched(sorted({conversation_of(key) for key in keys.values()})):
        talks.update(one for (one,) in unit.rows(_TALKS.format(placeholders(some)), *some))
    return {
        room_id for room_id, key in keys.items() if conversation_of(key) in talks or matter_of_space(key) is not None
    }


def write_intent(unit: Unit, key: str, alias_localpart: str) -> str:
    """Note that a room is about to be made, before it is asked for, and return the alias that was noted first."""
    unit.run(models.Room.insert(key=key, alias_localpart=alias_localpart).on_conflict_ignore())
    row = unit.find(models.Room, models.Room.key == key)
    return alias_localpart if row is None else str(row.alias_localpart)


def set_room_aside(unit: Unit, conversation_id: str, room_id: str, alias_of: Callable[[str], str]) -> str:
    """Have a conversation go on in a room that is not made yet, whose alias is `alias_of` the earlier one's key.

    Returns the key of the earlier one. Where it was set aside before, that is all. Announces RoomRecorded.
    """
    row = models.Room
    found = unit.get(row, row.room_id == room_id)
    if found.earlier_of:
        return str(found.key)
    number = unit.count(row.select().where(row.earlier_of != "", row.earlier_of == conversation_id)) + 1
    key = earlier_key(conversation_id, number)
    unit.run(row.update(key=key, earlier_of=conversation_id).where(row.room_id == room_id))
    unit.run(row.insert(key=conversation_id, alias_localpart=alias_of(key)))
    record(unit, Deed.ROOM_SET_ASIDE, subject=conversation_id, reason=room_id)
    unit.announce(RoomRecorded(conversation_id, None, None))
    return key


def earlier_rooms(unit: ReadUnit, conversation_ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The ids of the rooms in which conversations were held before, oldest first, by conversation id."""
    rooms = rooms_before(unit, conversation_ids)
    ids = {key: room_id for key, _, room_id in rooms}
    found = oldest_first((key, conversation_id) for key, conversation_id, _ in rooms)
    return {conversation_id: tuple(ids[key] for key in keys) for conversation_id, keys in found.items()}


def record_room(unit: Unit, key: str, room_id: str | None) -> None:
    """Note the room that was made for a key, or with None that it is gone. Announces RoomRecorded."""
    unit.run(models.Room.update(room_id=room_id).where(models.Room.key == key))
    record(unit, Deed.ROOM_LOST if room_id is None else Deed.ROOM_MADE, subject=key, reason=room_id or "")
    row = unit.find(models.Conversation, models.Conversation.id == key)
    unit.announce(RoomRecorded(key, None if row is None else ConversationKind(row.kind), room_id))
