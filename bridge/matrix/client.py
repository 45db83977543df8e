"""The port to the homeserver, as spoken to a real Synapse."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from nio import Api

from bridge.firm.policy import Decision
from bridge.firm.room_keys import MARKER
from bridge.guard.protocol import FACTS_PATH, FAREWELL_PATH, PATH, REFUSALS_PATH
from bridge.mapping.disclosure import Happened
from bridge.matrix import requests
from bridge.matrix.accounts.bot_token import BotToken
from bridge.matrix.accounts.mas import MasAccounts
from bridge.matrix.accounts.mas_api import MasApi
from bridge.matrix.accounts.port import AccountKeeping
from bridge.matrix.accounts.synapse import SynapseAccounts
from bridge.matrix.acting import Decides
from bridge.matrix.connection import DEVICE, Connection, OnRequest
from bridge.matrix.errors import (
    BadRequestError,
    ForbiddenError,
    HomeserverError,
    NotAllowedError,
    NotFoundError,
    TokenRejectedError,
)
from bridge.matrix.port import Take, Unread
from bridge.matrix.requests import ADMIN_V1, V1, V3, Request, delete, get, post, put
from bridge.matrix.unread import UnreadCounts
from bridge.settings import APPSERVICE_ID, AppserviceSettings, HomeserverSettings, MasSettings

Json = dict[str, Any]

_THUMBNAIL_MAX = 1 << 20
"""Bytes."""
_NO_TOKEN = ""
_ROOMS_AT_ONCE = 500
"""nio's builders want a token for the query; the connection has it in the header."""


class MatrixClient:
    """The port `Homeserver` (port.py, which says what each method means) over one connection to Synapse.

    Before anything is requested as or for a person it asks `decides`, and raises NotAllowedError. What only takes
    something away asks nobody, since it must go on for leavers: leaving, forgetting, giving up power, removing, ending
    sessions, locking.
    """

    def __init__(
        self,
        settings: HomeserverSettings,
        appservice: AppserviceSettings,
        decides: Decides,
        on_request: OnRequest | None = None,
        mas: MasSettings | None = None,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_request` is called after every attempt with method, route, status and seconds; `before` is as for
        `Connection`."""
        self.bot_id = f"@{appservice.bot_localpart}:{settings.server_name}"
        self.connection = Connection(settings, appservice, on_request, before)
        self._accounts, self._mas = self._accounts_of(settings, mas, on_request, before)
        self._decides = decides
        self._unread = UnreadCounts(self._synced)
        self._devices: set[str] = set()
        self._device_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def _accounts_of(
        self,
        settings: HomeserverSettings,
        mas: MasSettings | None,
        on_request: OnRequest | None,
        before: Callable[[], None],
    ) -> tuple[AccountKeeping, MasApi | None]:
        if mas is None or not mas.url:
            return SynapseAccounts(self._as_bot), None
        api = MasApi(mas, settings, on_request, before)
        self.connection.bot_token = BotToken(api, self.bot_id)
        return MasAccounts(api, self._as_bot, self.connection.ask), api

    @property
    def accounts_trouble(self) -> str:
        return "" if self._mas is None else self._mas.trouble

    async def look_at_accounts(self) -> None:
        if self._mas is not None:
            await self._mas.look()

    async def _as_bot(self, request: Request, key: str = "") -> Any:
        return await self.connection.ask(request, self.bot_id, key)

    async def _as(self, user_id: str, request: Request, key: str = "") -> Any:
        await self._require_acting(user_id)
        return await self.connection.ask(request, user_id, key)

    async def _as_one_who_goes(self, user_id: str, request: Request) -> None:
        """As somebody of whom only something is taken away, for which nobody is asked: leavers have to go."""
        await self.connection.ask(request, user_id)

    async def _require_acting(self, user_id: str) -> None:
        if user_id != self.bot_id:
            _require(user_id, await self._decides.may_act(user_id))

    async def _require_entering(self, user_id: str, room_id: str) -> None:
        if user_id != self.bot_id:
            _require(user_id, await self._decides.may_enter(user_id, room_id))

    async def create_room(self, body: Json) -> str:
        first = body.get("initial_state", ())
        key = next((event["content"]["key"] for event in first if event["type"] == MARKER), "")
        invited = [event["state_key"] for event in first if event["type"] == "m.room.member"]
        for user_id in (*invited, *body.get("invite", ())):
            _require(user_id, await self._decides.may_enter_new(user_id, key))
        return str(await self._as_bot(post(V3, "createRoom", body=body), "room_id"))

    async def resolve_alias(self, alias: str) -> str | None:
        try:
            return str(await self._as_bot(Api.room_resolve_alias(alias), "room_id"))
        except NotFoundError:
            return None

    async def put_alias(self, alias: str, room_id: str) -> None:
        await self._as_bot(Api.room_put_alias(_NO_TOKEN, alias, room_id))

    async def delete_alias(self, alias: str) -> None:
        with _no_error(NotFoundError):
            await self._as_bot(Api.room_delete_alias(_NO_TOKEN, alias))

    async def room_state(self, room_id: str) -> list[Json]:
        events: list[Json] = await self._as_bot(get(V3, "rooms", room_id, "state"))
        return events

    async def state_event(self, room_id: str, event_type: str, state_key: str) -> Json | None:
        return await self.state_event_as(self.bot_id, room_id, event_type, state_key)

    async def state_event_as(self, user_id: str, room_id: str, event_type: str, state_key: str) -> Json | None:
        try:
            asked = get(V3, "rooms", room_id, "state", event_type, state_key, query="format=event")
            event: Json = await self._as(user_id, asked)
        except (NotFoundError, ForbiddenError):
            return None
        return event

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
        request = Api.room_put_state(_NO_TOKEN, room_id, event_type, content, state_key)
        return str(await self._as(user_id or self.bot_id, request, "event_id"))

    async def invite(self, room_id: str, user_id: str) -> None:
        await self._require_entering(user_id, room_id)
        with _no_error(ForbiddenError, "is already in the room"):
            await self._as_bot(Api.room_invite(_NO_TOKEN, room_id, user_id))

    async def kick(self, room_id: str, user_id: str, reason: str) -> None:
        with _no_error(ForbiddenError, "target user is not in the room"):
            await self._as_bot(Api.room_kick(_NO_TOKEN, room_id, user_id, reason))

    async def unban(self, room_id: str, user_id: str) -> None:
        await self._require_entering(user_id, room_id)
        with _no_error(ForbiddenError, "user who was not banned"):
            await self._as_bot(Api.room_unban(_NO_TOKEN, room_id, user_id))

    async def join(self, room_id: str, user_id: str) -> None:
        await self._require_entering(user_id, room_id)
        await self.connection.ask(Api.join(_NO_TOKEN, room_id), user_id)

    async def join_again(self, room_id: str, user_id: str) -> None:
        await self._require_entering(user_id, room_id)
        # Without words of its own Synapse takes it for done.
        reason = {"reason": "To be listed under the people in it"}
        await self.connection.ask(post(V3, "rooms", room_id, "join", body=reason), user_id)

    async def leave(self, room_id: str, user_id: str) -> None:
        with _no_error(NotFoundError), _no_error(ForbiddenError, f"{user_id} not in room"):
            await self._as_one_who_goes(user_id, Api.room_leave(_NO_TOKEN, room_id))

    async def give_up_power(self, room_id: str, user_id: str, levels: Json) -> None:
        if user_id in levels.get("users", {}):
            raise ValueError("These power levels leave the user some power.")
        request = Api.room_put_state(_NO_TOKEN, room_id, "m.room.power_levels", levels, "")
        await self._as_one_who_goes(user_id, request)

    async def forget(self, room_id: str, user_id: str) -> None:
        await self._as_one_who_goes(user_id, Api.room_forget(_NO_TOKEN, room_id))

    async def send(self, room_id: str, sender: str, event_type: str, content: Json, txn_id: str) -> str:
        await self._require_acting(sender)
        return await self._once(requests.send_event(room_id, event_type, content, txn_id), sender)

    async def redact(self, room_id: str, event_id: str, reason: str, txn_id: str) -> None:
        with _no_error(NotFoundError):
            await self._once(Api.room_redact(_NO_TOKEN, room_id, event_id, txn_id, reason), self.bot_id)

    async def _once(self, request: Request, sender: str) -> str:
        """Make an event with the bridge's device, by which Synapse knows a repeated txn_id; returns the event's id."""
        if sender not in self._devices:
            await self.ensure_device(sender)
        try:
            event_id = await self.connection.ask(request, sender, "event_id", device=DEVICE)
        except BadRequestError as error:
            if error.errcode != "M_UNKNOWN_DEVICE":
                raise
            # Somebody ended that user's sessions, and with them the bridge's device.
            self._devices.discard(sender)
            await self.ensure_device(sender)
            event_id = await self.connection.ask(request, sender, "event_id", device=DEVICE)
        return str(event_id)

    async def event(self, room_id: str, event_id: str, user_id: str) -> Json | None:
        try:
            found: Json = await self._as(user_id, Api.room_get_event(_NO_TOKEN, room_id, event_id))
        except (NotFoundError, ForbiddenError):
            return None
        return None if "redacted_because" in found.get("unsigned", {}) else found

    async def state_content(self, room_id: str, event_type: str, user_id: str, state_key: str = "") -> Json:
        try:
            asked = Api.room_get_state_event(_NO_TOKEN, room_id, event_type, state_key)
            content: Json = await self._as(user_id, asked)
        except (NotFoundError, ForbiddenError):
            return {}
        return content

    async def set_typing(self, room_id: str, typing: bool) -> None:
        await self._as_bot(Api.room_typing(_NO_TOKEN, room_id, self.bot_id, typing))

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
        room_ids: list[str] = await self._as(user_id, Api.joined_rooms(_NO_TOKEN), "joined_rooms")
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

    async def register(self, localpart: str) -> None:
        await self._require_acting(f"@{localpart}:{self.bot_id.partition(':')[2]}")
        # As the service itself: the bot may be the very user that is not there yet.
        body = {"type": "m.login.application_service", "username": localpart, "inhibit_login": True}
        await self.connection.ask(post(V3, "register", body=body), None)

    async def ensure_device(self, user_id: str) -> None:
        async with self._device_locks[user_id]:
            if user_id not in self._devices:
                await self._as(user_id, put(V3, "devices", DEVICE, body={}))
                self._devices.add(user_id)

    async def ping(self, txn_id: str) -> float:
        asked = post(V1, "appservice", APPSERVICE_ID, "ping", body={"transaction_id": txn_id})
        return float(await self.connection.ask(asked, None, "duration_ms"))

    async def clock(self) -> tuple[float, float]:
        return await self.connection.clock()

    async def openid_user(self, token: str) -> str | None:
        try:
            answer = await self.connection.whose_openid_token(token)
        except TokenRejectedError:
            return None
        user_id = answer.get("sub") if isinstance(answer, dict) else None
        return user_id if isinstance(user_id, str) else None

    async def whoami(self, user_id: str | None = None) -> str:
        if user_id is not None:
            await self._require_acting(user_id)
        return str(await self.connection.ask(Api.whoami(_NO_TOKEN), user_id, "user_id"))

    async def upload(self, data: bytes, content_type: str, filename: str) -> str:
        method, path = Api.upload(_NO_TOKEN, filename)
        request = (method, path, data)
        return str(await self.connection.ask(request, self.bot_id, "content_uri", content_type=content_type))

    async def download(self, server_name: str, media_id: str, take: Take) -> None:
        await self.connection.stream(get(V1, "media", "download", server_name, media_id), self.bot_id, take)

    async def thumbnail(self, server_name: str, media_id: str, width: int, height: int) -> bytes:
        drawn = bytearray()

        async def take(piece: bytes) -> None:
            drawn.extend(piece)
            if len(drawn) > _THUMBNAIL_MAX:
                raise NotFoundError("GET /media/thumbnail", 200, "M_TOO_LARGE", "the picture is not small")

        try:
            await self.connection.stream(requests.thumbnail(server_name, media_id, width, height), self.bot_id, take)
        except BadRequestError as error:
            # Synapse 1.163 answers so for what it draws nothing of.
            raise NotFoundError("GET /media/thumbnail", error.status, error.errcode, "there is no picture") from error
        return bytes(drawn)

    async def admin_user(self, user_id: str) -> Json | None:
        return await self._accounts.find(user_id)

    async def admin_put_user(self, user_id: str, body: Json) -> Json:
        await self._require_acting(user_id)
        return await self._accounts.write(user_id, body)

    async def set_password(self, user_id: str, password: str, *, end_sessions: bool) -> None:
        await self._require_acting(user_id)
        await self._accounts.set_password(user_id, password, end_sessions=end_sessions)

    async def lock(self, user_id: str) -> None:
        await self._accounts.lock(user_id)

    async def unlock(self, user_id: str) -> None:
        await self._require_acting(user_id)
        await self._accounts.unlock(user_id)

    async def reactivate(self, user_id: str) -> None:
        await self._require_acting(user_id)
        await self._accounts.reactivate(user_id)

    async def deactivate(self, user_id: str) -> None:
        await self._accounts.deactivate(user_id)

    async def delete_devices(self, user_id: str) -> None:
        await self._accounts.end_sessions(user_id)
        self._devices.discard(user_id)

    async def admin_device_ids(self, user_id: str) -> list[str]:
        return await self._accounts.sessions(user_id)

    async def admin_memberships(self, user_id: str) -> dict[str, str]:
        found: dict[str, str] = await self._as_bot(get(ADMIN_V1, "users", user_id, "memberships"), "memberships")
        return found

    async def admin_pushers(self, user_id: str) -> list[Json]:
        pushers: list[Json] = await self._as_bot(get(ADMIN_V1, "users", user_id, "pushers"), "pushers")
        return pushers

    async def end_pusher(self, user_id: str, app_id: str, pushkey: str) -> None:
        body = {"kind": None, "app_id": app_id, "pushkey": pushkey}
        await self._as_one_who_goes(user_id, post(V3, "pushers", "set", body=body))

    async def profile(self, user_id: str) -> Json:
        shown: Json = await self._as_bot(get(V3, "profile", user_id))
        return shown

    async def drop_profile_field(self, user_id: str, name: str) -> None:
        await self._as_one_who_goes(user_id, delete(V3, "profile", user_id, name))

    async def media(self, server_name: str, media_id: str) -> Json | None:
        try:
            info: Json = await self._as_bot(get(ADMIN_V1, "media", server_name, media_id), "media_info")
        except NotFoundError:
            return None
        return info

    async def quarantine(self, server_name: str, media_id: str) -> None:
        with _no_error(NotFoundError):
            await self._as_bot(post(ADMIN_V1, "media", "quarantine", server_name, media_id))

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

    async def push_policy(self, body: bytes, signature: str) -> None:
        await self.connection.ask(("POST", PATH, body), None, "version", signature=signature)

    async def guard_status(self, signature: str) -> Json:
        status: Json = await self.connection.ask(("GET", PATH), None, signature=signature)
        return status

    async def guard_facts(self, signature: str) -> Json:
        answer: Json = await self.connection.ask(("GET", FACTS_PATH), None, signature=signature)
        return answer

    async def guard_refusals(self, body: bytes, signature: str) -> Json:
        answer: Json = await self.connection.ask(("POST", REFUSALS_PATH, body), None, signature=signature)
        return answer

    async def guard_farewell(self, body: bytes, signature: str) -> None:
        await self.connection.ask(("POST", FAREWELL_PATH, body), None, "user", signature=signature)

    async def close(self) -> None:
        await self._unread.close()
        if self.connection.bot_token is not None:
            await self.connection.bot_token.close()
        await self._accounts.close()
        await self.connection.close()


def _account_data(user_id: str, data_type: str, room_id: str) -> tuple[str, ...]:
    """The parts of the address of account data, global or of a room."""
    where = ("rooms", room_id) if room_id else ()
    return (V3, "user", user_id, *where, "account_data", data_type)


def _happened(event: Json) -> Happened | None:
    """Without what was said; None for an event that says nothing, as state set by somebody under a message's type."""
    at, state_key = int(event["origin_server_ts"]), event.get("state_key")
    if event["type"] != "m.room.member":
        return Happened(at) if state_key is None else None
    if not isinstance(state_key, str):
        return None
    return Happened(at, state_key, event.get("content", {}).get("membership") == "join")


def _require(user_id: str, decision: Decision) -> None:
    if not decision:
        raise NotAllowedError(user_id, decision.rule)


@contextmanager
def _no_error(kind: type[HomeserverError], words: str = "") -> Iterator[None]:
    """Pass over an answer that says the wanted state is there already.

    Synapse answers "is in already" and "may not" with one code, so its words decide, as measured on 1.163.
    """
    try:
        yield
    except kind as error:
        if words not in error.message:
            raise
