"""Conversations, participants, accounts and rooms: what is stored about the firm on Matrix."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from peewee import Case

from bridge.clock import now_ms
from bridge.firm.audit import Deed
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.room_keys import (
    KEEPER_SPACE,
    STAFF_SPACE,
    conversation_of,
    earlier_key,
    matter_of_space,
    matter_space_key,
    number_of,
)
from bridge.store import models
from bridge.store.engine.sql import batched
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.record.audit import record
from bridge.store.record.homeserver_time import homeserver_ms, newest_ms
from bridge.store.rooms.channels import CHANNELS

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
_CONVERSATION = "id, kind, title, topic, matter_id, everyone, archived, created_by, alias_localpart"
_PEOPLE = "SELECT conversation_id, staff_id, present, since FROM participant WHERE conversation_id IN ({})"
_ROOMS = "SELECT key, room_id FROM room WHERE room_id IS NOT NULL AND key IN ({})"
_KEYS = "SELECT room_id, key FROM room WHERE room_id IN ({})"
_TALKS = "SELECT id FROM conversation WHERE matter_id != '' AND id IN ({})"
_LOCALPARTS = "SELECT staff_id, localpart FROM account WHERE staff_id IN ({})"
_EARLIER = """
    SELECT key, earlier_of, room_id FROM room WHERE earlier_of != '' AND earlier_of IN ({}) AND room_id IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """What is known of a staff member's account."""

    localpart: str
    profile: str
    avatar_mxc: str
    avatar_digest: str
    name: str = ""
    """The display name that was last written to the homeserver."""

    @property
    def called(self) -> str:
        """What the person is called as far as is known without the directory."""
        return self.name or self.localpart


@dataclass(frozen=True)
class World:
    """The stored side of reconciliation, read in one unit."""

    accounts: dict[str, StoredAccount] = field(default_factory=dict)
    """By staff id."""
    conversations: dict[str, Conversation] = field(default_factory=dict)
    absent: dict[str, frozenset[str]] = field(default_factory=dict)
    """Staff ids of those who left a conversation or were taken out, by conversation id."""
    since: dict[str, dict[str, int]] = field(default_factory=dict)
    """When somebody was last picked for a conversation or left it, by conversation id and staff id."""
    aliases: dict[str, str] = field(default_factory=dict)
    """Public alias localparts of channels, by conversation id."""
    rooms: dict[str, str] = field(default_factory=dict)
    """Room ids of rooms that were made, by key."""
    earlier: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The keys of the rooms in which a conversation was held before, oldest first, by conversation id."""


@dataclass(frozen=True, slots=True)
class NewConversation:
    """A conversation about to be stored."""

    conversation: Conversation
    name_key: str | None = None
    alias_localpart: str = ""
    created_by: str = ""
    caused_by: str = ""


@dataclass(frozen=True, slots=True)
class RoomRecorded:
    """News for those who listen to the store: the room of this key was made, or with None is gone."""

    key: str
    kind: ConversationKind | None
    """None for a space."""
    room_id: str | None


def load_part(unit: ReadUnit, key: str) -> World:
    """What the room of this key depends on, in one unit: no conversation but its own or those of its matter, or for the
    staff space the channels; and no accounts."""
    if key == STAFF_SPACE:
        return world_where(unit, CHANNELS)
    if (matter_id := matter_of_space(key)) is not None:
        return world_where(unit, "matter_id = ?", matter_id, keys=(key,))
    return world_where(unit, "id = ?", conversation_of(key))


def all_accounts(unit: ReadUnit) -> dict[str, StoredAccount]:
    """All accounts, by staff id."""
    rows = unit.rows("SELECT staff_id, localpart, profile, avatar_mxc, avatar_digest, name FROM account")
    return {staff_id: StoredAccount(*rest) for staff_id, *rest in rows}


def world_where(unit: ReadUnit, condition: str, *values: object, keys: Iterable[str] = ()) -> World:
    """The conversations for which the condition, in SQL, holds; the rooms of these, of the spaces that list them and of
    `keys`; and no accounts."""
    stored = unit.rows(f"SELECT {_CONVERSATION} FROM conversation WHERE {condition}", *values)  # noqa: S608
    present: dict[str, set[str]] = {}
    absent: dict[str, set[str]] = {}
    since: dict[str, dict[str, int]] = {}
    ids, newest = [row[0] for row in stored], newest_ms()
    before = _earlier_of(unit, ids)
    spaces = {STAFF_SPACE, KEEPER_SPACE, *(matter_space_key(row[4]) for row in stored if row[4])}
    for some in batched(ids):
        for conversation_id, staff_id, is_present, at in unit.rows(_PEOPLE.format(_marks(some)), *some):
            (present if is_present else absent).setdefault(conversation_id, set()).add(staff_id)
            since.setdefault(conversation_id, {})[staff_id] = at if at <= newest else 0
    return World(
        conversations={
            key: Conversation(
                key,
                ConversationKind(kind),
                title,
                topic,
                matter_id,
                bool(everyone),
                bool(archived),
                frozenset(present.get(key, ())),
                frozenset(absent.get(key, ())),
                created_by,
            )
            for key, kind, title, topic, matter_id, everyone, archived, created_by, _ in stored
        },
        absent={conversation_id: frozenset(staff_ids) for conversation_id, staff_ids in absent.items()},
        since=since,
        aliases={row[0]: row[-1] for row in stored if row[-1]},
        rooms={**rooms_of(unit, [*ids, *sorted(spaces.union(keys))]), **{key: room_id for key, _, room_id in before}},
        earlier=_earlier((key, conversation_id) for key, conversation_id, _ in before),
    )


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _earlier_of(unit: ReadUnit, conversation_ids: Collection[str]) -> list[tuple[str, str, str]]:
    """Key, conversation id and room id of all rooms in which these conversations were held before."""
    found: list[tuple[str, str, str]] = []
    for some in batched(conversation_ids):
        found += unit.rows(_EARLIER.format(_marks(some)), *some)
    return found


def _earlier(rooms: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Keys of earlier rooms, oldest first, by conversation id."""
    found: dict[str, list[str]] = {}
    for key, conversation_id in rooms:
        found.setdefault(conversation_id, []).append(key)
    return {conversation_id: tuple(sorted(keys, key=number_of)) for conversation_id, keys in found.items()}


def to_conversation(row: models.Conversation, participants: Iterable[str], left: Iterable[str] = ()) -> Conversation:
    """The firm's view of a stored row."""
    return Conversation(
        id=str(row.id),
        kind=ConversationKind(row.kind),
        title=str(row.title),
        topic=str(row.topic),
        matter_id=str(row.matter_id),
        everyone=bool(row.everyone),
        archived=bool(row.archived),
        participants=frozenset(participants),
        left=frozenset(left),
        started_by=str(row.created_by),
    )


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


def add_participants(
    unit: Unit,
    conversation_id: str,
    staff_ids: Collection[str],
    added_by: str,
    *,
    returning: bool = True,
    at_ms: int | None = None,
    cause: str = "",
) -> None:
    """Pick people for a conversation, now or at that moment. Those who left before come back only when `returning`.

    Picked now, all of them count as picked now, so that a leave of before, of which the bridge hears later, counts no
    more. At a given moment, who left or was taken out later stays out: events of people's clients arrive late.
    """
    since = homeserver_ms() if at_ms is None else at_ms
    before = _present(unit, conversation_id)
    absent = models.Participant.present == False  # noqa: E712 - SQL
    for staff_id in sorted(staff_ids):
        insert = models.Participant.insert(
            conversation=conversation_id, staff_id=staff_id, present=True, since=since, added_by=added_by
        )
        if returning:
            unit.run(
                insert.on_conflict(
                    conflict_target=[models.Participant.conversation, models.Participant.staff_id],
                    update={
                        models.Participant.present: True,
                        models.Participant.since: since,
                        models.Participant.added_by: Case(None, [(absent, added_by)], models.Participant.added_by),
                    },
                    where=None if at_ms is None else absent & _not_after(since),
                )
            )
        else:
            unit.run(insert.on_conflict_ignore())
    for staff_id in sorted(_present(unit, conversation_id) - before):
        deed = Deed.PARTICIPANT_JOINED if staff_id == added_by else Deed.PARTICIPANT_ADDED
        record(unit, deed, actor=added_by, subject=conversation_id, person=staff_id, cause=cause)


def _not_after(at_ms: int) -> Any:
    """That somebody's last change is not later than this moment, in SQL."""
    since = models.Participant.since
    return (since <= at_ms) | (since > newest_ms())


def _present(unit: ReadUnit, conversation_id: str) -> set[str]:
    return _staff_ids(unit, models.Participant.conversation == conversation_id, models.Participant.present)


def _left(unit: ReadUnit, conversation_id: str) -> set[str]:
    absent = models.Participant.present == False  # noqa: E712 - SQL
    return _staff_ids(unit, models.Participant.conversation == conversation_id, absent)


def _staff_ids(unit: ReadUnit, *which: Any) -> set[str]:
    rows = models.Participant.select(models.Participant.staff_id).where(*which)
    return {staff_id for (staff_id,) in unit.tuples(rows)}


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


def keep_participants(unit: Unit, conversation_id: str, staff_ids: Collection[str]) -> None:
    """Have these people in a conversation and nobody else."""
    before = _present(unit, conversation_id)
    add_participants(unit, conversation_id, sorted(set(staff_ids) - before), "")
    for staff_id in sorted(before.difference(staff_ids)):
        remove_participant(unit, conversation_id, staff_id, homeserver_ms(), by="")


def set_participants(unit: Unit, conversation_id: str, staff_ids: Collection[str], at_ms: int) -> None:
    """Have these people in a conversation and nobody else, by what the homeserver says of that moment."""
    before = _present(unit, conversation_id)
    add_participants(unit, conversation_id, sorted(set(staff_ids) - before), "", at_ms=at_ms)
    for staff_id in sorted(before.difference(staff_ids)):
        remove_participant(unit, conversation_id, staff_id, at_ms, by="")


def remove_from_all(unit: Unit, staff_ids: Collection[str]) -> None:
    """Note that people are in no conversation any more but their chats with the bot (F2)."""
    chats = models.Conversation.select(models.Conversation.id).where(
        models.Conversation.kind == ConversationKind.BOT.value
    )
    theirs = (
        models.Participant.staff_id.in_(list(staff_ids)),
        models.Participant.present == True,  # noqa: E712 - SQL
        models.Participant.conversation.not_in(chats),
    )
    rows = models.Participant.select(models.Participant.conversation, models.Participant.staff_id).where(*theirs)
    for conversation_id, staff_id in unit.tuples(rows):
        record(unit, Deed.PARTICIPANT_REMOVED, subject=conversation_id, person=staff_id, reason="F2")
    unit.run(models.Participant.update(present=False, since=homeserver_ms()).where(*theirs))


def remove_participant(
    unit: Unit, conversation_id: str, staff_id: str, at_ms: int, *, by: str, cause: str = ""
) -> bool:
    """Note that somebody left or was removed by a staff or user id, unless they were added later than that moment.

    True where it changed something.
    """
    changed = unit.run(
        models.Participant.update(present=False, since=at_ms).where(
            models.Participant.conversation == conversation_id,
            models.Participant.staff_id == staff_id,
            models.Participant.present == True,  # noqa: E712 - SQL
            _not_after(at_ms),
        )
    )
    if changed:
        deed = Deed.PARTICIPANT_LEFT if by == staff_id else Deed.PARTICIPANT_REMOVED
        record(unit, deed, actor=by, subject=conversation_id, person=staff_id, cause=cause)
    return changed > 0


def undo_leaves(unit: Unit, conversation_id: str, since_ms: int, cause: str) -> bool:
    """Have those in the conversation again of whom the bridge heard since that moment that they left it by themselves.

    True where there were any.
    """
    left = models.AuditRow.select(models.AuditRow.person).where(
        models.AuditRow.subject == conversation_id,
        models.AuditRow.deed == Deed.PARTICIPANT_LEFT.value,
        models.AuditRow.at_ms >= since_ms,
    )
    rows = models.Participant.select(models.Participant.staff_id).where(
        models.Participant.conversation == conversation_id,
        models.Participant.present == False,  # noqa: E712 - SQL
        models.Participant.staff_id.in_(left),
    )
    back = [staff_id for (staff_id,) in unit.tuples(rows)]
    add_participants(unit, conversation_id, back, "", cause=cause)
    return bool(back)


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
    return to_conversation(row, _present(unit, conversation_id), _left(unit, conversation_id))


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
        found.update(unit.rows(_ROOMS.format(_marks(some)), *some))
    return found


def conversations_of_person(unit: ReadUnit, staff_id: str) -> list[Conversation]:
    """The conversations that this person is down for, as if nobody else were in them."""
    theirs = models.Participant.select(models.Participant.conversation).where(
        models.Participant.staff_id == staff_id, models.Participant.present
    )
    # Everybody's as one more list of ids: no index finds rows for which either of two things holds.
    everybodys = models.Conversation.select(models.Conversation.id).where(models.Conversation.everyone)
    rows = models.Conversation.select().where(models.Conversation.id.in_(theirs | everybodys))
    return [to_conversation(row, () if row.everyone else (staff_id,)) for row in unit.all(rows)]


def conversations_of_people(unit: ReadUnit, staff_ids: Collection[str]) -> dict[str, set[str]]:
    """The ids of the conversations that each of these people is down for, by staff id."""
    everybodys = {key for (key,) in unit.rows("SELECT id FROM conversation WHERE everyone")}
    found = {one: set(everybodys) for one in staff_ids}
    for some in batched(found):
        down_for = f"SELECT staff_id, conversation_id FROM participant WHERE present AND staff_id IN ({_marks(some)})"  # noqa: S608 - question marks
        for staff_id, key in unit.rows(down_for, *some):
            found[staff_id].add(key)
    return found


def conversations_with_people(unit: ReadUnit, ids: Iterable[str]) -> dict[str, Conversation]:
    """Those of these conversations that there are, by id, with their participants and those who left."""
    found: dict[str, Conversation] = {}
    for some in batched(ids):
        found.update(world_where(unit, f"id IN ({_marks(some)})", *some).conversations)
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
        keys.update(unit.rows(_KEYS.format(_marks(some)), *some))
    talks: set[str] = set()
    for some in batched(sorted({conversation_of(key) for key in keys.values()})):
        talks.update(one for (one,) in unit.rows(_TALKS.format(_marks(some)), *some))
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
    rooms = _earlier_of(unit, conversation_ids)
    ids = {key: room_id for key, _, room_id in rooms}
    found = _earlier((key, conversation_id) for key, conversation_id, _ in rooms)
    return {conversation_id: tuple(ids[key] for key in keys) for conversation_id, keys in found.items()}


def record_room(unit: Unit, key: str, room_id: str | None) -> None:
    """Note the room that was made for a key, or with None that it is gone. Announces RoomRecorded."""
    unit.run(models.Room.update(room_id=room_id).where(models.Room.key == key))
    record(unit, Deed.ROOM_LOST if room_id is None else Deed.ROOM_MADE, subject=key, reason=room_id or "")
    row = unit.find(models.Conversation, models.Conversation.id == key)
    unit.announce(RoomRecorded(key, None if row is None else ConversationKind(row.kind), room_id))


@dataclass(frozen=True, slots=True)
class AccountsChanged:
    """News for those who listen to the store: an account was added, or what is known of one changed."""


def add_accounts(unit: Unit, localparts: dict[str, str]) -> None:
    """Give localparts to staff ids, before the accounts are asked for. Announces AccountsChanged."""
    unit.announce(AccountsChanged())
    for staff_id, localpart in localparts.items():
        unit.run(models.Account.insert(staff_id=staff_id, localpart=localpart).on_conflict_ignore())


def record_profile(unit: Unit, staff_id: str, name: str, profile: str, avatar_mxc: str, avatar_digest: str) -> None:
    """Note what was last written to the homeserver about an account. Announces AccountsChanged."""
    unit.announce(AccountsChanged())
    unit.run(
        models.Account.update(name=name, profile=profile, avatar_mxc=avatar_mxc, avatar_digest=avatar_digest).where(
            models.Account.staff_id == staff_id
        )
    )


def staff_by_localpart(unit: ReadUnit) -> dict[str, str]:
    """Staff ids by localpart."""
    return dict(unit.rows("SELECT localpart, staff_id FROM account"))


def localparts_of(unit: ReadUnit, staff_ids: Iterable[str]) -> dict[str, str]:
    """The localparts of those of these people who have an account, by staff id."""
    found: dict[str, str] = {}
    for some in batched(staff_ids):
        found.update(unit.rows(_LOCALPARTS.format(_marks(some)), *some))
    return found
