"""Rooms, by the bot, and what happened in them."""

from __future__ import annotations

from typing import Any

from nio import Api

from bridge.firm.room_keys import MARKER
from bridge.mapping.disclosure import Happened
from bridge.matrix import requests
from bridge.matrix.errors import ForbiddenError, NotFoundError
from bridge.matrix.parts.asking import NO_TOKEN, Asking, no_error, require
from bridge.matrix.requests import ADMIN_V1, V3, get, post

Json = dict[str, Any]
_ROOMS_AT_ONCE = 500


class RoomClient(Asking):
    """The ports `RoomRequests` and `HistoryRequests`."""

    async def create_room(self, body: Json) -> str:
        first = body.get("initial_state", ())
        key = next((event["content"]["key"] for event in first if event["type"] == MARKER), "")
        invited = [event["state_key"] for event in first if event["type"] == "m.room.member"]
        for user_id in (*invited, *body.get("invite", ())):
            require(user_id, await self._decides.may_enter_new(user_id, key))
        return str(await self._as_bot(post(V3, "createRoom", body=body), "room_id"))

    async def resolve_alias(self, alias: str) -> str | None:
        try:
            return str(await self._as_bot(Api.room_resolve_alias(alias), "room_id"))
        except NotFoundError:
            return None

    async def put_alias(self, alias: str, room_id: str) -> None:
        await self._as_bot(Api.room_put_alias(NO_TOKEN, alias, room_id))

    async def delete_alias(self, alias: str) -> None:
        with no_error(NotFoundError):
            await self._as_bot(Api.room_delete_alias(NO_TOKEN, alias))

    async def room_state(self, room_id: str) -> list[Json]:
        events: list[Json] = await self._as_bot(get(V3, "rooms", room_id, "state"))
        return events

    async def admin_room_state(self, room_id: str) -> list[Json]:
        events: list[Json] = await self._as_bot(get(ADMIN_V1, "rooms", room_id, "state"), "state")
        return events

    async def history(self, room_id: str) -> list[Happened]:
        found: list[Happened] = []
        start: str | None = ""
        while start is not None:
            page = await self._as_bot(requests.history(room_id, start))
            found += [one for event in page["chunk"] if (one := _happened(event)) is not None]
            start = page.get("end")
        return found

    async def admin_messages(self, room_id: str, start: str) -> tuple[list[Json], str | None]:
        page = await self._as_bot(requests.admin_messages(room_id, start))
        return page["chunk"], page.get("end")

    async def admin_events(self, room_id: str, start: str) -> tuple[list[Json], str | None]:
        page = await self._as_bot(requests.admin_events(room_id, start))
        return page["chunk"], page.get("end")

    async def admin_newest_messages(self, room_id: str) -> list[Json]:
        newest: list[Json] = await self._as_bot(requests.admin_newest_messages(room_id), "chunk")
        return newest

    async def admin_newest_event(self, room_id: str) -> str:
        newest = await self._as_bot(get(ADMIN_V1, "rooms", room_id, "messages", query="dir=b&limit=1"), "chunk")
        return str(newest[0]["event_id"]) if newest else ""

    async def admin_place_of(self, room_id: str, since_ms: int) -> str | None:
        try:
            first = get(ADMIN_V1, "rooms", room_id, "timestamp_to_event", query=f"dir=f&ts={since_ms}")
            event_id = await self._as_bot(first, "event_id")
            around = get(ADMIN_V1, "rooms", room_id, "context", event_id, query="limit=0")
            return str(await self._as_bot(around, "start"))
        except NotFoundError:
            return None

    async def put_state(
        self, room_id: str, event_type: str, state_key: str, content: Json, user_id: str | None = None
    ) -> str:
        if event_type == "m.room.member":
            raise ValueError("Memberships change by invite, kick, join and leave, which ask the policy.")
        request = Api.room_put_state(NO_TOKEN, room_id, event_type, content, state_key)
        return str(await self._as(user_id or self.bot_id, request, "event_id"))

    async def invite(self, room_id: str, user_id: str) -> None:
        await self._require_entering(user_id, room_id)
        with no_error(ForbiddenError, "is already in the room"):
            await self._as_bot(Api.room_invite(NO_TOKEN, room_id, user_id))

    async def kick(self, room_id: str, user_id: str, reason: str) -> None:
        with no_error(ForbiddenError, "target user is not in the room"):
            await self._as_bot(Api.room_kick(NO_TOKEN, room_id, user_id, reason))

    async def unban(self, room_id: str, user_id: str) -> None:
        await self._require_entering(user_id, room_id)
        with no_error(ForbiddenError, "user who was not banned"):
            await self._as_bot(Api.room_unban(NO_TOKEN, room_id, user_id))

    async def redact(self, room_id: str, event_id: str, reason: str, txn_id: str) -> None:
        with no_error(NotFoundError):
            await self._once(Api.room_redact(NO_TOKEN, room_id, event_id, txn_id, reason), self.bot_id)

    async def set_typing(self, room_id: str, typing: bool) -> None:
        await self._as_bot(Api.room_typing(NO_TOKEN, room_id, self.bot_id, typing))

    async def admin_rooms(self) -> list[Json]:
        rooms: list[Json] = []
        start: int | None = 0
        while start is not None:
            page = await self._as_bot(get(ADMIN_V1, "rooms", query=f"from={start}&limit={_ROOMS_AT_ONCE}"))
            rooms += page["rooms"]
            start = page.get("next_batch")
        return rooms

    async def admin_members(self, room_id: str) -> list[str]:
        members: list[str] = await self._as_bot(get(ADMIN_V1, "rooms", room_id, "members"), "members")
        return members


def _happened(event: Json) -> Happened | None:
    """Without what was said; None for an event that says nothing, as state set by somebody under a message's type."""
    at, state_key = int(event["origin_server_ts"]), event.get("state_key")
    if event["type"] != "m.room.member":
        return Happened(at) if state_key is None else None
    if not isinstance(state_key, str):
        return None
    return Happened(at, state_key, event.get("content", {}).get("membership") == "join")
