"""Who an account is and what a room carries, kept in memory. The store tells when a room is made or replaced."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bridge.firm.conversation import ConversationKind
from bridge.store import models
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit
from bridge.store.rooms.accounts import staff_by_localpart
from bridge.store.rooms.conversations import left_direct_rooms
from bridge.store.rooms.made import RoomRecorded, rooms_of_kind


@dataclass(frozen=True, slots=True)
class Place:
    """What a room is to the firm."""

    key: str
    kind: ConversationKind | None
    """None for a space."""
    earlier: str = ""
    """The key of the room itself, where its conversation goes on in another one."""


class Places:
    """Look-ups from Matrix ids to firm things, kept in memory and asked of the store when something is new."""

    def __init__(self, store: Store, server_name: str) -> None:
        self._store = store
        self._suffix = f":{server_name}"
        self._staff: dict[str, str] = {}
        self._rooms: dict[str, Place] = {}
        self.bot_chats: set[str] = set()
        """Room ids of the chats with the bot, where everything typed is for the bot."""
        self.left_direct: dict[str, frozenset[str]] = {}
        """Direct conversations that somebody left, by room id, with the staff ids of those."""
        store.listen(self._hear)

    async def refresh(self) -> None:
        """Read everything anew, also what another process changed."""
        self._rooms.clear()
        self._staff = await self._store.read(staff_by_localpart)
        self.bot_chats = set(await self._store.read(rooms_of_kind, ConversationKind.BOT))
        await self.look_who_left()

    async def follow(self) -> None:
        """Read anew what a change of the firm may have changed and the store has not told of."""
        self._rooms.clear()
        await self.look_who_left()

    async def look_who_left(self) -> None:
        """Read anew which direct conversations somebody left."""
        self.left_direct = await self._store.read(left_direct_rooms)

    def _hear(self, news: Sequence[object]) -> None:
        for item in news:
            if not isinstance(item, RoomRecorded):
                continue
            replaced = [room_id for room_id, place in self._rooms.items() if place.key == item.key]
            for room_id in replaced:
                del self._rooms[room_id]
                self.bot_chats.discard(room_id)
            if item.room_id is not None and item.kind is ConversationKind.BOT:
                self.bot_chats.add(item.room_id)

    def known_staff_id(self, user_id: str) -> str | None:
        """The staff id behind a user id of this server; None where that is not in memory."""
        return self._staff.get(self._localpart(user_id))

    def known_place(self, room_id: str) -> Place | None:
        """What the room is; None where that is not in memory."""
        return self._rooms.get(room_id)

    async def staff_id(self, user_id: str) -> str | None:
        """The staff id behind a user id of this server, or None for an account the firm does not know."""
        localpart = self._localpart(user_id)
        if localpart and localpart not in self._staff:
            self._staff = await self._store.read(staff_by_localpart)
        return self._staff.get(localpart)

    async def staff_ids(self, user_ids: Collection[str]) -> dict[str, str]:
        """The staff ids behind those of these user ids that the firm knows. What is new is asked for once for all."""
        localparts = {self._localpart(one) for one in user_ids} - {""}
        if not localparts <= self._staff.keys():
            self._staff = await self._store.read(staff_by_localpart)
        return {one: found for one in user_ids if (found := self.known_staff_id(one)) is not None}

    def _localpart(self, user_id: str) -> str:
        """The localpart of a user id of this server; empty for any other."""
        return user_id.removesuffix(self._suffix).removeprefix("@") if user_id.endswith(self._suffix) else ""

    async def place(self, room_id: str) -> Place | None:
        """What the room is, or None when it is none of the firm's."""
        if room_id not in self._rooms:
            found = await self._store.read(_look_up, room_id)
            if found is None:
                return None
            self._rooms[room_id] = found
            if found.kind is ConversationKind.BOT:
                self.bot_chats.add(room_id)
        return self._rooms[room_id]


def _look_up(unit: ReadUnit, room_id: str) -> Place | None:
    room = unit.find(models.Room, models.Room.room_id == room_id)
    if room is None:
        return None
    key = str(room.earlier_of or room.key)
    conversation = unit.find(models.Conversation, models.Conversation.id == key)
    kind = None if conversation is None else ConversationKind(conversation.kind)
    return Place(key, kind, str(room.key) if room.earlier_of else "")
