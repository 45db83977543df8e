"""How a message begins that is typed to the bot in a room of several, for the bridge and the guard. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bridge.firm.room_keys import FIRST_MESSAGE

COMMAND = "org.firm-bridge.command"
"""The key that the guard puts into the content of a command, so that colleagues' push rules know it: by the body they
cannot, since their patterns find an exclamation mark anywhere in it (specification: push rules, content.body)."""
BEGINS = re.compile(r"!(?=[^\W\d_])")
"""No blank behind it: "! important" is prose."""
_FALLBACK = re.compile(r"> (?:\* )?<@[^>\s]+>")
"""How a reply's fallback begins, and nothing that a person quotes (specification v1.12: fallbacks for rich replies)."""


def without_fallback(body: str) -> str:
    """A reply's text without the lines that clients put before it, which repeat what it answers."""
    if not _FALLBACK.match(body):
        return body
    lines = body.split("\n")
    quoted = next((number for number, line in enumerate(lines) if not line.startswith(">")), len(lines))
    return "\n".join(lines[quoted:]).removeprefix("\n")


def is_command(content: Mapping[str, Any]) -> bool:
    """Whether a message begins as a command does, and is one that a person typed (V5)."""
    body, relation = content.get("body"), content.get("m.relates_to")
    if content.get("msgtype") != "m.text" or not isinstance(body, str) or FIRST_MESSAGE in content:
        return False
    if isinstance(relation, Mapping):
        if relation.get("rel_type") == "m.replace":
            return False
        if "m.in_reply_to" in relation:
            body = without_fallback(body)
    return BEGINS.match(body.lstrip()) is not None
