"""The shape of every room: its name, rules and first state, and who should be in it.

A shape is the desired state in full. What a room is made with and what it is later compared with come from the same
function, `desired_state`, so a second pass finds nothing to change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bridge.firm.conversation import SHARED, Conversation, ConversationKind
from bridge.firm.model import Firm, Matter, MatterStatus
from bridge.firm.policy import is_held, is_read_only, may_act
from bridge.firm.room_keys import CHILD, KEEPER_SPACE, MARKER, SPACE, STAFF_SPACE, matter_space_key
from bridge.firm.room_rules import BARRED, BOT_LEVEL, NAMED_BY_ALL, PINNER_LEVEL, REMOVER_LEVEL, WIDGET, WIDGETS
from bridge.mapping.clients.widgets import WIDGET_ID, widget_content
from bridge.mapping.names import conversation_name, direct_name, matter_name, place_in_list
from bridge.mapping.pictures import Picture, matter_picture, named_picture

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


@dataclass(frozen=True, slots=True)
class RoomShape:
    """One room as it should be."""

    key: str
    """The conversation's id, or the space's name."""
    kind: str
    """direct, matter, channel, bot, or space."""
    label: str
    """How people know it, for plans and logs."""
    name: str = ""
    """Empty in direct conversations, which clients name after the people (D3); see `shown_name`."""
    topic: str = ""
    alias_localpart: str = ""
    """A channel's public alias; empty for a hidden one."""
    members: frozenset[str] = frozenset()
    """User ids, without the bot."""
    called: Mapping[str, str] = field(default_factory=dict)
    """The display names, by user id, of everybody whose direct conversation it is, those who left included (D1)."""
    history: str = "shared"
    """Who reads what was said: with `shared` everybody in the room, with `joined` those who were there then."""
    welcome: frozenset[str] = frozenset()
    """User ids of those banned who may be in it, whether they are to be members or not."""
    bot_stays: bool = True
    open_to: str = ""
    """The key of the space whose members may join by themselves; empty where an invitation is needed."""
    read_only: bool = False
    held: bool = False
    """Whether nobody deletes anything in it."""
    published: bool = False
    children: Mapping[str, str] = field(default_factory=dict)
    """Where each of a space's rooms stands in its list (the `order` of m.space.child), by the room's key."""
    list_stays: bool = False
    """Whether its list was not looked at, and stays as it is."""
    order: str = ""
    """Where a space stands among the others at the edge of a client, which compares these character by character."""
    picture: Picture | None = None
    widget: str = ""
    """The address of the panel's page that clients show beside its messages; empty for none."""
    guarded: bool = False
    """Whether the guard judges every membership, so that the room may leave more to its participants."""
    pinners: frozenset[str] | None = None
    """User ids of those who pin; None for everybody in the room (V2)."""
    removers: frozenset[str] | None = None
    """User ids of those who take others out in their own client (V1); None where nobody but the bot does."""
    kept_out: frozenset[str] = frozenset()
    """User ids of those who were in the room and must read nothing of the conversation now, where that goes on (M3)."""
    earlier_of: str = ""
    """The id of the conversation that was held in it; it goes on in the room of the key `replaced_by`."""
    replaced_by: str = ""
    follows: str = ""
    """The key of the room in which the conversation was held before."""

    @property
    def is_space(self) -> bool:
        return self.kind == SPACE

    @property
    def shown_name(self) -> str:
        """The name that the room is given; empty for none."""
        return self.name or direct_name(self.called, self.members)

    @property
    def comes_by_rule(self) -> bool:
        """Whether everybody whom it is for may come in by its join rule, so that nobody needs to be invited."""
        return self.open_to == STAFF_SPACE

    @property
    def is_direct(self) -> bool:
        """Whether clients should show it as a direct message (D3)."""
        return self.kind in {ConversationKind.DIRECT, ConversationKind.BOT}


def _matter(firm: Firm, matter_id: str) -> Matter:
    """The matter, or what stands for one that the directory no longer has: nobody has access to it."""
    gone = Matter(matter_id, "(removed)", "no longer in the directory", MatterStatus.DELETED)
    return firm.matters.get(matter_id, gone)


def _matter_topic(firm: Firm, matter: Matter) -> str:
    responsible = firm.staff.get(matter.responsible)
    parts = [
        f"Client: {matter.client}" if matter.client else "",
        f"Responsible: {responsible.name}" if responsible else "",
        "" if matter.status == "open" else f"Status: {matter.status}",
    ]
    return " · ".join(part for part in parts if part)


def conversation_shape(
    firm: Firm,
    conversation: Conversation,
    members: frozenset[str],
    alias_localpart: str = "",
    *,
    guarded: bool = False,
    pinners: frozenset[str] | None = None,
    removers: frozenset[str] = frozenset(),
    called: Mapping[str, str] | None = None,
    first_title: str = "",
) -> RoomShape:
    """The room of a conversation. `members` are user ids that the policy has let through.

    `pinners` are those who pin in shared conversations, None for everybody; `removers` those who may take others out of
    them in their own client; `called` are the display names, by user id, of everybody whose direct conversation it is;
    `first_title` is the title of matters' first conversations.
    """
    shape = RoomShape(
        key=conversation.id,
        kind=conversation.kind.value,
        label=f"Room {conversation.title}",
        members=members,
        read_only=is_read_only(firm, conversation),
        held=is_held(firm, conversation),
        guarded=guarded,
        pinners=None if pinners is None or conversation.kind not in SHARED else members & pinners,
        removers=members & removers if guarded and conversation.kind in SHARED and not conversation.everyone else None,
    )
    match conversation.kind:
        case ConversationKind.DIRECT:
            return replace(
                shape,
                label="Direct conversation",
                bot_stays=False,
                open_to=KEEPER_SPACE,
                called=called or {},
                history=_direct_history(firm, conversation, guarded=guarded),
            )
        case ConversationKind.BOT:
            return replace(shape, label="Chat with the bot", history="joined")
        case ConversationKind.ADMINS:
            return replace(
                shape,
                name=conversation.title,
                topic="What was changed behind the bot's back, and put back",
                picture=named_picture(conversation.title, conversation.id),
            )
        case ConversationKind.CHANNEL:
            return replace(
                shape,
                label=f"Channel {conversation.title}",
                name=conversation.title,
                topic=conversation.topic,
                alias_localpart=alias_localpart,
                open_to=STAFF_SPACE,
                published=True,
                picture=named_picture(conversation.title, conversation.id),
            )
        case ConversationKind.MATTER:
            matter = _matter(firm, conversation.matter_id)
            return replace(
                shape,
                label=conversation_name(matter, conversation.title),
                name=conversation_name(matter, conversation.title, first_title),
                topic=_matter_topic(firm, matter),
                picture=matter_picture(matter, light=True),
                # Its space lists it then to all who are there, and they join by themselves (M2). Without the guard
                # somebody who loses access could come back until they are out of the space.
                open_to=matter_space_key(conversation.matter_id) if guarded else "",
            )


def _direct_history(firm: Firm, conversation: Conversation, *, guarded: bool) -> str:
    """Who reads what is said in a direct conversation.

    Whoever has left it misses nothing that is said until they are back, as long as they work here. Without the guard
    somebody put in by a server admin would read as much, so there it is so only while somebody is missing.
    """
    if not all(may_act(firm, staff_id) for staff_id in conversation.opened_for):
        return "joined"
    return "shared" if guarded or conversation.left else "joined"


def earlier_shape(shape: RoomShape, key: str, replaced_by: str) -> RoomShape:
    """The room in which a conversation was held before: for the same people, to read and not to write."""
    return replace(
        shape,
        key=key,
        label=f"{shape.label} (earlier)",
        name=f"{shape.name} (earlier)" if shape.name else "",
        read_only=True,
        kept_out=frozenset(),
        open_to="",
        earlier_of=shape.key,
        replaced_by=replaced_by,
        follows="",
    )


def matter_space_shape(
    firm: Firm, matter_id: str, members: frozenset[str], children: Mapping[str, str], *, guarded: bool = False
) -> RoomShape:
    """The private space in which a matter's conversations are found (M1)."""
    matter = _matter(firm, matter_id)
    return RoomShape(
        key=matter_space_key(matter.id),
        kind=SPACE,
        label=f"Matter {matter_name(matter)}",
        name=matter_name(matter),
        topic=_matter_topic(firm, matter),
        members=members,
        children=children,
        order=place_in_list(matter_name(matter)),
        picture=matter_picture(matter, light=False),
        guarded=guarded,
    )


def staff_space_shape(
    firm_name: str, members: frozenset[str], children: Mapping[str, str] | None, *, guarded: bool = False
) -> RoomShape:
    """The staff space, in which the channels are found (F4). Its list stays as it is where `children` is None."""
    return RoomShape(
        key=STAFF_SPACE,
        kind=SPACE,
        label="Staff space",
        name=firm_name,
        members=members,
        children=children or {},
        list_stays=children is None,
        order=place_in_list(firm_name, first=True),
        picture=named_picture(firm_name, STAFF_SPACE),
        guarded=guarded,
    )


def keeper_space_shape() -> RoomShape:
    """A space that only the bot is in. It lets the bot back into rooms it has left."""
    return RoomShape(key=KEEPER_SPACE, kind=SPACE, label="The bot's own space", name="Keeper")


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
