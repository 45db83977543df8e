"""What a room is, by the mark that the bot puts on it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from synapse.module_api import EventBase, ModuleApi, StateMap

from bridge.firm.room_keys import MARKER, SPACE
from bridge.guard.gate import Mark
from bridge.guard.hooks.former import mark_of

_ROOMS_IN_THE_MAKING = 1000


class RoomMarks:
    """Reads marks, and knows those of rooms that are being made."""

    def __init__(self, bot: str, api: ModuleApi) -> None:
        self._bot = bot
        self._api = api
        self._being_made: OrderedDict[str, Mark] = OrderedDict()
        """Marks of rooms whose first state is not stored yet, by room id."""

    def of_event(self, event: EventBase, state: StateMap[EventBase]) -> Mark | None:
        """What the room is. While it is made, its first state is not stored, and the marker comes before the people."""
        marker = state.get((MARKER, ""))
        if marker is None:
            return self._being_made.get(event.room_id)
        return mark_of(marker.content) if marker.sender == self._bot else None

    async def of_room(self, room_id: str) -> Mark | None:
        """What a room that is made is; None where the bot did not mark it."""
        marker = (await self._api.get_room_state(room_id, [(MARKER, "")])).get((MARKER, ""))
        return mark_of(marker.content) if marker is not None and marker.sender == self._bot else None

    async def spaces_named(self, rule: Mapping[str, Any]) -> frozenset[str]:
        """The keys of the firm's spaces that a join rule names; an empty one for anything else that it names."""
        named = rule.get("allow", ())
        rooms = [one.get("room_id") if isinstance(one, Mapping) else None for one in named] if named else []
        marks = [await self.of_room(room_id) if isinstance(room_id, str) else None for room_id in rooms]
        return frozenset(mark.key if mark is not None and mark.kind == SPACE else "" for mark in marks)

    def remember(self, event: EventBase) -> None:
        """Know the mark of a room that is being made."""
        self._being_made[event.room_id] = mark_of(event.content)
        while len(self._being_made) > _ROOMS_IN_THE_MAKING:
            self._being_made.popitem(last=False)
