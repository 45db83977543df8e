"""Conversations as an answer names them to somebody who is in them."""

from __future__ import annotations

from collections.abc import Collection

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
        case ConversationKind.BOT:
            return "your chat with me"
        case ConversationKind.DIRECT:
            return f"your conversation with {_others(firm, place.participants, staff_id)}"
        case _:
            return shared_name(firm, place)


def shared_name(firm: Firm, place: Conversation) -> str:
    """The same for a matter conversation or a channel, which has one name for everybody."""
    matter = firm.matters.get(place.matter_id)
    return f"{place.title} · {matter.number}" if matter is not None else place.title


def others(call: Call, staff_ids: Collection[str]) -> str:
    """The people among these besides the one who asks, by name."""
    return _others(call.desk.firm(), staff_ids, call.sender.id)


def _others(firm: Firm, staff_ids: Collection[str], staff_id: str) -> str:
    names = sorted(firm.staff[one].name for one in staff_ids if one in firm.staff and one != staff_id)
    return enumerated(names) if names else "yourself"
