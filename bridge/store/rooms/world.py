"""What is stored about the firm, read in parts: the conversations that a change touches, or all of them in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bridge.firm.conversation import ADMINS_ID, ConversationKind, bot_chat_id
from bridge.firm.model import Firm
from bridge.firm.room_keys import STAFF_SPACE, conversation_of, matter_of_space, matter_space_key
from bridge.store.engine.sql import batched
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit
from bridge.store.rooms.channels import CHANNELS
from bridge.store.rooms.conversations import AccountsChanged, StoredAccount, World, all_accounts, rooms_of, world_where

_AT_ONCE = 300
"""Conversations that are read in one unit."""
SLICE = 100
"""Matters, or conversations, in one slice of the firm."""
_IDS_AT_ONCE = 5000
_CHATS = "SELECT id FROM conversation WHERE id > ? AND kind IN (?, ?) ORDER BY id LIMIT ?"
# Also those that they left: while somebody who closed a direct conversation works here, it is kept open for them.
_THEIRS = "SELECT conversation_id FROM participant WHERE staff_id IN ({})"
_MATTERS = "SELECT DISTINCT matter_id FROM conversation WHERE id IN ({})"
_OF_THEIRS = "SELECT id, matter_id FROM conversation WHERE id IN ({theirs})"


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
        rows = unit.rows(_MATTERS.format(_marks(some)), *some)
        matters.update(matter_id for (matter_id,) in rows if matter_id)
    return Extent(frozenset(matters), channels=STAFF_SPACE in asked, keys=frozenset(asked))


def load_conversations(unit: ReadUnit, extent: Extent) -> World:
    """This part of what is stored, in one unit, with the firm admins' room and without accounts."""
    matters, keys = set(extent.matters), {ADMINS_ID, *extent.keys}
    for some in batched(sorted(extent.people)):
        theirs = _THEIRS.format(_marks(some))
        for key, matter_id in unit.rows(_OF_THEIRS.format(theirs=theirs), *some):
            keys.add(key)
            matters.add(matter_id)
    matters.discard("")
    parts = [world_where(unit, f"id IN ({_marks(some)})", *some) for some in batched(sorted(keys))]
    for some in batched(sorted(matters)):
        spaces = map(matter_space_key, some)
        parts.append(world_where(unit, f"matter_id IN ({_marks(some)})", *some, keys=spaces))
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
    return _together([*parts, World(accounts=await store.read(all_accounts), rooms=await store.read(rooms_of, None))])


def _behind(unit: ReadUnit, last: str) -> tuple[World, str | None]:
    """The next conversations behind this id, and the last of them; None where there are no more."""
    part = world_where(unit, "id > ? ORDER BY id LIMIT ?", last, _AT_ONCE)
    # By the database's own order, in which they came.
    return part, next(reversed(part.conversations), None)


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


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


class Accounts:
    """All accounts, kept in memory until one changes: every room needs to know whose the user ids in it are."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, StoredAccount] | None = None
        self._owners: dict[str, str] | None = None
        self._changes = 0
        store.listen(self._hear)

    async def known(self) -> dict[str, StoredAccount]:
        """The accounts, by staff id. Not to be changed."""
        if (known := self._known) is None:
            before = self._changes
            known = await self._store.read(all_accounts)
            # What changed meanwhile may be in it or not.
            self._known = known if before == self._changes else None
        return known

    async def owners(self) -> dict[str, str]:
        """Staff ids by localpart. Not to be changed."""
        known = await self.known()
        if (owners := self._owners) is None:
            owners = {account.localpart: staff_id for staff_id, account in known.items()}
            self._owners = owners if known is self._known else None
        return owners

    def _hear(self, news: Sequence[object]) -> None:
        if any(isinstance(one, AccountsChanged) for one in news):
            self._known = self._owners = None
            self._changes += 1
