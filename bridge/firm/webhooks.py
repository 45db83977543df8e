"""What webhooks can tell a system of (A3): a table of kinds, and which entries of the audit log tell of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum, auto
from typing import Final, NamedTuple

from bridge.firm.audit import Deed


class ToldOf(Enum):
    """What an event is about, which decides who may be told of it."""

    PLACE = auto()
    """A conversation: whoever may know of it."""
    INSIDE = auto()
    """What is in a conversation: whoever is in it."""
    MATTER = auto()
    """A matter: whoever has access."""
    WALL = auto()
    """A wall: firm admins who may know of it."""
    DIRECTORY = auto()
    """The directory: firm admins."""
    STAFF = auto()
    """Who works here: everybody who does."""


class EventType(StrEnum):
    """What happened."""

    CONVERSATION_STARTED = "conversation.started"
    CONVERSATION_RENAMED = "conversation.renamed"
    CONVERSATION_TOPIC_SET = "conversation.topic_set"
    CONVERSATION_ARCHIVED = "conversation.archived"
    CONVERSATION_RESTORED = "conversation.restored"
    PARTICIPANT_ADDED = "participant.added"
    PARTICIPANT_REMOVED = "participant.removed"
    MESSAGE_SENT = "message.sent"
    FILE_ADDED = "file.added"
    FILE_CHANGED = "file.changed"
    FILE_REMOVED = "file.removed"
    PIN_ADDED = "pin.added"
    PIN_REMOVED = "pin.removed"
    TRANSCRIPT_FILED = "transcript.filed"
    MATTER_CHANGED = "matter.changed"
    WALL_SET = "wall.set"
    WALL_ENDED = "wall.ended"
    STAFF_LEFT = "staff.left"
    STAFF_RETURNED = "staff.returned"
    DIRECTORY_HELD = "directory.held"
    DIRECTORY_CONFIRMED = "directory.confirmed"
    DIRECTORY_CHANGED = "directory.changed"
    DIRECTORY_UNDONE = "directory.undone"


class EventKind(NamedTuple):
    """What there is to know of a kind of event."""

    about: ToldOf
    scope: str
    """What a token must be for to be told (bridge/operations/tokens.py)."""
    sentence: str


EVENTS: Final[Mapping[EventType, EventKind]] = {
    EventType.CONVERSATION_STARTED: EventKind(ToldOf.PLACE, "conversations:read", "A conversation came into being."),
    EventType.CONVERSATION_RENAMED: EventKind(ToldOf.PLACE, "conversations:read", "A conversation got another name."),
    EventType.CONVERSATION_TOPIC_SET: EventKind(ToldOf.PLACE, "conversations:read", "A channel got another topic."),
    EventType.CONVERSATION_ARCHIVED: EventKind(ToldOf.PLACE, "conversations:read", "A conversation became read-only."),
    EventType.CONVERSATION_RESTORED: EventKind(
        ToldOf.PLACE, "conversations:read", "An archived conversation came back."
    ),
    EventType.PARTICIPANT_ADDED: EventKind(
        ToldOf.INSIDE, "conversations:read", "`person` came into a conversation, by themselves or by somebody."
    ),
    EventType.PARTICIPANT_REMOVED: EventKind(
        ToldOf.INSIDE, "conversations:read", "`person` left a conversation or was taken out."
    ),
    EventType.MESSAGE_SENT: EventKind(
        ToldOf.INSIDE,
        "conversations:read",
        "`person` said something in a conversation. What was said, only where the webhook may have it.",
    ),
    EventType.FILE_ADDED: EventKind(
        ToldOf.INSIDE, "files:read", "`person` sent a file; `event` is the message with it."
    ),
    EventType.FILE_CHANGED: EventKind(ToldOf.INSIDE, "files:read", "A file was replaced, or its caption changed."),
    EventType.FILE_REMOVED: EventKind(ToldOf.INSIDE, "files:read", "A file was deleted."),
    EventType.PIN_ADDED: EventKind(ToldOf.INSIDE, "pins:read", "`person` pinned the message `event`."),
    EventType.PIN_REMOVED: EventKind(ToldOf.INSIDE, "pins:read", "The message `event` is pinned no more."),
    EventType.TRANSCRIPT_FILED: EventKind(ToldOf.PLACE, "conversations:read", "A conversation's transcript was filed."),
    EventType.MATTER_CHANGED: EventKind(ToldOf.MATTER, "matters:read", "A matter is new or differs in the directory."),
    EventType.WALL_SET: EventKind(ToldOf.WALL, "walls:read", "A wall was set by command or through the API."),
    EventType.WALL_ENDED: EventKind(ToldOf.WALL, "walls:read", "Such a wall was lifted, or its last day is over."),
    EventType.STAFF_LEFT: EventKind(ToldOf.STAFF, "people:read", "`person` works here no more."),
    EventType.STAFF_RETURNED: EventKind(ToldOf.STAFF, "people:read", "`person`, who had left, works here again."),
    EventType.DIRECTORY_HELD: EventKind(
        ToldOf.DIRECTORY, "directory:read", "A change of the directory waits for a firm admin."
    ),
    EventType.DIRECTORY_CONFIRMED: EventKind(ToldOf.DIRECTORY, "directory:read", "A firm admin confirmed that change."),
    EventType.DIRECTORY_CHANGED: EventKind(
        ToldOf.DIRECTORY, "directory:read", "A change of the directory was taken over."
    ),
    EventType.DIRECTORY_UNDONE: EventKind(ToldOf.DIRECTORY, "directory:read", "A confirmed change was taken back."),
}

BY_DEED: Final[Mapping[Deed, EventType]] = {
    Deed.CONVERSATION_STARTED: EventType.CONVERSATION_STARTED,
    Deed.RENAMED: EventType.CONVERSATION_RENAMED,
    Deed.TOPIC_SET: EventType.CONVERSATION_TOPIC_SET,
    Deed.ARCHIVED: EventType.CONVERSATION_ARCHIVED,
    Deed.RESTORED: EventType.CONVERSATION_RESTORED,
    Deed.PARTICIPANT_ADDED: EventType.PARTICIPANT_ADDED,
    Deed.PARTICIPANT_JOINED: EventType.PARTICIPANT_ADDED,
    Deed.PARTICIPANT_REMOVED: EventType.PARTICIPANT_REMOVED,
    Deed.PARTICIPANT_LEFT: EventType.PARTICIPANT_REMOVED,
    Deed.TRANSCRIPT_FILED: EventType.TRANSCRIPT_FILED,
    Deed.WALL_SET: EventType.WALL_SET,
    Deed.WALL_LIFTED: EventType.WALL_ENDED,
    Deed.WALL_EXPIRED: EventType.WALL_ENDED,
    Deed.STAFF_LEFT: EventType.STAFF_LEFT,
    Deed.STAFF_RETURNED: EventType.STAFF_RETURNED,
    Deed.DIRECTORY_CONFIRMED: EventType.DIRECTORY_CONFIRMED,
    Deed.DIRECTORY_CHANGED: EventType.DIRECTORY_CHANGED,
    Deed.DIRECTORY_UNDONE: EventType.DIRECTORY_UNDONE,
}
"""What is told of by the entry that the audit log has of it: the one cannot be forgotten where the other is not."""
