"""Rooms: making, reading and writing them, and who is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.endpoints.asked import Asked, Json, page
from tests.fakes.room import Denied

if TYPE_CHECKING:
    from tests.fakes.homeserver import FakeHomeserver


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
    return page(fake, asked, fake.room_of(asked.args[0], asked.user_id).timeline)


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


def redact(fake: FakeHomeserver, asked: Asked) -> Json:
    room_id, event_id, _ = asked.args
    # As for sending, a repeated request is known by its path and the service's device.
    key = (asked.path, asked.query.get("device_id"))
    if key not in fake.sent:
        fake.sent[key] = fake.redact(room_id, asked.user_id, event_id, asked.body.get("reason", ""))
    return {"event_id": fake.sent[key]}
