"""What happens in a conversation besides what is said, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bridge.transcript.cleaning import clean_line

Json = dict[str, Any]
NameOf = Callable[[str], str]
"""From a Matrix id to what the transcript calls its owner."""
PRESENT = "join"


def membership(user_id: str, sender: str, before: str, now: str, name_of: NameOf) -> str:
    """What a membership event says; empty for one that changes no membership. `before` is empty for none."""
    if before == now:
        return ""
    person, by = name_of(user_id), "" if sender == user_id else f" by {name_of(sender)}"
    match before, now:
        case _, "join":
            return f"{person} joined"
        case _, "invite":
            return f"{person} was invited{by}"
        case _, "knock":
            return f"{person} asked to come in"
        case _, "ban":
            return f"{person} was removed for good{by}"
        case "join", "leave":
            return f"{person} was removed{by}" if by else f"{person} left"
        case "invite", "leave":
            return f"The invitation of {person} was taken back{by}" if by else f"{person} did not accept the invitation"
        case "ban", "leave":
            return f"{person} may come in again{by}"
        case _:
            return ""


def with_reason(told: str, sender: str, reason: object, name_of: NameOf) -> str:
    """What a membership event says with the reason that somebody wrote beside it, if any: everybody could read it."""
    written = clean_line(reason, 1000)
    if not written:
        return told
    return f"{told}: “{written}”" if told else f"{name_of(sender)} wrote beside their name: “{written}”"


def named(sender: str, content: Json, name_of: NameOf) -> str:
    """What a new name says."""
    name = clean_line(content.get("name"))
    return f"{name_of(sender)} named the conversation “{name}”" if name else ""


def topic_set(sender: str, content: Json, name_of: NameOf) -> str:
    """What a new topic says."""
    topic = clean_line(content.get("topic"), 1000)
    return f"{name_of(sender)} set the topic to “{topic}”" if topic else f"{name_of(sender)} took the topic away"
