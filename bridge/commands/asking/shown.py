"""What answers show, for the person who asked and by their firm's clock."""

from __future__ import annotations

from collections.abc import Collection

from bridge.commands.asking.table import Call
from bridge.firm.conversation import Conversation
from bridge.wording.markdown import room_link
from bridge.wording.moments import day_in, moment_in
from bridge.wording.places import name_for, others_named


def moment(call: Call, at_ms: int) -> str:
    """A moment, given in milliseconds since the epoch, to the minute."""
    return moment_in(call.desk.settings.firm, at_ms)


def day(call: Call, at_ms: int) -> str:
    """The day of a moment."""
    return day_in(call.desk.settings.firm, at_ms)


def place_name(call: Call, place: Conversation) -> str:
    """A conversation's title with its matter's number, a channel's name, or with whom it is; plain text."""
    return name_for(call.desk.firm(), place, call.sender.id)


def others(call: Call, staff_ids: Collection[str]) -> str:
    """The people among these besides the one who asks, by name."""
    return others_named(call.desk.firm(), staff_ids, call.sender.id)


def link(call: Call, label: str, room_id: str) -> str:
    """A link to the room."""
    return room_link(label, room_id, call.desk.server_name)
