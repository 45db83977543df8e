"""Conversations as an answer names them to somebody who is in them."""

from __future__ import annotations

from collections.abc import Collection

from bridge.commands.replies import enumerated
from bridge.commands.table import Call
from bridge.firm.conversation import SHARED, Conversation
from bridge.firm.model import Firm


def place_name(call: Call, place: Conversation) -> str:
    """A conversation's title with its matter's number, a channel's name, or with whom it is; plain text."""
    if place.kind in SHARED:
        return shared_name(call.desk.firm(), place)
    return f"your conversation with {others(call, place.participants)}"


def shared_name(firm: Firm, place: Conversation) -> str:
    """The same for a matter conversation or a channel, which has one name for everybody."""
    matter = firm.matters.get(place.matter_id)
    return f"{place.title} · {matter.number}" if matter is not None else place.title


def others(call: Call, staff_ids: Collection[str]) -> str:
    """The people among these besides the one who asks, by name."""
    staff = call.desk.firm().staff
    names = sorted(staff[one].name for one in staff_ids if one in staff and one != call.sender.id)
    return enumerated(names) if names else "yourself"
