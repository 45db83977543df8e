"""A room of the fake homeserver: its events, its state, and who may do what in it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
StateKey = tuple[str, str]
CREATOR_POWER = frozenset({"12"})
"""Room versions in which the creator's power has no end."""


class Denied(Exception):
    """The homeserver refuses a request, with this status, code and text."""

    def __init__(self, status: int, errcode: str, error: str) -> None:
        super().__init__(f"{status} {errcode}: {error}")
        self.status = status
        self.body = {"errcode": errcode, "error": error}


@dataclass
class Room:
    """A room. Tests read `members`, `state` and `timeline`."""

    room_id: str
    version: str
    creator: str
    published: bool = False
    timeline: list[Json] = field(default_factory=list)
    """All events, oldest first."""
    state_events: dict[StateKey, Json] = field(default_factory=dict)
    state: dict[StateKey, Json] = field(default_factory=dict)
    """Content of the current state by event type and state key."""
    members: dict[str, str] = field(default_factory=dict)
    """Membership by user id: join, invite, leave, ban, knock."""
    forgotten: set[str] = field(default_factory=set)

    @property
    def joined(self) -> list[str]:
        """Who is in."""
        return [user_id for user_id, membership in self.members.items() if membership == "join"]

    @property
    def levels(self) -> Json:
        """The content of the power levels."""
        return self.state.get(("m.room.power_levels", ""), {})

    def append(self, event: Json) -> Json:
        """Add an event and return it as an application service receives it."""
        unsigned: Json = {"age": 1}
        if "state_key" in event:
            key = (event["type"], event["state_key"])
            if key in self.state:
                unsigned["prev_content"] = self.state[key]
                unsigned["prev_sender"] = self.state_events[key]["sender"]
                unsigned["replaces_state"] = self.state_events[key]["event_id"]
            self.state_events[key] = event
            self.state[key] = event["content"]
            if key[0] == "m.room.member":
                self.members[key[1]] = event["content"]["membership"]
        event["unsigned"] = unsigned
        self.timeline.append(event)
        return event

    def level(self, user_id: str) -> float:
        """A user's power level."""
        if self.version in CREATOR_POWER and user_id == self.creator:
            return math.inf
        return float(self.levels.get("users", {}).get(user_id, self.levels.get("users_default", 0)))

    def needed(self, act: str) -> float:
        """The level that an act needs: invite, kick, ban or redact."""
        return float(self.levels.get(act, 0 if act == "invite" else 50))

    def require(self, user_id: str, act: str) -> None:
        """Raise Denied where the user's level does not suffice for the act."""
        if self.level(user_id) < self.needed(act):
            raise Denied(403, "M_FORBIDDEN", f"You don't have permission to {act} users")

    def require_to_send(self, user_id: str, event_type: str, *, is_state: bool) -> None:
        """Raise Denied where the user's level does not suffice for the event."""
        default = self.levels.get("state_default", 50) if is_state else self.levels.get("events_default", 0)
        needed = self.levels.get("events", {}).get(event_type, default)
        if self.level(user_id) < needed:
            message = (
                "You don't have permission to post that to the room."
                f" user_level ({self.level(user_id):g}) < send_level ({needed})"
            )
            raise Denied(403, "M_FORBIDDEN", message)

    def check_new_levels(self, user_id: str, new: Json) -> None:
        """Raise Denied where somebody gives or takes a level above their own, or takes another's that is as high.

        What stays as it was is no matter.
        """
        own = self.level(user_id)
        before, after = self.levels.get("users", {}), new.get("users", {})
        others = {key for key in before if key != user_id and before[key] != after.get(key)}
        if any(before[key] == own for key in others):
            raise Denied(403, "M_FORBIDDEN", "You don't have permission to remove ops level equal to your own")
        for part in ("users", "events"):
            before, after = self.levels.get(part, {}), new.get(part, {})
            changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
            if any(max(before.get(key, 0), after.get(key, 0)) > own for key in changed):
                message = "You don't have permission to add ops level greater than your own"
                raise Denied(403, "M_FORBIDDEN", message)


def default_levels(creator: str, version: str) -> Json:
    """The power levels of a private room that names none."""
    return {
        "users": {} if version in CREATOR_POWER else {creator: 100},
        "users_default": 0,
        "events": {
            "m.room.name": 50,
            "m.room.power_levels": 100,
            "m.room.history_visibility": 100,
            "m.room.canonical_alias": 50,
            "m.room.avatar": 50,
            "m.room.tombstone": 150 if version in CREATOR_POWER else 100,
            "m.room.server_acl": 100,
            "m.room.encryption": 100,
        },
        "events_default": 0,
        "state_default": 50,
        "ban": 50,
        "kick": 50,
        "redact": 50,
        "invite": 0,
        "historical": 100,
    }
