"""Files in plain words, one line each (V3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from bridge.commands.asking.shown import day, place_name
from bridge.commands.asking.table import Call
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.mapping.files import extension, shown_name
from bridge.store.files.lists import Listed
from bridge.store.models import File
from bridge.store.rooms.conversations import conversation_by_id
from bridge.wording.markdown import escape, message_link
from bridge.wording.sizes import size

_SHOWN = 100
"""Characters of a name or a caption that a list shows."""
_NAME_END = 20


Heard = Mapping[str, Conversation]
"""The conversations that lines tell of, by id."""


def hear(conversation_ids: Collection[str]) -> Heard:
    """A unit: these conversations."""
    found = ((key, conversation_by_id(key)) for key in conversation_ids)
    return {key: conversation for key, conversation in found if conversation is not None}


def file_line(call: Call, one: Listed, heard: Heard, *, everywhere: bool = False, numbered: bool = False) -> str:
    """Name, type, size, sender, day, versions and caption; where it is `everywhere`; which version if `numbered`."""
    row = one.file
    name = message_link(_name(str(row.name)), str(row.room_id), str(row.event_id), call.desk.server_name)
    parts = [name, escape(type_of(row)), size(row.found_size or row.declared_size)]
    parts.append(f"from {escape(_sender(call, row))} on {day(call, int(row.at_ms))}")
    if numbered or one.number < one.versions:
        parts.append(f"version {one.number} of {one.versions}")
    elif one.versions > 1:
        parts.append(f"{one.versions} versions")
    place = heard.get(str(row.conversation_id))
    if everywhere and place is not None:
        parts.append(f"in {escape(_place(call, place))}")
    caption = _short(shown_name(" ".join(str(row.caption).split())))
    return f"- {', '.join(filter(None, parts))}{f': {escape(caption)}' if caption else ''}"


def type_of(row: File) -> str:
    """What kind of file it is: the ending of its name, else its media type, else what the message calls it."""
    told = str(row.found_type or row.declared_type)
    return shown_name(extension(str(row.name))).upper() or told or str(row.kind)


def _name(name: str) -> str:
    shown = shown_name(name.strip())
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - _NAME_END]}…{shown[-_NAME_END:]}"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _sender(call: Call, row: File) -> str:
    person = call.desk.firm().staff.get(str(row.staff_id))
    if person is not None:
        return person.name
    bot = row.sender == call.desk.settings.bot_id
    return call.desk.settings.appservice.bot_name if bot else str(row.sender)


def _place(call: Call, place: Conversation) -> str:
    channel = place.kind is ConversationKind.CHANNEL
    return f"the channel {place.title}" if channel else place_name(call, place)
