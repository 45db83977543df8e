"""What happens in a conversation besides what is said, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bridge.mapping.extensible import text_in
from bridge.transcript.cleaning import clean_line
from bridge.transcript.events import as_object

Json = dict[str, Any]
NameOf = Callable[[str], str]
"""From a Matrix id to what the transcript calls its owner."""
PRESENT = "join"
_CALL = ("joined the call", "left the call")
_PLACE = ("began to share where they are", "stopped sharing where they are")
UNDER_WAY = {
    **dict.fromkeys(("m.call.member", "org.matrix.msc3401.call.member", "m.rtc.member"), _CALL),
    **dict.fromkeys(("m.beacon_info", "org.matrix.msc3672.beacon_info"), _PLACE),
}
"""State events of what somebody begins and ends: what each says."""
_CALLS = {
    "m.call.answer": "answered the call",
    "m.call.reject": "declined the call",
    "m.call.hangup": "ended the call",
    "m.call.notify": "called",
    "org.matrix.msc4075.call.notify": "called",
    "m.rtc.notification": "called",
    "org.matrix.msc4075.rtc.notification": "called",
    "m.rtc.decline": "declined the call",
    "org.matrix.msc4310.rtc.decline": "declined the call",
}
_SILENT = (
    *(
        "m.room.redaction",
        "m.call.",
        "org.matrix.call.",
        "m.key.verification.",
        "m.beacon",
        "org.matrix.msc3672.beacon",
    ),
    "io.element.call.",
)
"""How the types begin of what clients send each other and nobody says or does: where a call's sound goes, keys, and
each place that somebody who shares it comes to."""


def membership(user_id: str, sender: str, before: str, now: str, name_of: NameOf, reason: str = "") -> str:
    """What a membership event says; empty for one that changes no membership and gives no reason.

    `before` is empty for none.
    """
    said = _change(user_id, sender, before, now, name_of) if before != now else ""
    if not reason:
        return said
    return f"{said}: “{reason}”" if said else f"{name_of(sender)} wrote beside a membership: “{reason}”"


def _change(user_id: str, sender: str, before: str, now: str, name_of: NameOf) -> str:
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


def named(sender: str, content: Json, name_of: NameOf) -> str:
    """What a new name says."""
    name = clean_line(content.get("name"))
    return f"{name_of(sender)} named the conversation “{name}”" if name else f"{name_of(sender)} took the name away"


def topic_set(sender: str, content: Json, name_of: NameOf) -> str:
    """What a new topic says."""
    topic = clean_line(content.get("topic"), 1000) or clean_line(text_in(as_object(content.get("m.topic"))), 1000)
    return f"{name_of(sender)} set the topic to “{topic}”" if topic else f"{name_of(sender)} took the topic away"


def other(kind: str, sender: str, content: Json, name_of: NameOf) -> str:
    """What an event says that is no message and changes nothing of the conversation; empty for what nobody did."""
    if kind == "m.call.invite":
        offer = content.get("offer")
        description = offer.get("sdp") if isinstance(offer, dict) else None
        picture = isinstance(description, str) and "m=video" in description
        return f"{name_of(sender)} called{' with video' if picture else ''}"
    if kind in _CALLS:
        return f"{name_of(sender)} {_CALLS[kind]}"
    if kind.startswith(_SILENT):
        return ""
    return f"{name_of(sender)} sent something without words ({clean_line(kind, 100)})"


def is_under_way(content: Json) -> bool:
    """Whether the content of a state event of UNDER_WAY says that it is so: clients empty it, or say so, at the end."""
    if "live" in content:
        return content["live"] is True
    calls = content.get("memberships", content.get("m.calls"))
    return bool(calls) if isinstance(calls, list) else bool(content)
