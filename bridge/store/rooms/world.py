"""What is stored about the firm, read in parts: the conversations that a change touches, or all of them in pieces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bridge.firm.conversation import ADMINS_ID, Conversation, ConversationKind, bot_chat_id
from bridge.firm.model import Firm
from bridge.firm.room_keys import KEEPER_SPACE, STAFF_SPACE, conversation_of, matter_of_space, matter_space_key
from bridge.store.engine.sql import batched, placeholders
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit
from bridge.store.record.homeserver_time import newest_ms
from bridge.store.rooms.accounts import StoredAccount, all_accounts
from bridge.store.rooms.channels import CHANNELS
from bridge.store.rooms.conversations import COLUMNS, conversation_in_row
from bridge.store.rooms.made import oldest_first, rooms_before, rooms_of

_AT_ONCE = 300
"""Conversations that are read in one unit."""
SLICE = 100
"""Matters, or conversations, in one slice of the firm."""
_IDS_AT_ONCE = 5000
_ROOMS = "SELECT key, room_id FROM room WHERE key > ? AND room_id IS NOT NULL ORDER BY key LIMIT ?"
_CHATS = "SELECT id FROM conversation WHERE id > ? AND kind IN (?, ?) ORDER BY id LIMIT ?"
# Also those that they left: while somebody who closed a direct conversation works here, it is kept open for them.
_THEIRS = "SELECT conversation_id FROM participant WHERE staff_id IN ({})"
_MATTERS = "SELECT DISTINCT matter_id FROM conversation WHERE id IN ({})"
_OF_THEIRS = "SELECT id, matter_id FROM conversation WHERE id IN ({theirs})"
_CONVERSATION = f"{COLUMNS}, alias_localpart"
_PEOPLE = "SELECT conversation_id, staff_id, present, since FROM participant WHERE conversation_id IN ({})"


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


def load_part(unit: ReadUnit, key: str) -> World:
    """What the room of this key depends on, in one unit: no conversation but its own or those of its matter, or for the
    staff space the channels; and no accounts."""
    if key == STAFF_SPACE:
        return world_where(unit, CHANNELS)
    if (matter_id := matter_of_space(key)) is not None:
        return world_where(unit, "matter_id = ?", matter_id, keys=(key,))
    return world_where(unit, "id = ?", conversation_of(key))


def world_where(unit: ReadUnit, condition: str, *values: object, keys: Iterable[str] = ()) -> World:
    """The conversations for which the condition, in SQL, holds; the rooms of these, of the spaces that list them and of
    `keys`; and no accounts."""
    stored = unit.rows(f"SELECT {_CONVERSATION} FROM conversation WHERE {condition}", *values)  # noqa: S608
    present: dict[str, set[str]] = {}
    absent: dict[str, set[str]] = {}
    since: dict[str, dict[str, int]] = {}
    # Of many channels with many people only what differs is kept: each id, each moment and each set of people once.
    names: dict[str, str] = {}
    moments: dict[int, int] = {}
    alike: dict[frozenset[str], frozenset[str]] = {}
    ids, newest = [row[0] for row in stored], newest_ms()
    before = rooms_before(unit, ids)
    spaces = {STAFF_SPACE, KEEPER_SPACE, *(matter_space_key(row[4]) for row in stored if row[4])}
    for some in batched(ids):
        for conversation_id, given, is_present, at in unit.each(_PEOPLE.format(placeholders(some)), *some):
            staff_id = names.setdefault(given, given)
            (present if is_present else absent).setdefault(conversation_id, set()).add(staff_id)
            since.setdefault(conversation_id, {})[staff_id] = moments.setdefault(at, at) if at <= newest else 0
    return World(
        conversations={
            row[0]: conversation_in_row(row, _shared(present.pop(row[0], ()), alike), frozenset(absent.get(row[0], ())))
            for row in stored
        },
        absent={conversation_id: frozenset(staff_ids) for conversation_id, staff_ids in absent.items()},
        since=since,
        aliases={row[0]: row[-1] for row in stored if row[-1]},
        rooms={**rooms_of(unit, [*ids, *sorted(spaces.union(keys))]), **{key: room_id for key, _, room_id in before}},
        earlier=oldest_first((key, conversation_id) for key, conversation_id, _ in before),
    )


def _shared(people: Iterable[str], alike: dict[frozenset[str], frozenset[str]]) -> frozenset[str]:
    """These people, as the same object for all conversations that have the same."""
    found = frozenset(people)
    return alike.setdefault(found, found)


def conversations_with_people(unit: ReadUnit, ids: Iterable[str]) -> dict[str, Conversation]:
    """Those of these conversations that there are, by id, with their participants and those who left."""
    found: dict[str, Conversation] = {}
    for some in batched(ids):
        found.update(world_where(unit, f"id IN ({placeholders(some)})", *some).conversations)
    return found


@dataclass(frozen=True, slots=True)
class Extent:
    """Which part of what is stored is to be loaded."""

    matters: frozenset[str] = frozenset()
    """Ids of matters whose conversations are in it."""
    people: frozenset[str] = frozenset()
    """Staff ids of those whose conversations are in it, with all others of the same matters; and what is
    everybody's."""
    channels: bool = False
    """Whether all channels are in it, and so the staff space's list."""
    keys: frozenset[str] = frozenset()
    """Ids of single conversations that are in it."""


def extent_of(unit: ReadUnit, keys: Iterable[str]) -> Extent:
    """What the rooms of these keys depend on: their conversations, those of the same matters, and for the staff
    space the channels."""
    asked = sorted({conversation_of(key) for key in keys})
    matters = {matter_id for matter_id in map(matter_of_space, asked) if matter_id is not None}
    for some in batched(asked):
        rows = unit.rows(_MATTERS.format(placeholders(some)), *some)
        matters.update(matter_id for (matter_id,) in rows if matter_id)
    return Extent(frozenset(matters), channels=STAFF_SPACE in asked, keys=frozenset(asked))


def load_conversations(unit: ReadUnit, extent: Extent) -> World:
    """This part of what is stored, in one unit, with the firm admins' room and without accounts."""
    matters, keys = set(extent.matters), {ADMINS_ID, *extent.keys}
    for some in batched(sorted(extent.people)):
        theirs = _THEIRS.format(placeholders(some))
        for key, matter_id in unit.rows(_OF_THEIRS.format(theirs=theirs), *some):
            keys.add(key)
            matters.add(matter_id)
    matters.discard("")
    parts = [world_where(unit, f"id IN ({placeholders(some)})", *some) for some in batched(sorted(keys))]
    for some in batched(sorted(matters)):
        spaces = map(matter_space_key, some)
        parts.append(world_where(unit, f"matter_id IN ({placeholders(some)})", *some, keys=spaces))
    if extent.channels:
        parts.append(world_where(unit, CHANNELS))
    elif extent.people:
        parts.append(world_where(unit, "everyone"))
    return _together(parts)


async def slices(store: Store, firm: Firm) -> list[Extent]:
    """Parts that together are everything, each small enough for one unit: first what belongs to nobody, such as the
    channels, then the matters, and last the conversations of people.

    A conversation that comes into being later is in none of them.
    """
    matters = sorted(firm.matters.keys() | await store.read(_matters_talked_about))
    chats = {bot_chat_id(staff_id) for staff_id in firm.active_staff}
    last: str | None = ""
    while last is not None:
        page = await store.read(_chats_behind, last)
        chats.update(page)
        last = page[-1] if page else None
    return [
        Extent(channels=True),
        *(Extent(frozenset(some)) for some in batched(matters, SLICE)),
        *(Extent(keys=frozenset(some)) for some in batched(sorted(chats), SLICE)),
    ]


def _matters_talked_about(unit: ReadUnit) -> set[str]:
    rows = unit.rows("SELECT DISTINCT matter_id FROM conversation WHERE matter_id != ''")
    return {matter_id for (matter_id,) in rows}


def _chats_behind(unit: ReadUnit, last: str) -> list[str]:
    kinds = ConversationKind.DIRECT.value, ConversationKind.BOT.value
    return [key for (key,) in unit.rows(_CHATS, last, *kinds, _IDS_AT_ONCE)]


async def read_world(store: Store) -> World:
    """Everything, in pieces, so that no unit holds the store for long.

    Each conversation is as it was at one moment, and different ones at different moments, as they may be in any pass
    over everything by the time it comes to them.
    """
    parts: list[World] = []
    last: str | None = ""
    while last is not None:
        part, last = await store.read(_behind, last)
        parts.append(part)
    last = ""
    while last is not None:
        rooms, last = await store.read(_rooms_behind, last)
        parts.append(World(rooms=rooms))
    return _together([*parts, World(accounts=await store.read(all_accounts))])


def _behind(unit: ReadUnit, last: str) -> tuple[World, str | None]:
    """The next conversations behind this id, and the last of them; None where there are no more."""
    part = world_where(unit, "id > ? ORDER BY id LIMIT ?", last, _AT_ONCE)
    # By the database's own order, in which they came.
    return part, next(reversed(part.conversations), None)


def _rooms_behind(unit: ReadUnit, last: str) -> tuple[dict[str, str], str | None]:
    """The next rooms that were made, behind this key, and the last of them; None where there are no more."""
    rooms = dict(unit.rows(_ROOMS, last, _IDS_AT_ONCE))
    return rooms, next(reversed(rooms), None)


def _together(parts: Iterable[World]) -> World:
    whole = World()
    for part in parts:
        whole.accounts.update(part.accounts)
        whole.conversations.update(part.conversations)
        whole.absent.update(part.absent)
        whole.since.update(part.since)
        whole.aliases.update(part.aliases)
        whole.rooms.update(part.rooms)
        whole.earlier.update(part.earlier)
    return whole
