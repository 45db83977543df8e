"""The list by which clients know direct conversations: m.direct in each person's account data (D3). Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from bridge.mapping.rooms.shapes import RoomShape

Json = dict[str, Any]


def others_in(shape: RoomShape, user_id: str, bot_id: str) -> frozenset[str]:
    """User ids of whom somebody talks to in a direct room, those who closed it for themselves included."""
    bot = {bot_id} if shape.bot_stays else frozenset[str]()
    return frozenset(shape.called or shape.members).union(bot) - {user_id}


def with_room(before: Json, room_id: str, others: Collection[str], nobody: str, bot_id: str) -> Json:
    """m.direct with this room listed once; what people wrote there stays, odd values too (specification: m.direct).

    A conversation of two is listed under the other person. One of more is listed under `nobody`, a user that nobody
    writes to: clients that look up under a person what to open for "Start chat" take the newest or first room that they
    find there, and would write to three what was meant for one. For the same reason no conversation without the bot
    stays under it, where clients put those into which it invited as direct ones.
    """
    if bot_id not in others and _lists(before.get(bot_id), room_id):
        left = _without(before[bot_id], room_id)
        before = {key: rooms for key, rooms in {**before, bot_id: left}.items() if key != bot_id or rooms}
    if len(others) == 1:
        if any(_lists(rooms, room_id) for rooms in before.values()):
            return before
        (key,) = others
        return _listed(before, room_id, key)
    kept = {user_id: rooms for user_id, rooms in before.items() if user_id not in others}
    cleared = {user_id: _without(before[user_id], room_id) for user_id in before if user_id in others}
    return _listed({**kept, **{user_id: rooms for user_id, rooms in cleared.items() if rooms}}, room_id, nobody)


def _listed(before: Json, room_id: str, key: str) -> Json:
    rooms = before.get(key)
    if not isinstance(rooms, list):
        return {**before, key: [room_id]}
    return before if room_id in rooms else {**before, key: [*rooms, room_id]}


def _lists(rooms: Any, room_id: str) -> bool:
    return isinstance(rooms, list) and room_id in rooms


def _without(rooms: Any, room_id: str) -> Any:
    return [one for one in rooms if one != room_id] if _lists(rooms, room_id) else rooms
