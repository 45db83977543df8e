"""Requests that nio's `Api` does not build: method, path and body. Longer ones have a function of their own.

Identities and tokens are no part of a request; the connection adds them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import orjson
from nio.api import MATRIX_API_PATH_V1, MATRIX_API_PATH_V3

from bridge.mapping.said import SAYING

Json = dict[str, Any]
Request = tuple[str, str] | tuple[str, str, str | bytes]

V1, V3 = MATRIX_API_PATH_V1, MATRIX_API_PATH_V3
ADMIN = "/_synapse/admin/"
ADMIN_V1, ADMIN_V2 = f"{ADMIN}v1", f"{ADMIN}v2"
_EVENTS_AT_ONCE = 500


_UNREAD = orjson.dumps(
    {
        "presence": {"types": []},
        "account_data": {"types": []},
        "event_fields": ["origin_server_ts"],
        "room": {
            "state": {"types": []},
            # Of what was read, without which a room whose count fell is left out.
            "ephemeral": {"types": ["m.receipt"]},
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


def get(base: str, *parts: str, query: str = "") -> Request:
    """GET the address that has these parts below `base`."""
    return "GET", f"{_path(base, *parts)}?{query}" if query else _path(base, *parts)


def post(base: str, *parts: str, body: Json | None = None) -> Request:
    """POST to it."""
    return ("POST", _path(base, *parts)) if body is None else ("POST", _path(base, *parts), orjson.dumps(body))


def put(base: str, *parts: str, body: Json) -> Request:
    """PUT what is there."""
    return "PUT", _path(base, *parts), orjson.dumps(body)


def delete(base: str, *parts: str) -> Request:
    """DELETE what is there."""
    return "DELETE", _path(base, *parts)


def send_event(room_id: str, event_type: str, content: Json, txn_id: str) -> Request:
    """PUT an event. As nio's `room_send`, at half the cost: this is the request made most often."""
    # Every message has a txn_id of its own, so nothing is gained by keeping it.
    last = quote(txn_id, safe="")
    return "PUT", f"{_path(V3, 'rooms', room_id, 'send', event_type)}/{last}", orjson.dumps(content)


def history(room_id: str, start: str) -> Request:
    """GET a page of what was said in a room and of who came and went, oldest first, from `start` on, or the beginning.

    Stickers, polls and files are messages too.
    """
    begin = f"&from={encoded(start)}" if start else ""
    query = f"dir=f&limit=1000&filter={encoded(_SAID)}{begin}"
    return get(V3, "rooms", room_id, "messages", query=query)


def admin_messages(room_id: str, start: str) -> Request:
    """GET a page of a room's messages and redactions, oldest first, from `start` on, or the beginning.

    Synapse's admin API shows a room's whole history, whoever is in it.
    """
    begin = f"&from={encoded(start)}" if start else ""
    query = f"dir=f&limit={_MESSAGES_AT_ONCE}&filter={encoded(_WRITTEN)}{begin}"
    return get(ADMIN_V1, "rooms", room_id, "messages", query=query)


def admin_newest_messages(room_id: str) -> Request:
    """GET what was said last in a room, newest first."""
    query = f"dir=b&limit={_MESSAGES_AT_ONCE}&filter={encoded(_NEWEST)}"
    return get(ADMIN_V1, "rooms", room_id, "messages", query=query)


def unread(since: str) -> Request:
    """GET a sync of the user acted as that has little more than the unread counts of all rooms, or of those in which
    something was said or read since.

    `full_state` brings the rooms of whose last events none is a message, which would else be left out. Naming the rooms
    asked about would save nothing (240 ms for 100 rooms either way on Synapse 1.163), and Synapse drops the connection
    of a request whose address is longer than 16 KiB. Synapse answers the same question again as it did two minutes
    before; a `timeout`, of which it makes nothing where the full state is asked for, makes it another.
    """
    what = f"timeout=0&since={encoded(since)}" if since else f"timeout={time.monotonic_ns() // 1000}&full_state=true"
    query = f"{what}&set_presence=offline&filter={encoded(_UNREAD)}"
    return get(V3, "sync", query=query)


def search(words: str, room_ids: Sequence[str], limit: int) -> Request:
    """POST a search of what was said in these rooms, the newest first."""
    where = {"rooms": list(room_ids), "types": ["m.room.message"], "limit": limit}
    wanted = {"search_term": words, "keys": ["content.body"], "order_by": "recent", "filter": where}
    path = _path(V3, "search")
    return "POST", path, orjson.dumps({"search_categories": {"room_events": wanted}})


def admin_events(room_id: str, start: str) -> Request:
    """GET a page of a room's events through Synapse's admin API, oldest first, from `start` on, or the beginning."""
    begin = f"&from={encoded(start)}" if start else ""
    return "GET", f"{_path(ADMIN_V1, 'rooms', room_id, 'messages')}?dir=f&limit={_EVENTS_AT_ONCE}{begin}"


def thumbnail(server_name: str, media_id: str, width: int, height: int) -> Request:
    """GET a small picture of a picture."""
    path = _path(V1, "media", "thumbnail", server_name, media_id)
    return "GET", f"{path}?width={width}&height={height}&method=scale"
