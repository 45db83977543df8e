"""Ways into a room that are refused without Synapse asking about the event, so that the audit log has them too (O1).

* Where a room's rule names spaces, somebody who is neither invited nor in one of them is refused before the event is
  made (Synapse: `check_restricted_join_rules`).
* The guard refuses a former member every request that names the room (`guard/hooks/former.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from synapse.module_api import ModuleApi

from bridge.firm.room_keys import MARKER
from bridge.firm.room_rules import JOIN_RULES
from bridge.guard.gate import MEMBER, Change, Mark
from bridge.guard.hooks.delegated import is_server_admin
from bridge.guard.hooks.former import Former, mark_of
from bridge.guard.requests import Entering

_BY_SPACE = frozenset({"restricted", "knock_restricted"})
_COMES_IN = frozenset({"join", "invite"})
"""Memberships with which Synapse does not look at spaces."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody's own way into a room, and what the room is."""

    room_id: str
    change: Change
    mark: Mark | None


async def kept_out(user_id: str, room_id: str, bot: str, api: ModuleApi) -> Entry | None:
    """The join that Synapse refuses by the room's rule alone; None for one about which it asks the guard."""
    state = await api.get_room_state(room_id, [(MARKER, ""), (JOIN_RULES, ""), (MEMBER, user_id)])
    rule, marker = state.get((JOIN_RULES, "")), state.get((MARKER, ""))
    before = _membership(state.get((MEMBER, user_id)))
    if rule is None or rule.content.get("join_rule") not in _BY_SPACE or before in _COMES_IN:
        return None
    for space in _named(rule.content):
        if await membership(user_id, space, api) == "join":
            return None
    mark = mark_of(marker.content) if marker is not None and marker.sender == bot else None
    return Entry(room_id, Change(MEMBER, user_id, user_id, "join", before), mark)


async def unasked(user_id: str, wanted: Entering, former: Former, bot: str, api: ModuleApi) -> Entry | None:
    """The way in by a request that is refused without `kept_out` being asked; None for any other.

    It is that of a former member, or a join of a server admin, of whose joins Synapse asks no module.
    """
    if (mark := await former.mark_kept(user_id, wanted.room)) is not None:
        return Entry(wanted.room, Change(MEMBER, user_id, user_id, wanted.how, "leave"), mark)
    if wanted.how != "join" or not await is_server_admin(user_id, api):
        return None
    room_id = wanted.room if wanted.room.startswith("!") else (await api.lookup_room_alias(wanted.room))[0]
    return await kept_out(user_id, room_id, bot, api)


async def membership(user_id: str, room_id: str, api: ModuleApi) -> str:
    """Somebody's membership in a room; empty for one who never was there."""
    return _membership((await api.get_room_state(room_id, [(MEMBER, user_id)])).get((MEMBER, user_id)))


def _membership(member: Any) -> str:
    return "" if member is None else str(member.content.get("membership", ""))


def _named(rule: Mapping[str, Any]) -> Iterator[str]:
    """The rooms that a join rule names; the bot alone sets rules, and of no other form (firm/room_rules.py)."""
    for one in rule.get("allow", ()):
        if isinstance(one, Mapping) and isinstance(room_id := one.get("room_id"), str):
            yield room_id
