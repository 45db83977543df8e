"""The plan: what must be done so that what is becomes what should be. Pure, and printable before it is done (O2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bridge.firm.room_keys import CHILD
from bridge.firm.room_rules import BOT_LEVEL, WIDGET
from bridge.mapping.direct import others_in, with_room
from bridge.mapping.rooms import AVATAR, CLEARED, SERVICE_MEMBERS, RoomShape, StateKey, create_body, desired_state

Json = dict[str, Any]
LEVELS = "m.room.power_levels"
NAME = "m.room.name"
TOMBSTONE = ("m.room.tombstone", "")


class Action(StrEnum):
    """What a step does."""

    CREATE_ACCOUNT = "create_account"
    UPDATE_ACCOUNT = "update_account"
    LOCK_ACCOUNT = "lock_account"
    UNLOCK_ACCOUNT = "unlock_account"
    REACTIVATE_ACCOUNT = "reactivate_account"
    DEACTIVATE_ACCOUNT = "deactivate_account"
    CREATE_ROOM = "create_room"
    BOT_RETURN = "bot_return"
    BOT_KEEP = "bot_keep"
    TAKE_POWER = "take_power"
    REMOVE = "remove"
    UNBAN = "unban"
    SET_STATE = "set_state"
    SET_ALIAS = "set_alias"
    ADD = "add"
    ADD_CHILD = "add_child"
    REMOVE_CHILD = "remove_child"
    JOIN_AGAIN = "join_again"
    MARK_DIRECT = "mark_direct"
    BOT_LEAVE = "bot_leave"
    CLOSE_ROOM = "close_room"
    RENEW_ROOM = "renew_room"


_SENTENCES = {
    Action.CREATE_ACCOUNT: "Make the account {who} for {what}",
    Action.UPDATE_ACCOUNT: "Bring the account {who} up to date: {what}",
    Action.LOCK_ACCOUNT: "Lock the account {who} and end its sessions: {what}",
    Action.UNLOCK_ACCOUNT: "Unlock the account {who}",
    Action.REACTIVATE_ACCOUNT: "Make the account {who} usable again",
    Action.DEACTIVATE_ACCOUNT: "Take {who} out of what is left and deactivate the account: {what}",
    Action.CREATE_ROOM: "Make the room {room}",
    Action.BOT_RETURN: "Bring the bot back into {room}",
    Action.BOT_KEEP: "Have the bot keep {room}, which nobody is in from then on",
    Action.TAKE_POWER: "Take the power in {room} from {who}",
    Action.REMOVE: "Remove {who} from {room}",
    Action.UNBAN: "Lift the ban on {who} in {room}",
    Action.SET_STATE: "Set {what} in {room}",
    Action.SET_ALIAS: "Give {room} the address {what}",
    Action.ADD: "Add {who} to {room}",
    Action.ADD_CHILD: "List {what} in {room}",
    Action.REMOVE_CHILD: "Take {what} off the list in {room}",
    Action.JOIN_AGAIN: "Let {who} join {room} again, which their clients would list as a chat with the bot",
    Action.MARK_DIRECT: "Show {room} to {who} as a direct message",
    Action.BOT_LEAVE: "Let the bot leave {room}",
    Action.CLOSE_ROOM: "Let nobody write in {room} any more",
    Action.RENEW_ROOM: "Go on with {room} in a new room, for those who stay",
}
_ACCESS = frozenset(
    {
        Action.CREATE_ROOM,
        Action.RENEW_ROOM,
        Action.REMOVE,
        Action.UNBAN,
        Action.ADD,
        Action.LOCK_ACCOUNT,
        Action.UNLOCK_ACCOUNT,
        Action.REACTIVATE_ACCOUNT,
        Action.DEACTIVATE_ACCOUNT,
        Action.CREATE_ACCOUNT,
    }
)


ENDING = frozenset({Action.LOCK_ACCOUNT, Action.DEACTIVATE_ACCOUNT})
"""Steps that take somebody's account away."""
_TAKING = frozenset({Action.BOT_KEEP, Action.CLOSE_ROOM, Action.TAKE_POWER, Action.REMOVE})
_CLOSING = frozenset({LEVELS, "m.room.join_rules", "m.room.history_visibility", "m.room.guest_access"})
"""State that says who may come in, read and write: in the form of a room's shape it opens nothing."""
_CAN_WAIT = frozenset({SERVICE_MEMBERS, WIDGET})
"""State that is set in a direct conversation when the bot comes for something else; its coming and going is seen."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, as data."""

    action: Action
    key: str = ""
    """The room's key, or for an account the staff id."""
    room: str = ""
    """The room as people know it."""
    who: str = ""
    """A user id."""
    what: str = ""
    event_type: str = ""
    state_key: str = ""
    invited: bool = False
    """For ADD: whether the invitation is there already, or none is needed."""

    def describe(self) -> str:
        """The step as a sentence for an admin."""
        return _SENTENCES[self.action].format(room=self.room, who=self.who, what=self.what) + "."

    def as_json(self) -> Json:
        """The step for programs."""
        values = {"room": self.room, "key": self.key, "user_id": self.who, "what": self.what}
        return {"action": self.action.value, **{name: value for name, value in values.items() if value}}

    @property
    def only_takes(self) -> bool:
        """Whether it lets nobody in and shows nobody anything, so that it waits for nothing (M3)."""
        return self.action in _TAKING or (self.action is Action.SET_STATE and self.event_type in _CLOSING)

    @property
    def changes_access(self) -> bool:
        """Whether it changes who can read something."""
        return self.action in _ACCESS


class DriftKind(StrEnum):
    """What somebody did behind the bridge's back."""

    ROOM_LOST = "room_lost"
    BOT_REMOVED = "bot_removed"
    SOMEBODY_PUT_IN = "somebody_put_in"
    SOMEBODY_TAKEN_OUT = "somebody_taken_out"
    SOMEBODY_BANNED = "somebody_banned"
    STATE_CHANGED = "state_changed"
    ADDRESS_CHANGED = "address_changed"
    LIST_CHANGED = "list_changed"
    BOT_RENAMED = "bot_renamed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that somebody changed in one room."""

    key: str
    """The room's."""
    kind: DriftKind
    cause: str
    """The id of the event that made it, so that it is known again; for a room that is gone, the room's id."""
    by: str = ""
    """The user id of whoever did it; empty where nobody can tell."""
    person: str = ""
    """The user id of whom it was done to."""
    what: str = ""
    """The type of the state that was changed."""


@dataclass(frozen=True, slots=True)
class RoomPlan:
    """What one room needs, in order."""

    shape: RoomShape
    steps: tuple[Step, ...]
    drift: tuple[Difference, ...] = ()
    """Which of what they put right somebody did behind the bridge's back."""


@dataclass(frozen=True)
class Plan:
    """Everything to do: accounts first, then rooms in waves, each wave's rooms independent of each other."""

    accounts: tuple[Step, ...] = ()
    waves: tuple[tuple[RoomPlan, ...], ...] = ()
    farewells: tuple[Step, ...] = ()
    """Accounts of leavers, once their rooms are done (F2)."""
    problems: tuple[str, ...] = ()
    """What a person must put right, as sentences."""
    of_rooms: Mapping[str, str] = field(default_factory=dict)
    """The keys of the rooms that some of these are about, and name, by the sentence."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in the order in which they would be taken."""
        rooms = tuple(step for wave in self.waves for room in wave for step in room.steps)
        return self.accounts + rooms + self.farewells


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


def plan_room(
    shape: RoomShape,
    observed: Observed | None,
    server: Server,
    room_ids: Mapping[str, str],
    direct: Mapping[str, Json] | None = None,
) -> tuple[Step, ...]:
    """What the room needs, but for a space's children. `direct` holds m.direct by user id where it was read.

    Removal comes first, also where the bot may not be able to come back (M3). Where somebody was in it who must not
    read the conversation any more, that goes on in another room: Matrix shows them what is added to what they saw.

    Into a room that nobody is in Matrix lets nobody come back. So before the last people leave a direct conversation,
    as leavers do, the bot comes into it, and stays until somebody is back.
    """
    if observed is None and shape.earlier_of:
        return ()
    if observed is None:
        created = as_created(shape, server, room_ids)
        create = Step(Action.CREATE_ROOM, shape.key, shape.label)
        return (create, *plan_room(shape, created, server, room_ids, direct))
    powers = tuple(_powers(shape, observed, server))
    removals = tuple(_removals(shape, observed, server))
    bot_in = observed.members.get(server.bot_id) == "join"
    if shape.kept_out or _goes_on_elsewhere(shape, observed, server):
        closing = (Step(Action.CLOSE_ROOM, shape.key, shape.label),) if bot_in else ()
        # Where the guard cannot be told the other room has to wait; nobody is let into this one meanwhile.
        changes = tuple(_state_changes(shape, observed, server, room_ids)) if bot_in else ()
        others = [step for step in changes if step.event_type not in {LEVELS, TOMBSTONE[0]}]
        return (*closing, *powers, *removals, *others, Step(Action.RENEW_ROOM, shape.key, shape.label))
    empty = not shape.bot_stays and not shape.members
    if empty and not bot_in:
        keep = (Step(Action.BOT_KEEP, shape.key, shape.label),) if "join" in observed.members.values() else ()
        return (*keep, *powers, *removals)
    changes = tuple(_state_changes(shape, observed, server, room_ids))
    unbans = tuple(
        Step(Action.UNBAN, shape.key, shape.label, user_id) for user_id in sorted(observed.banned & shape.welcome)
    )
    additions = tuple(_additions(shape, observed))
    again = tuple(_joins_again(shape, observed))
    marks = tuple(_direct_marks(shape, observed, server, direct))
    needed = any(step.event_type not in _CAN_WAIT for step in changes)
    needs_bot = shape.bot_stays or needed or unbans or any(not step.invited for step in additions)
    returning = () if bot_in or not needs_bot else (Step(Action.BOT_RETURN, shape.key, shape.label),)
    if not (bot_in or needs_bot):
        changes = ()
    leaving: tuple[Step, ...] = ()
    if not shape.bot_stays and not empty and (bot_in or returning):
        leaving = (Step(Action.BOT_LEAVE, shape.key, shape.label),)
    # A name goes when those are back without whom it was needed.
    last = tuple(step for step in changes if step.event_type == NAME and not shape.shown_name)
    first = tuple(step for step in changes if step not in last)
    return (*powers, *removals, *returning, *unbans, *first, *additions, *last, *again, *marks, *leaving)


def _goes_on_elsewhere(shape: RoomShape, observed: Observed, server: Server) -> bool:
    """Whether the bot has led from this room to another one, of which an older database put back does not know."""
    tombstone, sent = observed.state.get(TOMBSTONE, {}), observed.sent.get(TOMBSTONE)
    by_the_bot = sent is not None and sent.sender == server.bot_id
    return not shape.earlier_of and by_the_bot and bool(tombstone.get("replacement_room"))


def _powers(shape: RoomShape, observed: Observed, server: Server) -> Iterator[Step]:
    """Those with as much power as the bot, whom it can neither remove nor demote. They come before their removal."""
    for user_id in sorted(_as_powerful(observed, server.bot_id)):
        if observed.members.get(user_id) == "join":
            yield Step(Action.TAKE_POWER, shape.key, shape.label, user_id)


def _removals(shape: RoomShape, observed: Observed, server: Server) -> Iterator[Step]:
    for user_id in sorted(observed.members.keys() - shape.members - {server.bot_id}):
        yield Step(Action.REMOVE, shape.key, shape.label, user_id)


def wanted_state(
    shape: RoomShape, observed: Observed, server: Server, room_ids: Mapping[str, str]
) -> dict[StateKey, Json]:
    """The state that the room should have, as far as that is possible."""
    state = desired_state(shape, server.bot_id, server.room_version, room_ids)
    levels = state[LEVELS, ""]
    return {**state, (LEVELS, ""): {**levels, "users": {**levels["users"], **kept_powers(observed, server.bot_id)}}}


def kept_powers(observed: Observed, bot_id: str) -> dict[str, int]:
    """The power that nobody can take from somebody who is not in the room: as much as the bot's.

    Only they could give it up, and outside the room it is of no use (specification: authorization rules,
    m.room.power_levels). Where the room's version puts its creator above all, the bot takes it.
    """
    if bot_id not in _levels(observed):
        return {}
    others = _as_powerful(observed, bot_id).items()
    return {user_id: level for user_id, level in others if observed.members.get(user_id) != "join"}


def _as_powerful(observed: Observed, bot_id: str) -> dict[str, int]:
    """The levels of those with as much power as the bot."""
    return {user_id: level for user_id, level in _levels(observed).items() if user_id != bot_id and level >= BOT_LEVEL}


def _levels(observed: Observed) -> Mapping[str, int]:
    """The power levels of single people."""
    users: Mapping[str, int] = observed.state.get((LEVELS, ""), {}).get("users", {})
    return users


def _state_changes(shape: RoomShape, observed: Observed, server: Server, room_ids: Mapping[str, str]) -> Iterator[Step]:
    wanted = wanted_state(shape, observed, server, room_ids)
    wrong = [key for key, content in wanted.items() if not _is_right(key[0], observed.state.get(key), content)]
    wrong += [
        key
        for key, content in observed.state.items()
        if key not in wanted and content and content != CLEARED.get(key[0], content)
    ]
    for event_type, state_key in wrong:
        yield Step(
            Action.SET_STATE,
            shape.key,
            shape.label,
            what=event_type,
            event_type=event_type,
            state_key=state_key,
        )
    if shape.alias_localpart:
        # Only after a rename: until then it is the one that the room was made with.
        alias = server.alias(shape.alias_localpart)
        if observed.state.get(("m.room.canonical_alias", ""), {}).get("alias") != alias:
            yield Step(Action.SET_ALIAS, shape.key, shape.label, what=alias)


def _is_right(event_type: str, there: Json | None, wanted: Json) -> bool:
    """Whether a piece of state is as wanted. Of a picture that is told by its digest, whatever its address."""
    if event_type == AVATAR and there is not None:
        there = {name: value for name, value in there.items() if name != "url"}
    return there == wanted


def _additions(shape: RoomShape, observed: Observed) -> Iterator[Step]:
    for user_id in sorted(shape.members):
        membership = observed.members.get(user_id)
        if membership != "join":
            invited = shape.comes_by_rule or membership == "invite"
            yield Step(Action.ADD, shape.key, shape.label, user_id, invited=invited)


def _joins_again(shape: RoomShape, observed: Observed) -> Iterator[Step]:
    """Those whose membership says that the bot invited them as into a direct conversation, as earlier versions did.

    Each time that they open it, Element lists the conversation under whoever invited so (D3). Behind a second joining
    the invitation is not seen any more.
    """
    if shape.is_direct and not shape.bot_stays:
        for user_id in sorted(shape.members & observed.as_chat_with_bot):
            yield Step(Action.JOIN_AGAIN, shape.key, shape.label, user_id)


def _direct_marks(
    shape: RoomShape, observed: Observed, server: Server, direct: Mapping[str, Json] | None
) -> Iterator[Step]:
    if not shape.is_direct:
        return
    for user_id in sorted(shape.members):
        known = (direct or {}).get(user_id, {})
        others = others_in(shape, user_id, server.bot_id)
        if with_room(known, observed.room_id, others, server.sender_id, server.bot_id) != known:
            yield Step(Action.MARK_DIRECT, shape.key, shape.label, user_id)


def plan_children(
    shape: RoomShape, observed: Observed | None, room_ids: Mapping[str, str], labels: Mapping[str, str]
) -> tuple[Step, ...]:
    """What a space's list of rooms needs. A room not made yet is named by its key, and listed once it is made."""
    if shape.list_stays:
        return ()
    listed: dict[str, Any] = {}
    if observed is not None:
        children = ((key[1], content) for key, content in observed.state.items() if key[0] == CHILD)
        listed = {room_id: content.get("order") for room_id, content in children if content.get("via")}
    wanted = {child: room_ids.get(child, "") for child in shape.children}
    removals = sorted(listed.keys() - set(wanted.values()))
    return (
        *(Step(Action.REMOVE_CHILD, shape.key, shape.label, what=room_id, state_key=room_id) for room_id in removals),
        *(
            Step(Action.ADD_CHILD, shape.key, shape.label, what=labels.get(child, child), state_key=child)
            for child, room_id in wanted.items()
            if not room_id or listed.get(room_id) != shape.children[child]
        ),
    )
