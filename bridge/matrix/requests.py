"""Requests that nio's `Api` does not build, in its style: functions that return method, path and body.

Identities and tokens are no part of a request; the connection adds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import orjson
from nio.api import MATRIX_API_PATH_V1, MATRIX_API_PATH_V3

from bridge.guard.protocol import FACTS_PATH, FAREWELL_PATH, PATH, REFUSALS_PATH
from bridge.mapping.said import SAYING
from bridge.settings import APPSERVICE_ID

Json = dict[str, Any]
Request = tuple[str, str] | tuple[str, str, str | bytes]

ADMIN_V1 = "/_synapse/admin/v1"
ADMIN_V2 = "/_synapse/admin/v2"
_ROOMS_AT_ONCE = 500
_EVENTS_AT_ONCE = 500


_UNREAD = orjson.dumps(
    {
        "presence": {"types": []},
        "account_data": {"types": []},
        "event_fields": ["origin_server_ts"],
        "room": {
            "state": {"types": []},
            "ephemeral": {"types": []},
            "account_data": {"types": []},
            "timeline": {"types": sorted(SAYING), "limit": 1},
        },
    }
).decode()


_SAID = orjson.dumps({"types": [*sorted(SAYING), "m.room.encrypted", "m.room.member"]}).decode()
"""With their content, which may be 64 KiB each."""


_WRITTEN = orjson.dumps({"types": ["m.room.message", "m.room.redaction"]}).decode()
_NEWEST = orjson.dumps({"types": sorted(SAYING)}).decode()
_MESSAGES_AT_ONCE = 200


@lru_cache(maxsize=8192)
def encoded(part: str) -> str:
    """An id as it stands in a path or a query. Few ids make most requests, so they are kept."""
    return quote(part, safe="")


def _path(base: str, *parts: str) -> str:
    return "/".join((base, *map(encoded, parts)))


def create_room(body: Json) -> Request:
    """POST createRoom with a body of one's own; nio's builder knows only some of its keys."""
    return "POST", _path(MATRIX_API_PATH_V3, "createRoom"), orjson.dumps(body)


def send_event(room_id: str, event_type: str, content: Json, txn_id: str) -> Request:
    """PUT an event. As nio's `room_send`, at half the cost: this is the request made most often."""
    # Every message has a txn_id of its own, so nothing is gained by keeping it.
    last = quote(txn_id, safe="")
    return "PUT", f"{_path(MATRIX_API_PATH_V3, 'rooms', room_id, 'send', event_type)}/{last}", orjson.dumps(content)


def history(room_id: str, start: str) -> Request:
    """GET a page of what was said in a room and of who came and went, oldest first, from `start` on, or the beginning.

    Stickers, polls and files are messages too.
    """
    begin = f"&from={encoded(start)}" if start else ""
    query = f"dir=f&limit=1000&filter={encoded(_SAID)}{begin}"
    return "GET", f"{_path(MATRIX_API_PATH_V3, 'rooms', room_id, 'messages')}?{query}"


def admin_messages(room_id: str, start: str) -> Request:
    """GET a page of a room's messages and redactions, oldest first, from `start` on, or the beginning.

    Synapse's admin API shows a room's whole history, whoever is in it.
    """
    begin = f"&from={encoded(start)}" if start else ""
    query = f"dir=f&limit={_MESSAGES_AT_ONCE}&filter={encoded(_WRITTEN)}{begin}"
    return "GET", f"{_path(ADMIN_V1, 'rooms', room_id, 'messages')}?{query}"


def admin_newest_messages(room_id: str) -> Request:
    """GET what was said last in a room, newest first."""
    query = f"dir=b&limit={_MESSAGES_AT_ONCE}&filter={encoded(_NEWEST)}"
    return "GET", f"{_path(ADMIN_V1, 'rooms', room_id, 'messages')}?{query}"


def account_data(user_id: str, data_type: str, room_id: str = "") -> Request:
    """GET a user's account data of one type, global or of a room."""
    return "GET", _account_data_path(user_id, data_type, room_id)


def put_account_data(user_id: str, data_type: str, content: Json, room_id: str = "") -> Request:
    """PUT a user's account data of one type, global or of a room."""
    return "PUT", _account_data_path(user_id, data_type, room_id), orjson.dumps(content)


def _account_data_path(user_id: str, data_type: str, room_id: str) -> str:
    where = ("rooms", room_id) if room_id else ()
    return _path(MATRIX_API_PATH_V3, "user", user_id, *where, "account_data", data_type)


def join_again(room_id: str) -> Request:
    """POST joining of a room by somebody who is in it. Without words of its own Synapse takes it for done."""
    reason = {"reason": "To be listed under the people in it"}
    return "POST", _path(MATRIX_API_PATH_V3, "rooms", room_id, "join"), orjson.dumps(reason)


def push_rules() -> Request:
    """GET all push rules of the user acted as."""
    return "GET", _path(MATRIX_API_PATH_V3, "pushrules", "global") + "/"


def delete_push_rule(kind: str, rule_id: str) -> Request:
    """DELETE one push rule of the user acted as."""
    return "DELETE", _path(MATRIX_API_PATH_V3, "pushrules", "global", kind, rule_id)


def put_push_rule(kind: str, rule_id: str, rule: Json) -> Request:
    """PUT one push rule of the user acted as."""
    return "PUT", _path(MATRIX_API_PATH_V3, "pushrules", "global", kind, rule_id), orjson.dumps(rule)


def unread() -> Request:
    """GET a sync of the user acted as that has little more than the unread counts of all rooms.

    `full_state` brings the rooms of whose last events none is a message, which would else be left out. Naming the rooms
    asked about would save nothing (240 ms for 100 rooms either way on Synapse 1.163), and Synapse drops the connection
    of a request whose address is longer than 16 KiB.
    """
    query = f"timeout=0&full_state=true&set_presence=offline&filter={encoded(_UNREAD)}"
    return "GET", f"{_path(MATRIX_API_PATH_V3, 'sync')}?{query}"


def search(words: str, room_ids: Sequence[str], limit: int) -> Request:
    """POST a search of what was said in these rooms, the newest first."""
    where = {"rooms": list(room_ids), "types": ["m.room.message"], "limit": limit}
    wanted = {"search_term": words, "keys": ["content.body"], "order_by": "recent", "filter": where}
    path = _path(MATRIX_API_PATH_V3, "search")
    return "POST", path, orjson.dumps({"search_categories": {"room_events": wanted}})


def register(localpart: str) -> Request:
    """POST the registration of a user of the service, without logging it in."""
    body = {"type": "m.login.application_service", "username": localpart, "inhibit_login": True}
    return "POST", _path(MATRIX_API_PATH_V3, "register"), orjson.dumps(body)


def put_device(device_id: str) -> Request:
    """PUT a device of the user acted as; makes it where it is not there (MSC4326)."""
    return "PUT", _path(MATRIX_API_PATH_V3, "devices", device_id), b"{}"


def ping(txn_id: str) -> Request:
    """POST an application-service ping: the homeserver calls the service back before it answers."""
    path = _path(MATRIX_API_PATH_V1, "appservice", APPSERVICE_ID, "ping")
    return "POST", path, orjson.dumps({"transaction_id": txn_id})


def admin_room_state(room_id: str) -> Request:
    """GET a room's current state through Synapse's admin API."""
    return "GET", _path(ADMIN_V1, "rooms", room_id, "state")


def admin_events(room_id: str, start: str) -> Request:
    """GET a page of a room's events through Synapse's admin API, oldest first, from `start` on, or the beginning."""
    begin = f"&from={encoded(start)}" if start else ""
    return "GET", f"{_path(ADMIN_V1, 'rooms', room_id, 'messages')}?dir=f&limit={_EVENTS_AT_ONCE}{begin}"


def admin_newest_event(room_id: str) -> Request:
    """GET a room's newest event through Synapse's admin API."""
    return "GET", f"{_path(ADMIN_V1, 'rooms', room_id, 'messages')}?dir=b&limit=1"


def admin_event_since(room_id: str, since_ms: int) -> Request:
    """GET a room's first event of this time, in milliseconds, or later, through Synapse's admin API."""
    return "GET", f"{_path(ADMIN_V1, 'rooms', room_id, 'timestamp_to_event')}?dir=f&ts={since_ms}"


def admin_context(room_id: str, event_id: str) -> Request:
    """GET the places before and behind an event in its room's history, through Synapse's admin API."""
    return "GET", f"{_path(ADMIN_V1, 'rooms', room_id, 'context', event_id)}?limit=0"


def admin_rooms(start: int) -> Request:
    """GET a page of the list of all rooms, from that place on."""
    return "GET", f"{_path(ADMIN_V1, 'rooms')}?from={start}&limit={_ROOMS_AT_ONCE}"


def admin_members(room_id: str) -> Request:
    """GET who is in a room."""
    return "GET", _path(ADMIN_V1, "rooms", room_id, "members")


def admin_media(server_name: str, media_id: str) -> Request:
    """GET what Synapse knows of a file."""
    return "GET", _path(ADMIN_V1, "media", server_name, media_id)


def admin_quarantine(server_name: str, media_id: str) -> Request:
    """POST that nobody may download a file any more."""
    return "POST", _path(ADMIN_V1, "media", "quarantine", server_name, media_id)


def admin_user(user_id: str) -> Request:
    """GET an account through Synapse's admin API."""
    return "GET", _path(ADMIN_V2, "users", user_id)


def admin_put_user(user_id: str, body: Json) -> Request:
    """PUT an account through Synapse's admin API."""
    return "PUT", _path(ADMIN_V2, "users", user_id), orjson.dumps(body)


def admin_memberships(user_id: str) -> Request:
    """GET an account's membership in every room."""
    return "GET", _path(ADMIN_V1, "users", user_id, "memberships")


def admin_deactivate(user_id: str) -> Request:
    """POST the end of an account. `erase` would hide from others what it wrote."""
    return "POST", _path(ADMIN_V1, "deactivate", user_id), orjson.dumps({"erase": False})


def admin_pushers(user_id: str) -> Request:
    """GET what an account's clients have sent to the makers of telephones."""
    return "GET", _path(ADMIN_V1, "users", user_id, "pushers")


def end_pusher(app_id: str, pushkey: str) -> Request:
    """POST the end of a pusher."""
    body = orjson.dumps({"kind": None, "app_id": app_id, "pushkey": pushkey})
    return "POST", f"{MATRIX_API_PATH_V3}/pushers/set", body


def profile(user_id: str) -> Request:
    """GET a profile."""
    return "GET", _path(f"{MATRIX_API_PATH_V3}/profile", user_id)


def drop_profile_field(user_id: str, name: str) -> Request:
    """DELETE one field of a profile (MSC4133)."""
    return "DELETE", _path(f"{MATRIX_API_PATH_V3}/profile", user_id, name)


def admin_devices(user_id: str) -> Request:
    """GET an account's devices."""
    return "GET", _path(ADMIN_V2, "users", user_id, "devices")


def admin_delete_devices(user_id: str, device_ids: list[str]) -> Request:
    """POST the deletion of devices, which ends their sessions."""
    return "POST", _path(ADMIN_V2, "users", user_id, "delete_devices"), orjson.dumps({"devices": device_ids})


def media(server_name: str, media_id: str) -> Request:
    """GET media with the token in the header, which the paths before version 1.11 of the specification did not want."""
    return "GET", _path(MATRIX_API_PATH_V1, "media", "download", server_name, media_id)


def thumbnail(server_name: str, media_id: str, width: int, height: int) -> Request:
    """GET a small picture of a picture."""
    path = _path(MATRIX_API_PATH_V1, "media", "thumbnail", server_name, media_id)
    return "GET", f"{path}?width={width}&height={height}&method=scale"


def push_policy(body: bytes) -> Request:
    """POST what the guard must know."""
    return "POST", PATH, body


def guard_status() -> Request:
    """GET which policy the guard has."""
    return "GET", PATH


def guard_facts() -> Request:
    """GET all that the guard knows."""
    return "GET", FACTS_PATH


def guard_refusals(body: bytes) -> Request:
    """POST which refusals the bridge has, for those behind them."""
    return "POST", REFUSALS_PATH, body


def guard_farewell(body: bytes) -> Request:
    """POST whose account is about to be closed."""
    return "POST", FAREWELL_PATH, body
