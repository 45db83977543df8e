"""What is done as one user."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from nio import Api

from bridge.matrix import requests
from bridge.matrix.acting import Decides
from bridge.matrix.connection import Connection
from bridge.matrix.errors import ForbiddenError, NotFoundError
from bridge.matrix.parts.asking import NO_TOKEN, Asking, no_error
from bridge.matrix.port import Unread
from bridge.matrix.requests import V3, delete, get, post, put
from bridge.matrix.unread import UnreadCounts

Json = dict[str, Any]


class PersonClient(Asking):
    """The port `PersonRequests`."""

    def __init__(self, connection: Connection, bot_id: str, decides: Decides) -> None:
        super().__init__(connection, bot_id, decides)
        self._unread = UnreadCounts(self._synced)

    async def state_event(self, room_id: str, event_type: str, state_key: str) -> Json | None:
        return await self.state_event_as(self.bot_id, room_id, event_type, state_key)

    async def state_event_as(self, user_id: str, room_id: str, event_type: str, state_key: str) -> Json | None:
        try:
            asked = get(V3, "rooms", room_id, "state", event_type, state_key, query="format=event")
            event: Json = await self._as(user_id, asked)
        except (NotFoundError, ForbiddenError):
            return None
        return event

    async def join(self, room_id: str, user_id: str) -> None:
        await self._require_entering(user_id, room_id)
        await self.connection.ask(Api.join(NO_TOKEN, room_id), user_id)

    async def join_again(self, room_id: str, user_id: str) -> None:
        await self._require_entering(user_id, room_id)
        # Without words of its own Synapse takes it for done.
        reason = {"reason": "To be listed under the people in it"}
        await self.connection.ask(post(V3, "rooms", room_id, "join", body=reason), user_id)

    async def leave(self, room_id: str, user_id: str) -> None:
        with no_error(NotFoundError), no_error(ForbiddenError, f"{user_id} not in room"):
            await self._as_one_who_goes(user_id, Api.room_leave(NO_TOKEN, room_id))

    async def give_up_power(self, room_id: str, user_id: str, levels: Json) -> None:
        if user_id in levels.get("users", {}):
            raise ValueError("These power levels leave the user some power.")
        request = Api.room_put_state(NO_TOKEN, room_id, "m.room.power_levels", levels, "")
        await self._as_one_who_goes(user_id, request)

    async def forget(self, room_id: str, user_id: str) -> None:
        await self._as_one_who_goes(user_id, Api.room_forget(NO_TOKEN, room_id))

    async def send(self, room_id: str, sender: str, event_type: str, content: Json, txn_id: str) -> str:
        await self._require_acting(sender)
        return await self._once(requests.send_event(room_id, event_type, content, txn_id), sender)

    async def event(self, room_id: str, event_id: str, user_id: str) -> Json | None:
        try:
            found: Json = await self._as(user_id, Api.room_get_event(NO_TOKEN, room_id, event_id))
        except (NotFoundError, ForbiddenError):
            return None
        return None if "redacted_because" in found.get("unsigned", {}) else found

    async def state_content(self, room_id: str, event_type: str, user_id: str, state_key: str = "") -> Json:
        try:
            asked = Api.room_get_state_event(NO_TOKEN, room_id, event_type, state_key)
            content: Json = await self._as(user_id, asked)
        except (NotFoundError, ForbiddenError):
            return {}
        return content

    async def account_data(self, user_id: str, data_type: str, room_id: str = "") -> Json:
        try:
            content: Json = await self._as(user_id, get(*_account_data(user_id, data_type, room_id)))
        except NotFoundError:
            return {}
        return content

    async def put_account_data(self, user_id: str, data_type: str, content: Json, room_id: str = "") -> None:
        if room_id:
            # It may name what the room is about.
            await self._require_entering(user_id, room_id)
        await self._as(user_id, put(*_account_data(user_id, data_type, room_id), body=content))

    async def push_rules(self, user_id: str) -> Json:
        rules: Json = await self._as(user_id, get(V3, "pushrules", "global", ""))
        return rules

    async def put_push_rule(self, user_id: str, kind: str, rule_id: str, rule: Json) -> None:
        await self._as(user_id, put(V3, "pushrules", "global", kind, rule_id, body=rule))

    async def delete_push_rule(self, user_id: str, kind: str, rule_id: str) -> None:
        with suppress(NotFoundError):
            await self._as(user_id, delete(V3, "pushrules", "global", kind, rule_id))

    async def joined_rooms(self, user_id: str) -> list[str]:
        room_ids: list[str] = await self._as(user_id, Api.joined_rooms(NO_TOKEN), "joined_rooms")
        return room_ids

    async def unread(self, user_id: str) -> list[Unread]:
        return await self._unread.of(user_id)

    def has_counted(self, user_id: str) -> bool:
        return self._unread.has_counted(user_id)

    async def _synced(self, user_id: str, since: str) -> Json:
        answer: Json = await self._as(user_id, requests.unread(since))
        return answer

    async def search(self, user_id: str, words: str, room_ids: Sequence[str], limit: int) -> list[Json]:
        answer = await self._as(user_id, requests.search(words, room_ids, limit), "search_categories")
        return [one["result"] for one in answer["room_events"].get("results", ())][:limit]


def _account_data(user_id: str, data_type: str, room_id: str) -> tuple[str, ...]:
    """The parts of the address of account data, global or of a room."""
    where = ("rooms", room_id) if room_id else ()
    return (V3, "user", user_id, *where, "account_data", data_type)
