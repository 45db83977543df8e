"""Conversations as an answer names them to somebody who is in them."""

from __future__ import annotations

from bridge.commands.replies import enumerated
from bridge.commands.table import Call
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.model import Firm


def place_name(call: Call, place: Conversation) -> str:
    """A conversation's title with its matter's number, a channel's name, or with whom it is; plain text."""
    return name_for(call.desk.firm(), place, call.sender.id)


def name_for(firm: Firm, place: Conversation, staff_id: str) -> str:
    """The same for a staff member to whom nobody answers a command."""
    match place.kind:
        case ConversationKind.MATTER:
            matter = firm.matters.get(place.matter_id)
            return f"{place.title} · {matter.number}" if matter is not None else place.title
        case ConversationKind.CHANNEL | ConversationKind.ADMINS:
            return place.title
        case ConversationKind.BOT:
            return "your chat with me"
        case ConversationKind.DIRECT:
            names = sorted(firm.staff[one].name for one in place.participants - {staff_id} if one in firm.staff)
            return f"your conversation with {enumerated(names) if names else 'yourself'}"
