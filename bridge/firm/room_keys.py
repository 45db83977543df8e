"""What the bridge and the guard call each room: the key of the firm's spaces, and the mark that a room carries."""

from __future__ import annotations

FIRST_MESSAGE = "org.firm-bridge.first_message"
"""The key in the content of a message that looks like a command, and was said to a colleague behind `!dm`."""
MARKER = "org.firm-bridge.room"
"""The state event {kind, key} by which the bridge and the guard know a room of the firm, set as the room is made."""

CHILD = "m.space.child"
"""The type of the state event that lists a room in a space; its state key is the room's id."""
STAFF_SPACE = "space-staff"
KEEPER_SPACE = "space-keeper"
SPACE = "space"
"""The kind of every space."""
CHECK = "check"
"""The kind of the room in which `firm-bridge check` tries what the homeserver refuses. It is none of the firm's."""
_MATTER_SPACE = "space-matter-"
_SPACES = "space-"
_EARLIER = "~"


def matter_space_key(matter_id: str) -> str:
    """The key of a matter's space."""
    return f"{_MATTER_SPACE}{matter_id}"


def matter_of_space(key: str) -> str | None:
    """The id of the matter whose space has this key; None for a key of anything else."""
    return key.removeprefix(_MATTER_SPACE) if key.startswith(_MATTER_SPACE) else None


def earlier_key(conversation_id: str, number: int) -> str:
    """The key of the room, counted from 1, in which a conversation was held before it went on in another one."""
    return f"{conversation_id}{_EARLIER}{number}"


def conversation_of(key: str) -> str:
    """The id of the conversation that the room of this key is or was for; of a space, its key."""
    return key if key.startswith(_SPACES) else key.partition(_EARLIER)[0]


def number_of(key: str) -> int:
    """Which of a conversation's earlier rooms has this key."""
    return int(key.rpartition(_EARLIER)[2])
