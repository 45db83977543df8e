"""What the bridge and the guard call each room: the key of the firm's spaces, and the mark that a room carries."""

from __future__ import annotations

FIRST_MESSAGE = "org.firm-bridge.first_message"
"""The key in the content of a message that looks like a command, and was said to a colleague behind `!dm`."""
MARKER = "org.firm-bridge.room"
"""The state event {kind, key} by which the bridge and the guard know a room of the firm, set as the room is made."""

STAFF_SPACE = "space-staff"
KEEPER_SPACE = "space-keeper"
SPACE = "space"
"""The kind of every space."""
CHECK = "check"
"""The kind of the room in which `firm-bridge check` tries what the homeserver refuses. It is none of the firm's."""
_MATTER_SPACE = "space-matter-"


def matter_space_key(matter_id: str) -> str:
    """The key of a matter's space."""
    return f"{_MATTER_SPACE}{matter_id}"


def matter_of_space(key: str) -> str | None:
    """The id of the matter whose space has this key; None for a key of anything else."""
    return key.removeprefix(_MATTER_SPACE) if key.startswith(_MATTER_SPACE) else None
