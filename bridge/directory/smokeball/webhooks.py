"""Smokeball's webhooks: their signature, what they hint at, and the subscription that brings them (S2).

The body is not signed, so a webhook is never more than "look there". The signature is over the headers `Timestamp`
(.NET ticks) and `RequestId` and the client id (Smokeball's documentation, Verifying webhooks). One request of a
client's may lead to several webhooks with the same RequestId, so that says nothing about repetition; repeated ones are
harmless.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import structlog

from bridge.directory.smokeball.api import SmokeballApi
from bridge.directory.sources.port import Hint
from bridge.settings import Settings

log = structlog.get_logger(__name__)
_WINDOW_SECONDS = 300
_EPOCH_TICKS = 621_355_968_000_000_000
"""1970 in .NET ticks: 100 nanoseconds since the year 1."""
_NAME = "firm-bridge"
_OF_MATTERS = frozenset({"matter.created", "matter.updated", "matteritems.updated", "archive.updated", "roles.updated"})
_OF_PEOPLE = frozenset({"staff.created", "staff.updated", "firmuser.updated", "user.registered", "user.unregistered"})
_OF_CONTACTS = frozenset({"contact.created", "contact.updated", "contact.restored"})
WANTED = _OF_MATTERS | _OF_PEOPLE | _OF_CONTACTS
"""The events that the directory depends on."""


def key_of(settings: Settings) -> str:
    """The key that Smokeball signs with, made from the bridge's own."""
    own = settings.security.alias_key.get_secret_value().encode()
    return hmac.new(own, b"smokeball webhook", hashlib.sha256).hexdigest()


def signature(key: str, timestamp: str, request_id: str, client_id: str) -> str:
    """The signature over a webhook's headers."""
    # As headers are read: what is no UTF-8 in them is kept.
    said = f"{timestamp}|{request_id}|{client_id}".encode(errors="surrogateescape")
    return hmac.new(key.encode(), said, hashlib.sha256).hexdigest()


def ticks(seconds: float) -> int:
    """A time since 1970 in .NET ticks."""
    return _EPOCH_TICKS + int(seconds * 10_000_000)


def is_genuine(headers: Mapping[str, str], key: str, client_id: str, now: float | None = None) -> bool:
    """Whether a webhook is Smokeball's and of now; `now` is in seconds since 1970."""
    timestamp, request_id = headers.get("Timestamp", ""), headers.get("RequestId", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 20):
        return False
    apart = abs(int(timestamp) - ticks(time.time() if now is None else now)) / 10_000_000
    given = headers.get("Signature", "").lower().encode(errors="surrogateescape")
    wanted = signature(key, timestamp, request_id, client_id).encode()
    return hmac.compare_digest(given, wanted) and apart <= _WINDOW_SECONDS


def hints_of(body: bytes) -> tuple[Hint | None, ...]:
    """What a webhook hints at: a record; None for "look at what changed"; nothing for what concerns nobody here."""
    try:
        told: Any = json.loads(body)
        told = told.get("body", told)
        event, payload = told["type"], told.get("payload") or {}
        record_id = payload.get("matterId") or payload.get("id") or ""
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return (None,)
    if not isinstance(record_id, str) or not isinstance(event, str) or not _is_id(record_id):
        return (None,)
    if event in _OF_MATTERS:
        return (Hint("matters", record_id), None)
    if event in _OF_PEOPLE:
        return (Hint("staff", record_id),)
    return (Hint("contacts", record_id),) if event in _OF_CONTACTS else ()


def _is_id(text: str) -> bool:
    return 0 < len(text) <= 64 and all(
        character.isascii() and (character.isalnum() or character == "-") for character in text
    )


async def keep_subscription(api: SmokeballApi, address: str, key: str) -> bool:
    """See that there is one subscription with what is wanted. Returns whether one had to be made. Raises SourceError.

    Smokeball ends them with the login that made them. The key cannot be seen, so it is given again each time.
    """
    offered = {str(one) for one in ((await api.get("/webhooks/types")) or {}).get("value") or ()}
    types = sorted(WANTED & offered) or sorted(WANTED)
    ours = [one for one in await api.whole("/webhooks") if one.get("eventNotificationUrl") == address]
    wanted = {"key": key, "name": _NAME, "eventTypes": types, "eventNotificationUrl": address}
    for doubled in ours[1:]:
        await api.send("DELETE", f"/webhooks/{doubled['id']}")
    if ours:
        await api.send("PUT", f"/webhooks/{ours[0]['id']}", wanted)
        return False
    await api.send("POST", "/webhooks", wanted)
    log.info("webhooks_subscribed", source="smokeball", events=len(types))
    return True
