"""The state events by which a room has its shape, and the request that makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bridge.firm.conversation import SHARED, ConversationKind
from bridge.firm.room_keys import CHILD, MARKER
from bridge.firm.room_rules import BARRED, BOT_LEVEL, NAMED_BY_ALL, PINNER_LEVEL, REMOVER_LEVEL, WIDGET, WIDGETS
from bridge.mapping.clients.widgets import WIDGET_ID, widget_content
from bridge.mapping.rooms.shapes import RoomShape

Json = dict[str, Any]
StateKey = tuple[str, str]
"""Event type and state key."""

CLEARED: Mapping[str, Json] = {
    # Synapse takes no name and no topic without its text, and no tombstone without a pointer.
    "m.room.name": {"name": ""},
    "m.room.topic": {"topic": ""},
    "m.room.avatar": {},
    "m.room.tombstone": {"body": "", "replacement_room": ""},
    "m.room.server_acl": {},
    "m.room.third_party_invite": {},
    **{widget: {} for widget in WIDGETS},
}
"""What is made of state that a room has and its shape does not."""

AVATAR = "m.room.avatar"
PICTURE = "org.firm-bridge.picture"
"""The key in the content of m.room.avatar that tells which picture it is; its address is known once it is uploaded."""
SERVICE_MEMBERS = "io.element.functional_members"
"""The state by which clients know that the bot is no person in a room (MSC4171): they leave it out of names and, where
they can, of counts, and show the other's picture in a direct conversation that it once was in."""

GOES_ON = "This conversation goes on in another room. What was said here can still be read."
"""What people find in the room in which a conversation was held before."""

CREATOR_POWER_VERSIONS = frozenset({"12"})
"""Room versions in which the creator has infinite power and must not be named in the power levels."""


def power_levels(shape: RoomShape, bot_id: str, room_version: str) -> Json:
    """Who may do what in the room. Everyone has level 0 and the bot 100; between are only those who pin, or who
    take others out."""
    quiet = shape.is_space or shape.read_only
    say = BOT_LEVEL if quiet else 0
    named_by_all = dict.fromkeys(sorted(NAMED_BY_ALL.get(shape.kind, ())), say)
    # Clients offer to make a room in a space to those who may list it there. The guard lets nobody do that but the bot.
    listed_by_all = {CHILD: 0} if shape.is_space and shape.guarded else {}
    removers = dict.fromkeys(sorted(shape.removers or ()), REMOVER_LEVEL)
    more = {**removers, **dict.fromkeys(sorted(shape.pinners or ()), PINNER_LEVEL)}
    pin = say if shape.pinners is None else max(say, PINNER_LEVEL)
    return {
        "users": more if room_version in CREATOR_POWER_VERSIONS else {bot_id: BOT_LEVEL, **more},
        "users_default": 0,
        "events_default": say,
        "state_default": BOT_LEVEL,
        "events": {
            **BARRED,
            "m.room.pinned_events": pin,
            "m.reaction": say,
            "m.room.redaction": BOT_LEVEL if shape.held else say,
            **named_by_all,
            **listed_by_all,
        },
        "invite": 0 if _invited_by_all(shape) else BOT_LEVEL,
        "kick": BOT_LEVEL if shape.removers is None or shape.read_only else REMOVER_LEVEL,
        "ban": BOT_LEVEL,
        "redact": BOT_LEVEL,
        "historical": BOT_LEVEL,
        "notifications": {"room": say},
    }


def _invited_by_all(shape: RoomShape) -> bool:
    """Whether everybody in the room may invite. Whom they may invite is the homeserver's or the guard's to say."""
    if not shape.bot_stays:
        # The rule that lets the bot back into a room it has left needs a member who may invite.
        return True
    return shape.guarded and shape.kind in SHARED and not shape.read_only


def _join_rule(shape: RoomShape, room_ids: Mapping[str, str]) -> Json:
    if not shape.open_to or not (space_id := room_ids.get(shape.open_to)):
        return {"join_rule": "invite"}
    # The homeserver's room directory has no room that is merely restricted. The guard refuses every knock: one taken
    # back would open the history.
    rule = "knock_restricted" if shape.guarded and shape.published else "restricted"
    return {"join_rule": rule, "allow": [{"type": "m.room_membership", "room_id": space_id}]}


def desired_state(
    shape: RoomShape, bot_id: str, room_version: str, room_ids: Mapping[str, str]
) -> dict[StateKey, Json]:
    """Every state event the room should have, but for its creation, members and a space's children.

    The content of m.room.avatar lacks the picture's address.
    """
    state: dict[StateKey, Json] = {
        # First, since by it the guard knows what a room that is being made is.
        (MARKER, ""): {"kind": shape.kind, "key": shape.earlier_of or shape.key},
        ("m.room.power_levels", ""): power_levels(shape, bot_id, room_version),
        ("m.room.join_rules", ""): _join_rule(shape, room_ids),
        ("m.room.history_visibility", ""): {"history_visibility": shape.history},
        ("m.room.guest_access", ""): {"guest_access": "forbidden"},
    }
    if successor := room_ids.get(shape.replaced_by):
        state["m.room.tombstone", ""] = {"body": GOES_ON, "replacement_room": successor}
    if shape.shown_name:
        state["m.room.name", ""] = {"name": shape.shown_name}
    if shape.name:
        state["m.room.topic", ""] = {"topic": shape.topic}
    if shape.picture is not None:
        state[AVATAR, ""] = {PICTURE: shape.picture.digest}
    if shape.widget:
        state[WIDGET, WIDGET_ID] = widget_content(shape.widget, bot_id)
    if shape.kind != ConversationKind.BOT:
        state[SERVICE_MEMBERS, ""] = {"service_members": [bot_id]}
    if not shape.alias_localpart:
        # Otherwise the homeserver would show the hidden alias to everyone in the room.
        state["m.room.canonical_alias", ""] = {}
    return state


def child_state(server_name: str, order: str) -> Json:
    """The content of the state event that puts a room into a space, at its place in the list."""
    return {"via": [server_name], "order": order}


def create_body(
    shape: RoomShape,
    *,
    alias_localpart: str,
    bot_id: str,
    room_version: str,
    room_ids: Mapping[str, str],
    picture_url: str = "",
    name_of: Callable[[str], str] = str,
) -> Json:
    """The one createRoom request that makes the room closed from its first event.

    Members of closed rooms are invited in `initial_state`, which costs least; those of open rooms join by the rule.
    Invitations into direct conversations do not say that they are direct: Element lists such a room in m.direct under
    whoever invited, each time somebody opens it, and that is the bot, which is not in it (D3).
    `name_of` gives the display name of a user id, which the homeserver adds to no invitation of that kind. Without the
    `picture_url` the room is made without its picture.
    """
    state = desired_state(shape, bot_id, room_version, room_ids)
    if (picture := state.pop((AVATAR, ""), None)) is not None and picture_url:
        state[AVATAR, ""] = {"url": picture_url, **picture}
    levels = state.pop(("m.room.power_levels", ""))
    server_name = bot_id.partition(":")[2]
    for child, order in shape.children.items():
        if child in room_ids:
            state[CHILD, room_ids[child]] = child_state(server_name, order)
    if not shape.comes_by_rule:
        for user_id in sorted(shape.members):
            state["m.room.member", user_id] = {
                "membership": "invite",
                "displayname": name_of(user_id),
                **({"is_direct": True} if shape.kind == ConversationKind.BOT else {}),
            }
    return {
        "preset": "private_chat",
        "visibility": "public" if shape.published else "private",
        "room_version": room_version,
        "room_alias_name": alias_localpart,
        "creation_content": {
            "m.federate": False,
            **({"type": "m.space"} if shape.is_space else {}),
            **({"predecessor": {"room_id": before}} if (before := room_ids.get(shape.follows)) else {}),
        },
        "power_level_content_override": levels,
        "initial_state": [
            {"type": event_type, "state_key": state_key, "content": content}
            for (event_type, state_key), content in state.items()
        ],
        "is_direct": shape.kind == ConversationKind.BOT,
    }
