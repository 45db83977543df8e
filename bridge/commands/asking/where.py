"""The kinds of place in which commands are typed, so that help shows what fits there."""

from __future__ import annotations

from enum import Enum

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.model import Firm
from bridge.firm.policy import is_read_only


class Where(Enum):
    """A kind of place: the kind of conversation, what it is called, and what help calls this one."""

    CHAT = (ConversationKind.BOT, "your chat with the bot", "In your chat with me")
    DIRECT = (ConversationKind.DIRECT, "direct conversations", "In a direct conversation")
    MATTER = (ConversationKind.MATTER, "matter conversations", "In this matter conversation")
    CLOSED_MATTER = (ConversationKind.MATTER, "conversations of closed matters", "In this closed matter")
    CHANNEL = (ConversationKind.CHANNEL, "channels", "In this channel")
    FIRM_CHANNEL = (ConversationKind.CHANNEL, "the channel of the whole firm", "In the channel of the whole firm")
    ARCHIVED = (ConversationKind.CHANNEL, "archived channels", "In this archived channel")

    def __init__(self, kind: ConversationKind, shown: str, heading: str) -> None:
        self.kind = kind
        self.shown = shown
        self.heading = heading


CHAT = frozenset({Where.CHAT})
MATTERS = frozenset({Where.MATTER, Where.CLOSED_MATTER})
OPEN_CHANNELS = frozenset({Where.CHANNEL, Where.FIRM_CHANNEL})
CHANNELS = OPEN_CHANNELS | {Where.ARCHIVED}
EVERYWHERE = frozenset(Where)


def where_is(firm: Firm, conversation: Conversation) -> Where:
    """What kind of place a conversation is at present."""
    closed = is_read_only(firm, conversation)
    match conversation.kind:
        case ConversationKind.BOT | ConversationKind.ADMINS:
            return Where.CHAT
        case ConversationKind.DIRECT:
            return Where.DIRECT
        case ConversationKind.MATTER:
            return Where.CLOSED_MATTER if closed else Where.MATTER
        case ConversationKind.CHANNEL if conversation.everyone:
            return Where.FIRM_CHANNEL
        case ConversationKind.CHANNEL:
            return Where.ARCHIVED if closed else Where.CHANNEL
