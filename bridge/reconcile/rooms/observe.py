"""What is: rooms, accounts and direct-message lists, read from the homeserver and never from a cache."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, TypeVar

from bridge.firm.room_keys import MARKER
from bridge.matrix.errors import ForbiddenError, NotAllowedError, NotFoundError
from bridge.matrix.port import PersonRequests, RoomRequests
from bridge.reconcile.planning.observed import Move, Observed, Sent

Json = dict[str, Any]
T = TypeVar("T")
R = TypeVar("R")
_PRESENT = frozenset({"join", "invite", "knock"})
_GONE = frozenset({"leave", "ban"})


async def in_parallel(items: Iterable[T], work: Callable[[T], Awaitable[R]], limit: int) -> list[R]:
    """The results of `work` for every item, in order, at most `limit` at once. The first failure ends all."""
    waiting = enumerate(list(items))
    results: dict[int, R] = {}

    async def worker() -> None:
        # No task for each item: a pass over a large firm would have tens of thousands, and begin them all at once.
        for place, item in waiting:
            results[place] = await work(item)
            await asyncio.sleep(0)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(limit):
                group.create_task(worker())
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures
    return [results[place] for place in sorted(results)]


async def observe_room(homeserver: RoomRequests, room_id: str, *, bot_expected: bool = True) -> Observed | None:
    """The room as it is, or None when it is gone or not even the admin API knows its state.

    Who is not in a room may be shown the state of the day they left, so that the bot believes it only when it is in.
    """
    if bot_expected:
        with suppress(ForbiddenError, NotFoundError):
            observed = observed_of(room_id, await homeserver.room_state(room_id), homeserver.bot_id)
            if observed.members.get(homeserver.bot_id) == "join":
                return observed
    try:
        events = await homeserver.admin_room_state(room_id)
    except NotFoundError:
        return None
    return observed_of(room_id, events, homeserver.bot_id) if events else None


def observed_of(room_id: str, events: list[Json], bot_id: str) -> Observed:
    """What these state events say of a room."""
    state = {(event["type"], event["state_key"]): event["content"] for event in events}
    members = {
        key[1]: content["membership"]
        for key, content in state.items()
        if key[0] == "m.room.member" and content.get("membership") in _PRESENT
    }
    creator = next((event["sender"] for event in events if event["type"] == "m.room.create"), "")
    moves = {
        event["state_key"]: Move(event["content"]["membership"], event["origin_server_ts"])
        for event in events
        if event["type"] == "m.room.member"
        and event["sender"] == event["state_key"]
        and event["content"].get("membership") in {"join", "leave"}
    }
    banned = frozenset(
        key[1] for key, content in state.items() if key[0] == "m.room.member" and content.get("membership") == "ban"
    )
    departed = frozenset(
        key[1] for key, content in state.items() if key[0] == "m.room.member" and content.get("membership") in _GONE
    )
    sent = {
        (event["type"], event["state_key"]): Sent(event["sender"], event["event_id"], event["origin_server_ts"])
        for event in events
    }
    as_chat = frozenset(event["state_key"] for event in events if _joined_a_chat(event, bot_id))
    return Observed(room_id, members, state, creator, moves, banned, sent, departed, as_chat)


def _joined_a_chat(event: Json, bot_id: str) -> bool:
    """Whether somebody joined, and the invitation before it was the bot's and said that the room is direct.

    By that clients find out with whom a direct conversation is (matrix-js-sdk: getDMInviter).
    """
    if event["type"] != "m.room.member" or event["content"].get("membership") != "join":
        return False
    unsigned = event.get("unsigned", {})
    before = unsigned.get("prev_content", {})
    return bool(
        before.get("membership") == "invite" and before.get("is_direct") and unsigned.get("prev_sender") == bot_id
    )


def is_ours(observed: Observed, key: str, bot_id: str) -> bool:
    """Whether the room was made by the bridge for this key, and completely."""
    return observed.creator == bot_id and observed.state.get((MARKER, ""), {}).get("key") == key


def is_marked(observed: Observed) -> bool:
    """Whether the room was made by the bridge, for whatever key, and completely."""
    return bool(observed.state.get((MARKER, "")))


async def observe_direct(homeserver: PersonRequests, user_id: str) -> Json:
    """Somebody's m.direct; empty for who left the firm a moment ago."""
    with suppress(NotAllowedError):
        return await homeserver.account_data(user_id, "m.direct")
    return {}
