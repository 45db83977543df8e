"""What the fake homeserver knows: accounts, rooms, aliases, account data, and Synapse's rules about them.

The rules are those that the bridge meets, with the codes and words of Synapse 1.163. Anything else is allowed.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.guard import FakeGuard
from tests.fakes.room import CREATOR_POWER, Denied, Room, default_levels

Json = dict[str, Any]
PRESENT = frozenset({"join", "invite", "knock"})


@dataclass
class Account:
    """A local account. `profile` is what the admin API shows besides the flags."""

    user_id: str
    admin: bool = False
    locked: bool = False
    deactivated: bool = False
    suspended: bool = False
    profile: Json = field(default_factory=dict)
    devices: set[str] = field(default_factory=set)
    pushers: list[Json] = field(default_factory=list)
    fields: Json = field(default_factory=dict)
    """Fields of the profile that a client put there."""

    def as_admin_sees(self) -> Json:
        """As the admin API shows it."""
        return {
            "name": self.user_id,
            "admin": self.admin,
            "locked": self.locked,
            "deactivated": self.deactivated,
            "suspended": self.suspended,
            "displayname": self.user_id[1:].partition(":")[0],
            "avatar_url": None,
            "threepids": [],
            "external_ids": [],
            **self.profile,
        }


class World:
    """Accounts and rooms of one homeserver. Tests call these methods to do what a person does in her client."""

    def __init__(self, server_name: str) -> None:
        """An empty homeserver. Synapse's block_non_admin_invites is on, as the bridge demands."""
        self.server_name = server_name
        self.accounts: dict[str, Account] = {}
        self.rooms: dict[str, Room] = {}
        self.aliases: dict[str, str] = {}
        self.account_data: dict[tuple[str, ...], Json] = {}
        """By user id and type; of a room by user id, room id and type."""
        self.push_rules: dict[tuple[str, str, str], Json] = {}
        """Rules that people set themselves, by user id, kind and rule id."""
        self.read_to: dict[tuple[str, str], int] = {}
        """How many of a room's events somebody has read, by room and user id."""
        self.messages_page = 1000
        """Events in one page of a room's history."""
        self.clock_ahead_seconds = 0.0
        """How far the homeserver's clock is ahead of the bridge's."""
        self.block_invites = True
        self.guard: FakeGuard | None = None
        """Judges every event where it is installed; set `block_invites` to False with it."""
        self.listeners: list[Callable[[Json], None]] = []
        """Called with every new event."""
        self._numbers = itertools.count(1)

    def now_ms(self) -> int:
        """The homeserver's time."""
        return int((time.time() + self.clock_ahead_seconds) * 1000)

    # Accounts
    def add_user(self, localpart: str, *, admin: bool = False) -> str:
        """Make an account and return its id; one that is there only gets the flag."""
        user_id = f"@{localpart}:{self.server_name}"
        account = self.accounts.setdefault(user_id, Account(user_id))
        account.admin = admin
        return user_id

    def change_account(self, user_id: str, body: Json) -> bool:
        """Create or change an account as the admin API does. Returns whether it is new."""
        if not isinstance(body.get("displayname", ""), str):
            raise Denied(400, "M_INVALID_PARAM", "'displayname' must be a string")
        if body.get("locked") and body.get("deactivated"):
            raise Denied(400, "M_UNKNOWN", "An user can't be deactivated and locked")
        new = user_id not in self.accounts
        account = self.accounts.setdefault(user_id, Account(user_id))
        flags = {"admin", "locked", "deactivated"}
        for flag in flags & body.keys():
            setattr(account, flag, body[flag])
        account.profile |= {key: value for key, value in body.items() if key not in flags | {"password"}}
        if not new and {"displayname", "avatar_url"} & body.keys():
            for room in self._rooms_of(user_id):
                self._member(room, user_id, user_id, {**room.state["m.room.member", user_id], **self._shown(user_id)})
        return new

    def deactivate(self, user_id: str, by: str = "") -> None:
        """End an account as the admin API does: it leaves every room, and its sessions and account data are gone."""
        if self.guard is not None:
            self.guard.close(user_id, by)
        account = self.accounts[user_id]
        account.deactivated = True
        account.devices.clear()
        account.profile = {key: value for key, value in account.profile.items() if key in {"displayname", "avatar_url"}}
        self.account_data = {key: value for key, value in self.account_data.items() if key[0] != user_id}
        for room in self.rooms.values():
            if room.members.get(user_id) in {"join", "invite"}:
                self.leave(room.room_id, user_id)

    def joined_rooms(self, user_id: str) -> list[str]:
        """Ids of the rooms that the user is in."""
        return [room.room_id for room in self._rooms_of(user_id)]

    # Rooms
    def create_room(self, sender: str, body: Json) -> str:
        """Make a room as createRoom does, and return its id."""
        alias = self._free_alias(body.get("room_alias_name"))
        version = body.get("room_version", "11")
        if version not in {"10", "11", "12"}:
            raise Denied(400, "M_UNSUPPORTED_ROOM_VERSION", "Your homeserver does not support this room version")
        levels = default_levels(sender, version) | body.get("power_level_content_override", {})
        _check_creator(sender, version, levels)
        letters = f"room{next(self._numbers):012}"
        room_id = f"!{letters:x<43}" if version in CREATOR_POWER else f"!{letters}:{self.server_name}"
        room = self.rooms[room_id] = Room(room_id, version, sender, published=body.get("visibility") == "public")
        if alias:
            self.aliases[alias] = room_id
        self._emit(room, sender, "m.room.create", {"room_version": version, **body.get("creation_content", {})}, "")
        self._member(room, sender, sender, {"membership": "join", **self._shown(sender)})
        self._emit(room, sender, "m.room.power_levels", levels, "")
        for event_type, state_key, content in _first_state(body, alias):
            self._emit(room, sender, event_type, content, state_key)
        for user_id in body.get("invite", ()):
            self._member(room, sender, user_id, {"membership": "invite"})
        return room_id

    def invite(self, room_id: str, sender: str, user_id: str) -> None:
        """Invite somebody."""
        room = self.room_of(room_id, sender)
        if self.block_invites and not self.accounts[sender].admin:
            raise Denied(403, "M_FORBIDDEN", "Invites have been disabled on this server")
        if room.members.get(user_id) == "join":
            raise Denied(403, "M_FORBIDDEN", f"{user_id} is already in the room.")
        if room.members.get(user_id) == "ban":
            raise Denied(403, "M_BAD_STATE", "Cannot invite user who was banned")
        room.require(sender, "invite")
        self._member(room, sender, user_id, {"membership": "invite"})

    def kick(self, room_id: str, sender: str, user_id: str, reason: str = "") -> None:
        """Remove somebody, or take an invitation back."""
        room = self._known(room_id)
        if room.members.get(user_id) not in PRESENT:
            raise Denied(403, "M_FORBIDDEN", "The target user is not in the room")
        self.room_of(room_id, sender)
        if sender != user_id and (
            room.level(sender) < room.needed("kick") or room.level(sender) <= room.level(user_id)
        ):
            raise Denied(403, "M_FORBIDDEN", f"You cannot kick user {user_id}.")
        self._member(room, sender, user_id, {"membership": "leave", **({"reason": reason} if reason else {})})

    def unban(self, room_id: str, sender: str, user_id: str) -> None:
        """Lift a ban."""
        room = self.room_of(room_id, sender)
        if room.members.get(user_id) != "ban":
            raise Denied(403, "M_BAD_STATE", f"Cannot unban user who was not banned (membership={user_id})")
        room.require(sender, "ban")
        self._member(room, sender, user_id, {"membership": "leave"})

    def force(self, room_id: str, sender: str, event_type: str, state_key: str, content: Json) -> Json:
        """Set any state as a server admin can who has made themselves admin of the room; returns the event."""
        return self._emit(self.rooms[room_id], sender, event_type, content, state_key)

    def delete_room(self, room_id: str) -> None:
        """Delete a room as the admin API does: first everybody in it leaves by themselves, the bot too."""
        creator = self.rooms[room_id].creator
        for user_id in sorted(self.rooms[room_id].joined, key=lambda user_id: user_id == creator):
            self.leave(room_id, user_id)
        del self.rooms[room_id]
        self.aliases = {alias: room for alias, room in self.aliases.items() if room != room_id}

    def join(self, room_id: str, user_id: str, reason: str = "") -> None:
        """Join by invitation or an open rule; once more changes nothing, but what it says."""
        room = self.rooms.get(room_id)
        if room is None or not room.joined:
            raise _cannot_join()
        said = {"reason": reason} if reason else {}
        if room.members.get(user_id) == "join":
            if said:
                self._member(room, user_id, user_id, {"membership": "join", **self._shown(user_id), **said})
            return
        if user_id in self.accounts and self.accounts[user_id].suspended:
            raise Denied(403, "M_USER_SUSPENDED", "Joining rooms while account is suspended is not allowed.")
        if room.members.get(user_id) == "ban":
            raise Denied(403, "M_FORBIDDEN", "You are banned from this room")
        authorised = {} if room.members.get(user_id) == "invite" else self._by_rule(room, user_id)
        self._member(room, user_id, user_id, {"membership": "join", **self._shown(user_id), **authorised, **said})

    def leave(self, room_id: str, user_id: str) -> None:
        """Leave or reject; once more changes nothing."""
        room = self.rooms.get(room_id)
        if room is None:
            raise Denied(404, "M_UNKNOWN", "Not a known room")
        event = room.state_events.get(("m.room.member", user_id))
        if room.members.get(user_id) in PRESENT:
            self._member(room, user_id, user_id, {"membership": "leave"})
        elif event is None or event["sender"] != user_id:
            raise Denied(403, "M_FORBIDDEN", f"{user_id} not in room {room_id}.")

    def forget(self, room_id: str, user_id: str) -> None:
        """Forget a room already left."""
        if self._known(room_id).members.get(user_id) in PRESENT:
            raise Denied(400, "M_UNKNOWN", f"User {user_id} in room {room_id}")
        self.rooms[room_id].forgotten.add(user_id)

    def put_state(self, room_id: str, sender: str, event_type: str, state_key: str, content: Json) -> str:
        """Set state and return the event's id; the same content again makes no event."""
        room = self.room_of(room_id, sender)
        if event_type == "m.room.member":
            raise Denied(400, "M_UNRECOGNIZED", "This fake changes membership by its own requests only")
        room.require_to_send(sender, event_type, is_state=True)
        text = {"m.room.name": "name", "m.room.topic": "topic"}.get(event_type)
        if text is not None and not isinstance(content.get(text), str):
            raise Denied(400, "M_UNKNOWN", f"'{text}' not in content")
        if event_type == "m.room.tombstone" and "replacement_room" not in content:
            raise Denied(400, "M_UNKNOWN", "Content has no replacement_room key")
        if event_type == "m.room.power_levels":
            _check_creator(room.creator, room.version, content)
            room.check_new_levels(sender, content)
        before = room.state_events.get((event_type, state_key))
        if before is not None and before["content"] == content:
            return str(before["event_id"])
        return str(self._emit(room, sender, event_type, content, state_key)["event_id"])

    def send(self, room_id: str, sender: str, event_type: str, content: Json) -> str:
        """Send a message event and return its id."""
        room = self.room_of(room_id, sender)
        room.require_to_send(sender, event_type, is_state=False)
        if event_type == "m.room.message" and "msgtype" not in content:
            raise Denied(400, "M_UNKNOWN", "'msgtype' not in content")
        return str(self._emit(room, sender, event_type, content, None)["event_id"])

    def message(self, room_id: str, sender: str, body: str, **content: Any) -> Json:
        """Post a text message as somebody and return the event."""
        self.send(room_id, sender, "m.room.message", {"msgtype": "m.text", "body": body, **content})
        return self.rooms[room_id].timeline[-1]

    def redact(self, room_id: str, sender: str, event_id: str, reason: str = "") -> str:
        """Delete an event as somebody; the id of the event that does."""
        room = self.room_of(room_id, sender)
        room.require_to_send(sender, "m.room.redaction", is_state=False)
        event = next((one for one in room.timeline if one["event_id"] == event_id), None)
        if event is None:
            raise Denied(404, "M_NOT_FOUND", "Could not find event")
        if event["sender"] != sender:
            room.require(sender, "redact")
        said = {"redacts": event_id, **({"reason": reason} if reason else {})}
        redaction = self._emit(room, sender, "m.room.redaction", said, None)
        event["content"] = {}
        event["unsigned"]["redacted_because"] = redaction
        return str(redaction["event_id"])

    def read(self, room_id: str, user_id: str) -> None:
        """Read everything in a room as somebody."""
        self.read_to[room_id, user_id] = len(self.rooms[room_id].timeline)

    def unread_count(self, room_id: str, user_id: str) -> int:
        """How many messages somebody has not read, by Synapse's default push rules: others' messages, no notices."""
        timeline = self.rooms[room_id].timeline
        joined = [i for i, e in enumerate(timeline) if e["type"] == "m.room.member" and e["state_key"] == user_id]
        return sum(
            event["type"] == "m.room.message"
            and event["sender"] != user_id
            and event["content"]["msgtype"] != "m.notice"
            for event in timeline[max(joined[-1], self.read_to.get((room_id, user_id), 0)) :]
        )

    def events(self, room_id: str, event_type: str = "") -> list[Json]:
        """A room's events, oldest first; of one type if that is given."""
        return [event for event in self.rooms[room_id].timeline if event_type in {"", event["type"]}]

    def room_of(self, room_id: str, user_id: str) -> Room:
        """The room, for somebody who must be in it."""
        room = self.rooms.get(room_id)
        if room is None or room.members.get(user_id) != "join":
            raise Denied(403, "M_FORBIDDEN", f"User {user_id} not in room {room_id}")
        return room

    def _known(self, room_id: str) -> Room:
        if room_id not in self.rooms:
            raise Denied(404, "M_NOT_FOUND", "Room not found")
        return self.rooms[room_id]

    def _rooms_of(self, user_id: str) -> list[Room]:
        return [room for room in self.rooms.values() if room.members.get(user_id) == "join"]

    def _shown(self, user_id: str) -> Json:
        account = self.accounts[user_id].as_admin_sees()
        return {key: account[key] for key in ("displayname", "avatar_url") if account[key]}

    def _by_rule(self, room: Room, user_id: str) -> Json:
        """What a join without an invitation adds to the event. Raises Denied where the rule keeps the user out."""
        rule = room.state.get(("m.room.join_rules", ""), {"join_rule": "invite"})
        if rule["join_rule"] == "public":
            return {}
        if rule["join_rule"] not in {"restricted", "knock_restricted"}:
            raise Denied(403, "M_FORBIDDEN", "You are not invited to this room.")
        # Somebody in the room must have the right to invite, or even those whom the rule names cannot come in.
        guarantors = [member for member in room.joined if room.level(member) >= room.needed("invite")]
        if not guarantors:
            raise _cannot_join()
        allowed = [self.rooms.get(condition["room_id"]) for condition in rule["allow"]]
        if not any(space is not None and space.members.get(user_id) == "join" for space in allowed):
            message = "You do not belong to any of the required rooms/spaces to join this room."
            raise Denied(403, "M_FORBIDDEN", message)
        return {"join_authorised_via_users_server": guarantors[0]}

    def _free_alias(self, localpart: str | None) -> str:
        if localpart is None:
            return ""
        alias = f"#{localpart}:{self.server_name}"
        if alias in self.aliases:
            raise Denied(400, "M_ROOM_IN_USE", "Room alias already taken")
        return alias

    def _member(self, room: Room, sender: str, user_id: str, content: Json) -> None:
        self._emit(room, sender, "m.room.member", content, user_id)

    def _emit(self, room: Room, sender: str, event_type: str, content: Json, state_key: str | None) -> Json:
        if self.guard is not None:
            content = self.guard.check(room, sender, event_type, state_key, content, self.rooms)
        number = next(self._numbers)
        event = room.append(
            {
                "type": event_type,
                "room_id": room.room_id,
                "sender": sender,
                "content": content,
                "event_id": f"$event{number:038}",
                "origin_server_ts": self.now_ms(),
                **({} if state_key is None else {"state_key": state_key}),
            }
        )
        for listener in self.listeners:
            listener(event)
        return event


def _cannot_join() -> Denied:
    message = "Can't join remote room because no servers that are in the room have been provided."
    return Denied(404, "M_UNKNOWN", message)


def _check_creator(creator: str, version: str, levels: Json) -> None:
    if version in CREATOR_POWER and creator in levels.get("users", {}):
        raise Denied(400, "M_UNKNOWN", f"Creator user {creator} must not appear in content.users")
    if any(not isinstance(level, int) or math.isnan(level) for level in levels.get("users", {}).values()):
        raise Denied(400, "M_BAD_JSON", "a level is not of type 'integer'")


def _first_state(body: Json, alias: str) -> Iterator[tuple[str, str, Json]]:
    """The state of a new room after its power levels, in Synapse's order."""
    given = {(event["type"], event.get("state_key", "")): event["content"] for event in body.get("initial_state", ())}
    private = body.get("preset", "private_chat") != "public_chat"
    preset: dict[tuple[str, str], Json] = {
        ("m.room.join_rules", ""): {"join_rule": "invite" if private else "public"},
        ("m.room.history_visibility", ""): {"history_visibility": "shared"},
    }
    if private:
        preset["m.room.guest_access", ""] = {"guest_access": "can_join"}
    if alias:
        preset["m.room.canonical_alias", ""] = {"alias": alias}
    named = {("m.room.name", ""): {"name": body.get("name")}, ("m.room.topic", ""): {"topic": body.get("topic")}}
    extra = {key: content for key, content in named.items() if all(content.values())}
    for (event_type, state_key), content in {**preset, **given, **extra}.items():
        yield event_type, state_key, content
