"""The requests that the fake homeserver understands: each has a function from what was asked to its answer."""

from __future__ import annotations

import re
from urllib.parse import unquote

from bridge.guard.protocol import FACTS_PATH, FAREWELL_PATH, PATH, REFUSALS_PATH
from tests.fakes.endpoints import admins, guard, media, people, rooms
from tests.fakes.endpoints.asked import Endpoint
from tests.fakes.room import Denied

_V3 = "/_matrix/client/v3"
_ROOM = _V3 + "/rooms/{}"
_ADMIN_USER = "/_synapse/admin/v2/users/{}"
_TABLE: tuple[tuple[str, str, Endpoint], ...] = (
    ("POST", PATH, guard.push_policy),
    ("GET", PATH, guard.guard_status),
    ("GET", FACTS_PATH, guard.guard_facts),
    ("POST", REFUSALS_PATH, guard.guard_refusals),
    ("POST", FAREWELL_PATH, guard.guard_farewell),
    ("POST", _V3 + "/createRoom", rooms.create_room),
    ("GET", _V3 + "/directory/room/{}", rooms.resolve_alias),
    ("PUT", _V3 + "/directory/room/{}", rooms.put_alias),
    ("DELETE", _V3 + "/directory/room/{}", rooms.delete_alias),
    ("GET", _ROOM + "/state", rooms.room_state),
    ("GET", _ROOM + "/event/{}", rooms.room_event),
    ("GET", _ROOM + "/state/{}", rooms.state_content),
    ("GET", _ROOM + "/state/{}/{}", rooms.state_content),
    ("GET", _ROOM + "/messages", rooms.messages),
    ("PUT", _ROOM + "/state/{}", rooms.put_state),
    ("PUT", _ROOM + "/state/{}/{}", rooms.put_state),
    ("POST", _ROOM + "/invite", rooms.invite),
    ("POST", _ROOM + "/kick", rooms.kick),
    ("POST", _ROOM + "/unban", rooms.unban),
    ("POST", _V3 + "/join/{}", rooms.join),
    ("POST", _ROOM + "/join", rooms.join),
    ("POST", _ROOM + "/leave", rooms.leave),
    ("POST", _ROOM + "/forget", rooms.forget),
    ("PUT", _ROOM + "/send/{}/{}", rooms.send),
    ("PUT", _ROOM + "/redact/{}/{}", rooms.redact),
    ("PUT", _ROOM + "/typing/{}", rooms.typing),
    ("GET", _V3 + "/user/{}/account_data/{}", people.account_data),
    ("PUT", _V3 + "/user/{}/account_data/{}", people.put_account_data),
    ("GET", _V3 + "/user/{}/rooms/{}/account_data/{}", people.account_data),
    ("PUT", _V3 + "/user/{}/rooms/{}/account_data/{}", people.put_account_data),
    ("GET", _V3 + "/pushrules/global/", people.push_rules),
    ("DELETE", _V3 + "/pushrules/global/{}/{}", people.delete_push_rule),
    ("PUT", _V3 + "/pushrules/global/{}/{}", people.put_push_rule),
    ("GET", _V3 + "/joined_rooms", people.joined_rooms),
    ("GET", _V3 + "/sync", people.sync),
    ("POST", _V3 + "/register", people.register),
    ("GET", _V3 + "/devices", people.devices),
    ("PUT", _V3 + "/devices/{}", people.put_device),
    ("DELETE", _V3 + "/devices/{}", people.delete_device),
    ("POST", "/_synapse/mas/{}", people.told_by_mas),
    ("GET", _V3 + "/account/whoami", people.whoami),
    ("GET", "/_matrix/client/versions", people.versions),
    ("GET", "/_matrix/federation/v1/openid/userinfo", people.openid_userinfo),
    ("GET", _V3 + "/capabilities", people.capabilities),
    ("POST", "/_matrix/media/v3/upload", media.upload),
    ("POST", "/_matrix/client/v3/search", rooms.search),
    ("GET", "/_matrix/client/v1/media/download/{}/{}", media.download),
    ("GET", "/_matrix/client/v1/media/thumbnail/{}/{}", media.thumbnail),
    ("GET", "/_synapse/admin/v1/rooms", admins.admin_rooms),
    ("GET", "/_synapse/admin/v1/rooms/{}/members", admins.admin_members),
    ("GET", "/_synapse/admin/v1/rooms/{}/state", admins.admin_room_state),
    ("GET", "/_synapse/admin/v1/media/{}/{}", media.admin_media),
    ("POST", "/_synapse/admin/v1/media/quarantine/{}/{}", media.admin_quarantine),
    ("GET", "/_synapse/admin/v1/rooms/{}/messages", admins.admin_messages),
    ("GET", "/_synapse/admin/v1/rooms/{}/timestamp_to_event", admins.admin_event_since),
    ("GET", "/_synapse/admin/v1/rooms/{}/context/{}", admins.admin_context),
    ("GET", _ADMIN_USER, admins.admin_user),
    ("PUT", _ADMIN_USER, admins.admin_put_user),
    ("GET", "/_synapse/admin/v1/users/{}/admin", admins.admin_is_admin),
    ("GET", _ADMIN_USER + "/devices", admins.admin_devices),
    ("POST", _ADMIN_USER + "/delete_devices", admins.admin_delete_devices),
    ("GET", "/_synapse/admin/v1/users/{}/memberships", admins.admin_memberships),
    ("GET", "/_synapse/admin/v1/users/{}/pushers", admins.admin_pushers),
    ("POST", _V3 + "/pushers/set", people.set_pusher),
    ("GET", _V3 + "/profile/{}", people.profile),
    ("DELETE", _V3 + "/profile/{}/{}", people.delete_profile_field),
    ("POST", "/_synapse/admin/v1/deactivate/{}", admins.admin_deactivate),
)
_ROUTES = tuple(
    (method, re.compile(re.escape(path).replace(r"\{\}", "([^/]*)")), endpoint) for method, path, endpoint in _TABLE
)
ANONYMOUS: frozenset[Endpoint] = frozenset({people.versions, people.openid_userinfo})
"""What may be asked without a token."""


def find(method: str, raw_path: str) -> tuple[Endpoint, tuple[str, ...]]:
    """The endpoint for a request and the decoded ids in its path. Raises Denied."""
    for wanted, pattern, endpoint in _ROUTES:
        if wanted == method and (match := pattern.fullmatch(raw_path)):
            return endpoint, tuple(map(unquote, match.groups()))
    raise Denied(404, "M_UNRECOGNIZED", "Unrecognized request")
