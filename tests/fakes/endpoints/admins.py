"""What server admins ask Synapse's admin API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from tests.fakes.endpoints.asked import Asked, Json, page, require_admin
from tests.fakes.room import Denied

if TYPE_CHECKING:
    from tests.fakes.homeserver import FakeHomeserver


def admin_messages(fake: FakeHomeserver, asked: Asked) -> Json:
    require_admin(fake, asked)
    if asked.args[0] not in fake.rooms:
        raise Denied(404, "M_NOT_FOUND", "Room not found")
    events = fake.rooms[asked.args[0]].timeline
    if asked.query["dir"] == "b":
        types = orjson.loads(asked.query["filter"])["types"] if "filter" in asked.query else None
        newest = [event for event in reversed(events) if types is None or event["type"] in types]
        return {"chunk": newest[: int(asked.query["limit"])], "start": "0", "end": "1"}
    if "filter" in asked.query:
        return page(fake, asked, events)
    start, limit = int(asked.query.get("from", 0)), min(int(asked.query["limit"]), fake.messages_page)
    # Synapse says where it would go on until a page is empty.
    chunk = events[start : start + limit]
    return {"chunk": chunk, "start": str(start), **({"end": str(start + len(chunk))} if chunk else {})}


def admin_event_since(fake: FakeHomeserver, asked: Asked) -> Json:
    require_admin(fake, asked)
    room = fake.rooms.get(asked.args[0])
    for event in room.timeline if room is not None else ():
        if event["origin_server_ts"] >= int(asked.query["ts"]):
            return {"event_id": event["event_id"], "origin_server_ts": event["origin_server_ts"]}
    raise Denied(404, "M_NOT_FOUND", "Unable to find event")


def admin_context(fake: FakeHomeserver, asked: Asked) -> Json:
    require_admin(fake, asked)
    room_id, event_id = asked.args
    before = 0
    # Places are counted as in the answers with the filter of messages and redactions.
    for event in fake.rooms[room_id].timeline:
        if event["event_id"] == event_id:
            return {"event": event, "start": str(before), "end": str(before + 1)}
        before += event["type"] in {"m.room.message", "m.room.redaction"}
    raise Denied(404, "M_NOT_FOUND", "Event not found.")


def admin_room_state(fake: FakeHomeserver, asked: Asked) -> Json:
    require_admin(fake, asked)
    if asked.args[0] not in fake.rooms:
        raise Denied(404, "M_NOT_FOUND", "Room not found")
    return {"state": list(fake.rooms[asked.args[0]].state_events.values())}


def admin_rooms(fake: FakeHomeserver, asked: Asked) -> Json:
    require_admin(fake, asked)
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
    require_admin(fake, asked)
    if asked.args[0] not in fake.rooms:
        raise Denied(404, "M_NOT_FOUND", "Room not found")
    members = sorted(fake.rooms[asked.args[0]].joined)
    return {"members": members, "total": len(members)}


def admin_user(fake: FakeHomeserver, asked: Asked) -> Json:
    require_admin(fake, asked)
    if asked.args[0] not in fake.accounts:
        raise Denied(404, "M_NOT_FOUND", "User not found")
    return fake.accounts[asked.args[0]].as_admin_sees()


def admin_put_user(fake: FakeHomeserver, asked: Asked) -> tuple[int, Json]:
    require_admin(fake, asked)
    if fake.mas is not None and asked.args[0] not in fake.accounts:
        raise Denied(403, "M_FORBIDDEN", "User creation via the Admin API is not available")
    new = fake.change_account(asked.args[0], asked.body)
    return (201 if new else 200), fake.accounts[asked.args[0]].as_admin_sees()


def admin_is_admin(fake: FakeHomeserver, asked: Asked) -> Json:
    require_admin(fake, asked)
    account = fake.accounts.get(asked.args[0])
    return {"admin": account is not None and account.admin}


def admin_devices(fake: FakeHomeserver, asked: Asked) -> Json:
    require_admin(fake, asked)
    if asked.args[0] not in fake.accounts:
        raise Denied(404, "M_NOT_FOUND", "Unknown user")
    devices = sorted(fake.accounts[asked.args[0]].devices)
    return {"devices": [{"device_id": device} for device in devices], "total": len(devices)}


def admin_delete_devices(fake: FakeHomeserver, asked: Asked) -> Json:
    require_admin(fake, asked)
    fake.accounts[asked.args[0]].devices -= set(asked.body["devices"])
    return {}


def admin_pushers(fake: FakeHomeserver, asked: Asked) -> Json:
    require_admin(fake, asked)
    pushers = fake.accounts[asked.args[0]].pushers
    return {"pushers": pushers, "total": len(pushers)}


def admin_memberships(fake: FakeHomeserver, asked: Asked) -> Json:
    require_admin(fake, asked)
    user_id = asked.args[0]
    return {"memberships": fake.memberships(user_id)}


def admin_deactivate(fake: FakeHomeserver, asked: Asked) -> Json:
    require_admin(fake, asked)
    assert asked.body == {"erase": False}
    fake.deactivate(asked.args[0], asked.user_id)
    return {"id_server_unbind_result": "success"}
