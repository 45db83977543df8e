"""Conversations as an answer names them to somebody who is in them."""

from __future__ import annotations

from collections.abc import Collection

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.model import Firm
from bridge.firm.text.directions import apart
from bridge.mapping.names import conversation_said
from bridge.wording.markdown import enumerated


def name_for(firm: Firm, place: Conversation, staff_id: str) -> str:
    """A conversation as this staff member knows it: its title with the matter's number, a channel's name, or with whom
    it is; plain text."""
    match place.kind:
        case ConversationKind.BOT:
            return "your chat with me"
        case ConversationKind.DIRECT:
            return f"your conversation with {others_named(firm, place.participants, staff_id)}"
        case _:
            return shared_name(firm, place)


def shared_name(firm: Firm, place: Conversation) -> str:
    """The same for a matter conversation or a channel, which has one name for everybody."""
    matter = firm.matters.get(place.matter_id)
    return f"{apart(place.title)} · {matter.number}" if matter is not None else apart(place.title)


def others_named(firm: Firm, staff_ids: Collection[str], staff_id: str) -> str:
    """The people among these besides this one, by name."""
    names = sorted(firm.staff[one].name for one in staff_ids if one in firm.staff and one != staff_id)
    return enumerated([apart(one) for one in names]) if names else "yourself"


def conversation_title(firm: Firm, conversation: Conversation) -> str:
    """A conversation as an admin knows it, without those who are in a direct one."""
    match conversation.kind:
        case ConversationKind.MATTER:
            matter = firm.matters.get(conversation.matter_id)
            if matter is None:
                return f"{apart(conversation.title)} in a matter that is gone"
            return conversation_said(matter, conversation.title)
        case ConversationKind.CHANNEL:
            return f"the channel {apart(conversation.title)}"
        case ConversationKind.DIRECT:
            return "a direct conversation"
        case ConversationKind.BOT:
            return "a chat with me"
        case _:
            return apart(conversation.title)
