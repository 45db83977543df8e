"""Files in plain words, one line each (V3)."""

from __future__ import annotations

from bridge.commands.asking.shown import day, place_name
from bridge.commands.asking.table import Call
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.mapping.files import shown_name
from bridge.operations.files.listing import FileSeen
from bridge.wording.files import size, type_of
from bridge.wording.markdown import escape, message_link

_SHOWN = 100
"""Characters of a name or a caption that a list shows."""
_NAME_END = 20


def file_line(call: Call, one: FileSeen, *, everywhere: bool = False, numbered: bool = False) -> str:
    """Name, type, size, sender, day, versions and caption; where it is `everywhere`; which version if `numbered`."""
    name = message_link(_name(one.name), one.room_id, one.event_id, call.desk.server_name)
    parts = [
        name,
        escape(type_of(one.name, one.type, one.kind)),
        size(one.size),
        f"from {escape(one.sender)} on {day(call, one.at_ms)}",
    ]
    if numbered or one.version < one.versions:
        parts.append(f"version {one.version} of {one.versions}")
    elif one.versions > 1:
        parts.append(f"{one.versions} versions")
    if everywhere and one.conversation is not None:
        parts.append(f"in {escape(_place(call, one.conversation))}")
    caption = _short(shown_name(" ".join(one.caption.split())))
    return f"- {', '.join(filter(None, parts))}{f': {escape(caption)}' if caption else ''}"


def _name(name: str) -> str:
    shown = shown_name(name.strip())
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - _NAME_END]}…{shown[-_NAME_END:]}"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _place(call: Call, place: Conversation) -> str:
    channel = place.kind is ConversationKind.CHANNEL
    return f"the channel {place.title}" if channel else place_name(call, place)
