"""A room as the homeserver has it, which plans compare with its shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.mapping.rooms.shapes import RoomShape
from bridge.mapping.rooms.state import StateKey, create_body
from bridge.reconcile.planning.steps import LEVELS, Json


@dataclass(frozen=True, slots=True)
class Move:
    """Somebody's own last join or leave."""

    membership: str
    at: int
    """Milliseconds, by the homeserver's clock."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The event behind a piece of state."""

    sender: str
    event_id: str
    at: int
    """Milliseconds, by the homeserver's clock."""


@dataclass(frozen=True)
class Observed:
    """A room as it is."""

    room_id: str
    members: Mapping[str, str] = field(default_factory=dict)
    """User ids to join or invite; those in neither are left out."""
    state: Mapping[StateKey, Json] = field(default_factory=dict)
    creator: str = ""
    moves: Mapping[str, Move] = field(default_factory=dict)
    """What people did themselves, by user id."""
    banned: frozenset[str] = frozenset()
    """User ids."""
    sent: Mapping[StateKey, Sent] = field(default_factory=dict)
    departed: frozenset[str] = frozenset()
    """User ids of those who left it or were put out."""
    as_chat_with_bot: frozenset[str] = frozenset()
    """User ids of those in it whom the bot invited as into a direct conversation with itself."""


@dataclass(frozen=True, slots=True)
class Server:
    """What every plan needs to know of the homeserver."""

    bot_id: str
    room_version: str
    sender_id: str
    """The application service's own user, which nobody writes to."""

    def alias(self, localpart: str) -> str:
        """A full alias of this server."""
        return f"#{localpart}:{self.bot_id.partition(':')[2]}"


def as_created(
    shape: RoomShape, server: Server, room_ids: Mapping[str, str], room_id: str = "", picture_url: str = "mxc:"
) -> Observed:
    """The room as its creation leaves it, without asking; without a `picture_url` it has no picture yet."""
    body = create_body(
        shape,
        alias_localpart="",
        bot_id=server.bot_id,
        room_version=server.room_version,
        room_ids=room_ids,
        picture_url=picture_url,
    )
    state = {(event["type"], event["state_key"]): event["content"] for event in body["initial_state"]}
    state[LEVELS, ""] = body["power_level_content_override"]
    if shape.alias_localpart:
        state["m.room.canonical_alias", ""] = {"alias": server.alias(shape.alias_localpart)}
    members = {key[1]: "invite" for key in state if key[0] == "m.room.member"}
    return Observed(room_id, {**members, server.bot_id: "join"}, state, server.bot_id)
