"""An event as the handlers count on it, with its types (specification: client-server API, room event format). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

Json = dict[str, Any]
MEMBER = "m.room.member"
MESSAGE = "m.room.message"
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Event(NamedTuple):
    """What somebody sent or set. What stands in its content is whatever their client put there.

    A tuple, since one is made of every message of the firm.
    """

    event_id: str
    room_id: str
    type: str
    sender: str
    """Matrix id."""
    at_ms: int
    """When the homeserver took it in, in milliseconds since the epoch."""
    content: Json
    state_key: str | None = None
    """None for what is no state."""
    before: Mapping[str, Any] = _NOTHING
    """The content of this state before; empty where there was none, or where the homeserver does not say."""
    redacts: str = ""
    """The event that it deletes; empty where it deletes none."""

    @property
    def membership(self) -> str:
        """What somebody's membership is from now on; empty where it is no text."""
        return _text(self.content, "membership")

    @property
    def membership_before(self) -> str:
        """What it was. A new name or picture is a member event as well."""
        return _text(self.before, "membership")

    @property
    def relation(self) -> Mapping[str, Any]:
        """How it is about another event; empty where it is about none."""
        relation = self.content.get("m.relates_to")
        return relation if isinstance(relation, dict) else {}


def event_of(given: Mapping[str, Any]) -> Event:
    """An event as the homeserver gave it, in a transaction (`bridge.web.transaction` has looked at its form) or when
    asked. Raises KeyError, TypeError or AttributeError for what is none."""
    get = given.get
    content = given["content"]
    # From room version 11 on it stands in the content (specification: m.room.redaction).
    redacts = get("redacts") or content.get("redacts")
    return Event(
        given["event_id"],
        given["room_id"],
        given["type"],
        given["sender"],
        int(given["origin_server_ts"]),
        content,
        get("state_key"),
        get("unsigned", _NOTHING).get("prev_content", _NOTHING),
        redacts if isinstance(redacts, str) else "",
    )


def _text(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    return value if isinstance(value, str) else ""
