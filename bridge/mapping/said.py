"""What a message says now: after its edits, without what clients repeat of the message it answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.firm.typed import without_fallback
from bridge.mapping.event import MESSAGE
from bridge.mapping.extensible import POLLS, question_in, text_in

Json = Mapping[str, Any]
SAYING = frozenset({MESSAGE, "m.sticker", *POLLS})
"""Types of events with which somebody says something to those in the room."""


def is_reply(content: Json) -> bool:
    """Whether a message answers another."""
    return bool(_mapping(_mapping(content.get("m.relates_to")).get("m.in_reply_to")).get("event_id"))


def edited_in(content: Json) -> str | None:
    """The event id of the message that is edited, empty where it is no id; None for what is no edit."""
    relation = _mapping(content.get("m.relates_to"))
    if relation.get("rel_type") != "m.replace":
        return None
    event_id = relation.get("event_id")
    return event_id if isinstance(event_id, str) and event_id[:1] == "$" and "\0" not in event_id else ""


def said_in(event: Json) -> str:
    """What an event says, on as many lines as it has: a file's name, a poll's question, else the text.

    The newest edit comes with the event (specification: bundled aggregations); the homeserver has seen that it is the
    author's. Empty for what says nothing in words.
    """
    original = _mapping(event.get("content"))
    content = _mapping(_mapping(_edit_of(event).get("content")).get("m.new_content")) or original
    if event.get("type") in POLLS and (question := question_in(content)) is not None:
        return question.text
    name = content.get("filename")
    # What clients show where another form of the words is not what it is (specification: m.room.message).
    shown = (one for one in (name, content.get("body")) if isinstance(one, str) and one.strip())
    text = next(shown, "") or text_in(content)
    return without_fallback(text) if is_reply(original) else text


def _edit_of(event: Json) -> Json:
    return _mapping(_mapping(_mapping(event.get("unsigned")).get("m.relations")).get("m.replace"))


def _mapping(given: Any) -> Json:
    return given if isinstance(given, dict) else {}
