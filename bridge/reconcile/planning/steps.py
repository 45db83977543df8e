"""What a plan is made of: steps and differences as data, printable before anything is done (O2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bridge.mapping.rooms.shapes import RoomShape

Json = dict[str, Any]
LEVELS = "m.room.power_levels"


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
