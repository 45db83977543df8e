"""The requests that the fake homeserver understands: each a function from what was asked to its answer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson

from bridge.guard.protocol import FACTS_PATH, FAREWELL_PATH, PATH, REFUSALS_PATH
from tests.fakes.room import Denied

if TYPE_CHECKING:
    from tests.fakes.guard import FakeGuard
    from tests.fakes.homeserver import FakeHomeserver

Json = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A request, its token checked."""

    method: str
    path: str
    """Without the query, decoded, for people and patterns."""
    args: tuple[str, ...]
    """The ids in the path, decoded."""
    query: Mapping[str, str]
    user_id: str
    """Who is acting; empty for an anonymous request."""
    body: Any
    raw: bytes = b""
    """The body as it came."""
    signature: str = ""
    """For the guard."""
    admin: bool = False
    """Whether the token is a server admin's, where the Matrix Authentication Service gives them."""


Endpoint = Callable[["FakeHomeserver", Asked], Any]
"""Returns the answer's JSON, a pair of status and JSON, or the bytes of media. Raises Denied."""


def create_room(fake: FakeHomeserver, asked: Asked) -> Json:
    return {"room_id": fake.create_room(asked.user_id, asked.body)}


def resolve_alias(fake: FakeHomeserver, asked: Asked) -> Json:
    if asked.args[0] not in fake.aliases:
        raise Denied(404, "M_NOT_FOUND", f"Room alias {asked.args[0]} not found")
    return {"room_id": fake.aliases[asked.args[0]], "servers": [fake.server_name]}


def put_alias(fake: FakeHomeserver, asked: Asked) -> Json:
    room_id = asked.body["room_id"]
    if asked.args[0] in fake.aliases:
        raise Denied(409, "M_UNKNOWN", f"Room alias {asked.args[0]} already exists")
    fake.room_of(room_id, asked.user_id)
    fake.aliases[asked.args[0]] = room_id
    return {}


def delete_alias(fake: FakeHomeserver, asked: Asked) -> Json:
    # To an application service Synapse says nothing about one that is not there.
    fake.aliases.pop(asked.args[0], None)
    return {}


def room_state(fake: FakeHomeserver, asked: Asked) -> list[Json]:
    return list(fake.room_of(asked.args[0], asked.user_id).state_events.values())


def room_event(fake: FakeHomeserver, asked: Asked) -> Json:
    room_id, event_id = asked.args
    timeline = fake.room_of(room_id, asked.user_id).timeline
    for event in timeline:
        if event["event_id"] == event_id:
            return _with_newest_edit(event, timeline)
    raise Denied(404, "M_NOT_FOUND", "Event not found.")


def _with_newest_edit(event: Json, timeline: list[Json]) -> Json:
    """The event, with its author's newest edit as Synapse bundles it; a deleted edit has no relation any more."""
    edits = [
        one
        for one in timeline
        if one["content"].get("m.relates_to", {}).get("rel_type") == "m.replace"
        and one["content"]["m.relates_to"].get("event_id") == event["event_id"]
        and (one["sender"], one["type"]) == (event["sender"], event["type"])
    ]
    if not edits:
        return event
    return {**event, "unsigned": {**event["unsigned"], "m.relations": {"m.replace": edits[-1]}}}


def state_content(fake: FakeHomeserver, asked: Asked) -> Json:
    room_id, event_type, state_key = (*asked.args, "")[:3]
    room = fake.room_of(room_id, asked.user_id)
    if (event_type, state_key) not in room.state:
        raise Denied(404, "M_NOT_FOUND", "Event not found.")
    event = room.state_events[event_type, state_key]
    return event if asked.query.get("format") == "event" else room.state[event_type, state_key]


def messages(fake: FakeHomeserver, asked: Asked) -> Json:
    return _page(fake, asked, fake.room_of(asked.args[0], asked.user_id).timeline)


def admin_messages(fake: FakeHomeserver, asked: Asked) -> Json:
    _require_admin(fake, asked)
    if asked.args[0] not in fake.rooms:
        raise Denied(404, "M_NOT_FOUND", "Room not found")
    events = fake.rooms[asked.args[0]].timeline
    if asked.query["dir"] == "b":
        types = orjson.loads(asked.query["filter"])["types"] if "filter" in asked.query else None
        newest = [event for event in reversed(events) if types is None or event["type"] in types]
        return {"chunk": newest[: int(asked.query["limit"])], "start": "0", "end": "1"}
    if "filter" in asked.query:
        return _page(fake, asked, events)
    start, limit = int(asked.query.get("from", 0)), min(int(asked.query["limit"]), fake.messages_page)
    # Synapse says where it would go on until a page is empty.
    chunk = events[start : start + limit]
    return {"chunk": chunk, "start": str(start), **({"end": str(start + len(chunk))} if chunk else {})}


def admin_event_since(fake: FakeHomeserver, asked: Asked) -> Json:
    _require_admin(fake, asked)
    room = fake.rooms.get(asked.args[0])
    for event in room.timeline if room is not None else ():
        if event["origin_server_ts"] >= int(asked.query["ts"]):
            return {"event_id": event["event_id"], "origin_server_ts": event["origin_server_ts"]}
    raise Denied(404, "M_NOT_FOUND", "Unable to find event")


def admin_context(fake: FakeHomeserver, asked: Asked) -> Json:
    _require_admin(fake, asked)
    room_id, event_id = asked.args
    before = 0
    # Places are counted as in the answers with the filter of messages and redactions.
    for event in fake.rooms[room_id].timeline:
        if event["event_id"] == event_id:
            return {"event": event, "start": str(before), "end": str(before + 1)}
        before += event["type"] in {"m.room.message", "m.room.redaction"}
    raise Denied(404, "M_NOT_FOUND", "Event not found.")


def _page(fake: FakeHomeserver, asked: Asked, timeline: list[Json]) -> Json:
    types = orjson.loads(asked.query["filter"])["types"]
    events = [event for event in timeline if event["type"] in types]
    assert asked.query["dir"] == "f"
    start, limit = int(asked.query.get("from", 0)), min(int(asked.query["limit"]), fake.messages_page)
    more = {"end": str(start + limit)} if start + limit < len(events) else {}
    return {"chunk": events[start : start + limit], **more}


def put_state(fake: FakeHomeserver, asked: Asked) -> Json:
    room_id, event_type, state_key = (*asked.args, "")[:3]
    return {"event_id": fake.put_state(room_id, asked.user_id, event_type, state_key, asked.body)}


def invite(fake: FakeHomeserver, asked: Asked) -> Json:
    fake.invite(asked.args[0], asked.user_id, asked.body["user_id"])
    return {}


def kick(fake: FakeHomeserver, asked: Asked) -> Json:
    fake.kick(asked.args[0], asked.user_id, asked.body["user_id"], asked.body.get("reason", ""))
    return {}


def unban(fake: FakeHomeserver, asked: Asked) -> Json:
    fake.unban(asked.args[0], asked.user_id, asked.body["user_id"])
    return {}


def join(fake: FakeHomeserver, asked: Asked) -> Json:
    fake.join(asked.args[0], asked.user_id, (asked.body or {}).get("reason", ""))
    return {"room_id": asked.args[0]}


def leave(fake: FakeHomeserver, asked: Asked) -> Json:
    fake.leave(asked.args[0], asked.user_id)
    return {}


def forget(fake: FakeHomeserver, asked: Asked) -> Json:
    fake.forget(asked.args[0], asked.user_id)
    return {}


def send(fake: FakeHomeserver, asked: Asked) -> Json:
    room_id, event_type, _ = asked.args
    device = asked.query.get("device_id")
    if device is not None and device not in fake.accounts[asked.user_id].devices:
        message = f"Application service trying to use a device that doesn't exist ('{device}' for {asked.user_id})"
        raise Denied(400, "M_UNKNOWN_DEVICE", message)
    # As in Synapse the sender is no part of the key: two people with one txn_id in a room get one event.
    key = (asked.path, device)
    if key not in fake.sent:
        fake.sent[key] = fake.send(room_id, asked.user_id, event_type, asked.body)
    return {"event_id": fake.sent[key]}


def typing(fake: FakeHomeserver, asked: Asked) -> Json:
    room = fake.room_of(asked.args[0], asked.user_id)
    if asked.body["typing"]:
        fake.typing.add((room.room_id, asked.user_id))
    else:
        fake.typing.discard((room.room_id, asked.user_id))
    return {}


def account_data(fake: FakeHomeserver, asked: Asked) -> Json:
    if asked.args not in fake.account_data:
        raise Denied(404, "M_NOT_FOUND", "Account data not found")
    return fake.account_data[_own(asked)]


def put_account_data(fake: FakeHomeserver, asked: Asked) -> Json:
    fake.account_data[_own(asked)] = asked.body
    return {}


def _own(asked: Asked) -> tuple[str, ...]:
    if asked.args[0] != asked.user_id:
        raise Denied(403, "M_FORBIDDEN", "Cannot add account data for other users.")
    return asked.args


def push_rules(fake: FakeHomeserver, asked: Asked) -> Json:
    rules: Json = {}
    for (user_id, kind, rule_id), rule in fake.push_rules.items():
        if user_id == asked.user_id:
            rules.setdefault(kind, []).append({**rule, "rule_id": rule_id})
    return rules


def delete_push_rule(fake: FakeHomeserver, asked: Asked) -> Json:
    kind, rule_id = asked.args
    if fake.push_rules.pop((asked.user_id, kind, rule_id), None) is None:
        raise Denied(404, "M_NOT_FOUND", "Rule not found")
    return {}


def put_push_rule(fake: FakeHomeserver, asked: Asked) -> Json:
    kind, rule_id = asked.args
    rule = {"rule_id": rule_id, "default": False, "enabled": True, **asked.body}
    fake.push_rules[asked.user_id, kind, rule_id] = rule
    return {}


def joined_rooms(fake: FakeHomeserver, asked: Asked) -> Json:
    return {"joined_rooms": fake.joined_rooms(asked.user_id)}


def sync(fake: FakeHomeserver, asked: Asked) -> Json:
    """As far as unread counts go: every room the user is in, and when its newest message was written."""
    assert asked.query["set_presence"] == "offline", "anything else shows the user as present"
    if "since" in asked.query:
        assert asked.query["timeout"] == "0"
    else:
        assert asked.query["full_state"] == "true", "else rooms without a message among their last events are left out"
    assert orjson.loads(asked.query["filter"])["event_fields"] == ["origin_server_ts"]
    rooms = {}
    for room_id in fake.joined_rooms(asked.user_id):
        written = [event["origin_server_ts"] for event in fake.events(room_id, "m.room.message")]
        rooms[room_id] = {
            "unread_notifications": {
                "notification_count": fake.unread_count(room_id, asked.user_id),
                "highlight_count": 0,
            },
            "timeline": {"events": [{"origin_server_ts": at} for at in written[-1:]]},
        }
    # Synapse leaves out what is empty.
    return {"next_batch": "s1", **({"rooms": {"join": rooms}} if rooms else {})}


def search(fake: FakeHomeserver, asked: Asked) -> Json:
    """As far as one word goes: the newest messages that have it, in rooms that the user is in."""
    wanted = asked.body["search_categories"]["room_events"]
    rooms = set(wanted["filter"]["rooms"]) & set(fake.joined_rooms(asked.user_id))
    found = [
        event
        for room_id in rooms
        for event in fake.events(room_id, "m.room.message")
        if wanted["search_term"].casefold() in event["content"].get("body", "").casefold()
    ]
    found.sort(key=lambda event: int(event["origin_server_ts"]), reverse=True)
    results = [{"rank": 1, "result": event} for event in found[: wanted["filter"]["limit"]]]
    return {"search_categories": {"room_events": {"count": len(found), "results": results}}}


def register(fake: FakeHomeserver, asked: Asked) -> Json:
    user_id = f"@{asked.body['username']}:{fake.server_name}"
    if asked.body["type"] != "m.login.application_service":
        raise Denied(403, "M_FORBIDDEN", "Registration has been disabled")
    if user_id in fake.accounts:
        raise Denied(400, "M_USER_IN_USE", "User ID already taken.")
    return {"user_id": fake.add_user(asked.body["username"]), "home_server": fake.server_name}


def put_device(fake: FakeHomeserver, asked: Asked) -> tuple[int, Json]:
    devices = fake.accounts[asked.user_id].devices
    status = 200 if asked.args[0] in devices else 201
    devices.add(asked.args[0])
    return status, {}


def whoami(fake: FakeHomeserver, asked: Asked) -> Json:
    return {"user_id": asked.user_id, "is_guest": False}


def openid_userinfo(fake: FakeHomeserver, asked: Asked) -> Json:
    user_id = fake.openid_tokens.get(asked.query.get("access_token", ""))
    if user_id is None:
        raise Denied(401, "M_UNKNOWN_TOKEN", "Access Token unknown or expired")
    return {"sub": user_id}


def versions(fake: FakeHomeserver, asked: Asked) -> Json:
    return {"versions": ["v1.1", "v1.12"], "unstable_features": {}}


def capabilities(fake: FakeHomeserver, asked: Asked) -> Json:
    offered = {"default": "11", "available": {"10": "stable", "11": "stable", "12": "stable"}}
    return {"capabilities": {"m.room_versions": offered, "m.set_displayname": {"enabled": False}}}


def redact(fake: FakeHomeserver, asked: Asked) -> Json:
    room_id, event_id, _ = asked.args
    # As for sending, a repeated request is known by its path and the service's device.
    key = (asked.path, asked.query.get("device_id"))
    if key not in fake.sent:
        fake.sent[key] = fake.redact(room_id, asked.user_id, event_id, asked.body.get("reason", ""))
    return {"event_id": fake.sent[key]}


def admin_media(fake: FakeHomeserver, asked: Asked) -> Json:
    _require_admin(fake, asked)
    server_name, media_id = asked.args
    if server_name != fake.server_name or media_id not in fake.media:
        raise Denied(404, "M_NOT_FOUND", "Unknown media")
    data = fake.media[media_id][1]
    sha256, owner = hashlib.sha256(data).hexdigest(), fake.uploaders.get(media_id, fake.bot_id)
    info = {"media_id": media_id, "user_id": owner, "media_length": len(data), "sha256": sha256}
    return {"media_info": {**info, "quarantined_by": fake.bot_id if sha256 in fake.quarantined else None}}


def admin_quarantine(fake: FakeHomeserver, asked: Asked) -> Json:
    """As Synapse does, with all that has the same content."""
    _require_admin(fake, asked)
    if asked.args[0] == fake.server_name and asked.args[1] in fake.media:
        fake.quarantined.add(hashlib.sha256(fake.media[asked.args[1]][1]).hexdigest())
    return {}


def upload(fake: FakeHomeserver, asked: Asked) -> Json:
    media_id = f"media{len(fake.media) + 1}"
    fake.media[media_id] = (asked.query.get("filename", ""), asked.body)
    fake.uploaders[media_id] = asked.user_id
    return {"content_uri": f"mxc://{fake.server_name}/{media_id}"}


def thumbnail(fake: FakeHomeserver, asked: Asked) -> bytes:
    """As far as anybody looks: a picture is its own thumbnail."""
    data = download(fake, asked)
    if not data.startswith(b"\x89PNG"):
        raise Denied(400, "M_UNKNOWN", "Cannot find any thumbnails for the requested media")
    return data


def download(fake: FakeHomeserver, asked: Asked) -> bytes:
    server_name, media_id = asked.args
    if server_name != fake.server_name or media_id not in fake.media:
        raise Denied(404, "M_NOT_FOUND", "Not found '/_matrix/client/v1/media/download'")
    data = fake.media[media_id][1]
    if hashlib.sha256(data).hexdigest() in fake.quarantined:
        raise Denied(404, "M_NOT_FOUND", "Not found '/_matrix/client/v1/media/download'")
    return data


def admin_room_state(fake: FakeHomeserver, asked: Asked) -> Json:
    _require_admin(fake, asked)
    if asked.args[0] not in fake.rooms:
        raise Denied(404, "M_NOT_FOUND", "Room not found")
    return {"state": list(fake.rooms[asked.args[0]].state_events.values())}


def admin_rooms(fake: FakeHomeserver, asked: Asked) -> Json:
    _require_admin(fake, asked)
    start, limit = int(asked.query["from"]), int(asked.query["limit"])
    rooms = list(fake.rooms.values())
    listed = [
        {
            "room_id": room.room_id,
            "name": room.state.get(("m.room.name", ""), {}).get("name"),
            "joined_local_members": len(room.joined),
            "encryption": room.state.get(("m.room.encryption", ""), {}).get("algorithm"),
            "federatable": room.state["m.room.create", ""].get("m.federate", True),
            "public": room.published,
        }
        for room in rooms[start : start + limit]
    ]
    more = {"next_batch": start + limit} if start + limit < len(rooms) else {}
    return {"rooms": listed, "offset": start, "total_rooms": len(rooms), **more}


def admin_members(fake: FakeHomeserver, asked: Asked) -> Json:
    _require_admin(fake, asked)
    if asked.args[0] not in fake.rooms:
        raise Denied(404, "M_NOT_FOUND", "Room not found")
    members = sorted(fake.rooms[asked.args[0]].joined)
    return {"members": members, "total": len(members)}


def admin_user(fake: FakeHomeserver, asked: Asked) -> Json:
    _require_admin(fake, asked)
    if asked.args[0] not in fake.accounts:
        raise Denied(404, "M_NOT_FOUND", "User not found")
    return fake.accounts[asked.args[0]].as_admin_sees()


def admin_put_user(fake: FakeHomeserver, asked: Asked) -> tuple[int, Json]:
    _require_admin(fake, asked)
    if fake.mas is not None and asked.args[0] not in fake.accounts:
        raise Denied(403, "M_FORBIDDEN", "User creation via the Admin API is not available")
    new = fake.change_account(asked.args[0], asked.body)
    return (201 if new else 200), fake.accounts[asked.args[0]].as_admin_sees()


def admin_is_admin(fake: FakeHomeserver, asked: Asked) -> Json:
    _require_admin(fake, asked)
    account = fake.accounts.get(asked.args[0])
    return {"admin": account is not None and account.admin}


def admin_devices(fake: FakeHomeserver, asked: Asked) -> Json:
    _require_admin(fake, asked)
    if asked.args[0] not in fake.accounts:
        raise Denied(404, "M_NOT_FOUND", "Unknown user")
    devices = sorted(fake.accounts[asked.args[0]].devices)
    return {"devices": [{"device_id": device} for device in devices], "total": len(devices)}


def devices(fake: FakeHomeserver, asked: Asked) -> Json:
    return {"devices": [{"device_id": device} for device in sorted(fake.accounts[asked.user_id].devices)]}


def delete_device(fake: FakeHomeserver, asked: Asked) -> Json:
    # Without asking its owner for a password, as for every service under MSC4190.
    fake.accounts[asked.user_id].devices.discard(asked.args[0])
    return {}


def told_by_mas(fake: FakeHomeserver, asked: Asked) -> Json:
    user_id = f"@{asked.body['localpart']}:{fake.server_name}"
    match asked.args[0]:
        case "provision_user" if user_id not in fake.accounts:
            fake.add_user(asked.body["localpart"])
        case "delete_user":
            assert asked.body["erase"] is False
            fake.deactivate(user_id, fake.bot_id)
        case "reactivate_user":
            fake.accounts[user_id].deactivated = False
        case "sync_devices":
            fake.accounts[user_id].devices = set(asked.body["devices"])
        case "upsert_device":
            fake.accounts[user_id].devices.add(asked.body["device_id"])
    return {}


def admin_delete_devices(fake: FakeHomeserver, asked: Asked) -> Json:
    _require_admin(fake, asked)
    fake.accounts[asked.args[0]].devices -= set(asked.body["devices"])
    return {}


def admin_pushers(fake: FakeHomeserver, asked: Asked) -> Json:
    _require_admin(fake, asked)
    pushers = fake.accounts[asked.args[0]].pushers
    return {"pushers": pushers, "total": len(pushers)}


def set_pusher(fake: FakeHomeserver, asked: Asked) -> Json:
    assert asked.body["kind"] is None
    account, names = fake.accounts[asked.user_id], ("app_id", "pushkey")
    account.pushers = [one for one in account.pushers if any(one[name] != asked.body[name] for name in names)]
    return {}


def profile(fake: FakeHomeserver, asked: Asked) -> Json:
    account = fake.accounts[asked.args[0]]
    return {"displayname": account.as_admin_sees()["displayname"], **account.fields}


def delete_profile_field(fake: FakeHomeserver, asked: Asked) -> Json:
    assert asked.user_id == asked.args[0]
    fake.accounts[asked.user_id].fields.pop(asked.args[1], None)
    return {}


def admin_memberships(fake: FakeHomeserver, asked: Asked) -> Json:
    _require_admin(fake, asked)
    user_id = asked.args[0]
    return {"memberships": fake.memberships(user_id)}


def admin_deactivate(fake: FakeHomeserver, asked: Asked) -> Json:
    _require_admin(fake, asked)
    assert asked.body == {"erase": False}
    fake.deactivate(asked.args[0], asked.user_id)
    return {"id_server_unbind_result": "success"}


def push_policy(fake: FakeHomeserver, asked: Asked) -> Json:
    return _guard(fake).push(asked.raw, asked.signature)


def guard_refusals(fake: FakeHomeserver, asked: Asked) -> Json:
    return _guard(fake).hand_over(asked.raw, asked.signature)


def guard_facts(fake: FakeHomeserver, asked: Asked) -> Json:
    return _guard(fake).facts(asked.signature)


def guard_farewell(fake: FakeHomeserver, asked: Asked) -> Json:
    return _guard(fake).farewell(asked.raw, asked.signature)


def guard_status(fake: FakeHomeserver, asked: Asked) -> Json:
    return _guard(fake).status(asked.signature)


def _guard(fake: FakeHomeserver) -> FakeGuard:
    if fake.guard is None:
        raise Denied(404, "M_UNRECOGNIZED", "Unrecognized request")
    return fake.guard


def _require_admin(fake: FakeHomeserver, asked: Asked) -> None:
    account = fake.accounts.get(asked.user_id)
    if not asked.admin if fake.mas is not None else account is None or not account.admin:
        raise Denied(403, "M_FORBIDDEN", "You are not a server admin")


_V3 = "/_matrix/client/v3"
_ROOM = _V3 + "/rooms/{}"
_ADMIN_USER = "/_synapse/admin/v2/users/{}"
_TABLE: tuple[tuple[str, str, Endpoint], ...] = (
    ("POST", PATH, push_policy),
    ("GET", PATH, guard_status),
    ("GET", FACTS_PATH, guard_facts),
    ("POST", REFUSALS_PATH, guard_refusals),
    ("POST", FAREWELL_PATH, guard_farewell),
    ("POST", _V3 + "/createRoom", create_room),
    ("GET", _V3 + "/directory/room/{}", resolve_alias),
    ("PUT", _V3 + "/directory/room/{}", put_alias),
    ("DELETE", _V3 + "/directory/room/{}", delete_alias),
    ("GET", _ROOM + "/state", room_state),
    ("GET", _ROOM + "/event/{}", room_event),
    ("GET", _ROOM + "/state/{}", state_content),
    ("GET", _ROOM + "/state/{}/{}", state_content),
    ("GET", _ROOM + "/messages", messages),
    ("PUT", _ROOM + "/state/{}", put_state),
    ("PUT", _ROOM + "/state/{}/{}", put_state),
    ("POST", _ROOM + "/invite", invite),
    ("POST", _ROOM + "/kick", kick),
    ("POST", _ROOM + "/unban", unban),
    ("POST", _V3 + "/join/{}", join),
    ("POST", _ROOM + "/join", join),
    ("POST", _ROOM + "/leave", leave),
    ("POST", _ROOM + "/forget", forget),
    ("PUT", _ROOM + "/send/{}/{}", send),
    ("PUT", _ROOM + "/redact/{}/{}", redact),
    ("PUT", _ROOM + "/typing/{}", typing),
    ("GET", _V3 + "/user/{}/account_data/{}", account_data),
    ("PUT", _V3 + "/user/{}/account_data/{}", put_account_data),
    ("GET", _V3 + "/user/{}/rooms/{}/account_data/{}", account_data),
    ("PUT", _V3 + "/user/{}/rooms/{}/account_data/{}", put_account_data),
    ("GET", _V3 + "/pushrules/global/", push_rules),
    ("DELETE", _V3 + "/pushrules/global/{}/{}", delete_push_rule),
    ("PUT", _V3 + "/pushrules/global/{}/{}", put_push_rule),
    ("GET", _V3 + "/joined_rooms", joined_rooms),
    ("GET", _V3 + "/sync", sync),
    ("POST", _V3 + "/register", register),
    ("GET", _V3 + "/devices", devices),
    ("PUT", _V3 + "/devices/{}", put_device),
    ("DELETE", _V3 + "/devices/{}", delete_device),
    ("POST", "/_synapse/mas/{}", told_by_mas),
    ("GET", _V3 + "/account/whoami", whoami),
    ("GET", "/_matrix/client/versions", versions),
    ("GET", "/_matrix/federation/v1/openid/userinfo", openid_userinfo),
    ("GET", _V3 + "/capabilities", capabilities),
    ("POST", "/_matrix/media/v3/upload", upload),
    ("POST", "/_matrix/client/v3/search", search),
    ("GET", "/_matrix/client/v1/media/download/{}/{}", download),
    ("GET", "/_matrix/client/v1/media/thumbnail/{}/{}", thumbnail),
    ("GET", "/_synapse/admin/v1/rooms", admin_rooms),
    ("GET", "/_synapse/admin/v1/rooms/{}/members", admin_members),
    ("GET", "/_synapse/admin/v1/rooms/{}/state", admin_room_state),
    ("GET", "/_synapse/admin/v1/media/{}/{}", admin_media),
    ("POST", "/_synapse/admin/v1/media/quarantine/{}/{}", admin_quarantine),
    ("GET", "/_synapse/admin/v1/rooms/{}/messages", admin_messages),
    ("GET", "/_synapse/admin/v1/rooms/{}/timestamp_to_event", admin_event_since),
    ("GET", "/_synapse/admin/v1/rooms/{}/context/{}", admin_context),
    ("GET", _ADMIN_USER, admin_user),
    ("PUT", _ADMIN_USER, admin_put_user),
    ("GET", "/_synapse/admin/v1/users/{}/admin", admin_is_admin),
    ("GET", _ADMIN_USER + "/devices", admin_devices),
    ("POST", _ADMIN_USER + "/delete_devices", admin_delete_devices),
    ("GET", "/_synapse/admin/v1/users/{}/memberships", admin_memberships),
    ("GET", "/_synapse/admin/v1/users/{}/pushers", admin_pushers),
    ("POST", _V3 + "/pushers/set", set_pusher),
    ("GET", _V3 + "/profile/{}", profile),
    ("DELETE", _V3 + "/profile/{}/{}", delete_profile_field),
    ("POST", "/_synapse/admin/v1/deactivate/{}", admin_deactivate),
)
_ROUTES = tuple(
    (method, re.compile(re.escape(path).replace(r"\{\}", "([^/]*)")), endpoint) for method, path, endpoint in _TABLE
)
ANONYMOUS: frozenset[Endpoint] = frozenset({versions, openid_userinfo})
"""What may be asked without a token."""


def find(method: str, raw_path: str) -> tuple[Endpoint, tuple[str, ...]]:
    """The endpoint for a request and the decoded ids in its path. Raises Denied."""
    for wanted, pattern, endpoint in _ROUTES:
        if wanted == method and (match := pattern.fullmatch(raw_path)):
            return endpoint, tuple(map(unquote, match.groups()))
    raise Denied(404, "M_UNRECOGNIZED", "Unrecognized request")
