"""The shape of every room: its name, its rules, and who should be in it.

A shape is the desired state in full: what a room is made with and what it is later compared with come from it alone
(bridge/mapping/rooms/state.py), so a second pass finds nothing to change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bridge.firm.conversation import SHARED, Conversation, ConversationKind
from bridge.firm.model import Firm, Matter, MatterStatus
from bridge.firm.policy import is_held, is_read_only, may_act
from bridge.firm.room_keys import KEEPER_SPACE, SPACE, STAFF_SPACE, matter_space_key
from bridge.mapping.names import conversation_name, direct_name, matter_name, place_in_list
from bridge.mapping.pictures import Picture, matter_picture, named_picture


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
