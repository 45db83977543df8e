"""The choke point: what the client asks before it requests anything as or for somebody. Synapse would not refuse it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Protocol

from bridge.firm.conversation import Conversation
from bridge.firm.model import Firm
from bridge.firm.policy import Decision, may_act, may_be_in, may_be_in_space
from bridge.firm.room_keys import conversation_of
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit
from bridge.store.rooms.accounts import staff_by_localpart
from bridge.store.rooms.conversations import conversation_by_id
from bridge.store.rooms.made import key_of_room


class Decides(Protocol):
    """Whom anything may be done for. User ids are those of people: of itself the bridge asks nobody."""

    async def may_act(self, user_id: str) -> Decision:
        """Whether anything may be requested as or for this user (F1, F2)."""

    async def may_enter(self, user_id: str, room_id: str) -> Decision:
        """Whether this user may be brought into that room (F1, D2, F4, M3)."""

    async def may_enter_new(self, user_id: str, key: str) -> Decision:
        """The same for the room of this key, which is about to be made."""


class NobodyElse:
    """Decides for a program that has to do with the bot alone."""

    async def may_act(self, user_id: str) -> Decision:
        return Decision(False, "F1", "This program does nothing for people.")

    async def may_enter(self, user_id: str, room_id: str) -> Decision:
        return await self.may_act(user_id)

    async def may_enter_new(self, user_id: str, key: str) -> Decision:
        return await self.may_act(user_id)


class FirmDecides:
    """Decides by the firm of this moment, not by the one that something was planned with. Raises StoreError."""

    def __init__(self, store: Store, server_name: str, firm: Callable[[], Firm], today: Callable[[], date]) -> None:
        """`today` is the firm's day."""
        self._store = store
        self._suffix = f":{server_name}"
        self._firm = firm
        self._today = today
        self._staff: dict[str, str] = {}
        """Staff ids by localpart. One that was given never changes, so only what is missing is looked up."""

    async def may_act(self, user_id: str) -> Decision:
        staff_id = await self._staff_id(user_id)
        return _UNKNOWN if staff_id is None else may_act(self._firm(), staff_id)

    async def may_enter(self, user_id: str, room_id: str) -> Decision:
        def work(unit: ReadUnit) -> tuple[str | None, Conversation | None]:
            key = key_of_room(unit, room_id)
            return key, None if key is None else conversation_by_id(unit, conversation_of(key))

        key, conversation = await self._store.read(work)
        return _NO_ROOM if key is None else await self._decided(user_id, key, conversation)

    async def may_enter_new(self, user_id: str, key: str) -> Decision:
        return await self._decided(user_id, key, await self._store.read(conversation_by_id, key))

    async def _decided(self, user_id: str, key: str, conversation: Conversation | None) -> Decision:
        staff_id = await self._staff_id(user_id)
        if staff_id is None:
            return _UNKNOWN
        if conversation is None:
            return may_be_in_space(self._firm(), staff_id, key, self._today())
        return may_be_in(self._firm(), staff_id, conversation, self._today())

    async def _staff_id(self, user_id: str) -> str | None:
        if not user_id.startswith("@") or not user_id.endswith(self._suffix):
            return None
        localpart = user_id[1:].removesuffix(self._suffix)
        if localpart not in self._staff:
            self._staff = await self._store.read(staff_by_localpart)
        return self._staff.get(localpart)


_UNKNOWN = Decision(False, "F1", "This is no account of the firm's staff.")
_NO_ROOM = Decision(False, "F1", "This is no room of the firm.")
