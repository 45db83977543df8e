"""A person's own account: its data, push rules, devices and profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from tests.fakes.endpoints.asked import Asked, Json
from tests.fakes.room import Denied

if TYPE_CHECKING:
    from tests.fakes.homeserver import FakeHomeserver


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
