"""Clio's webhooks: the subscription that brings them, their signature, and what they hint at (S2).

Clio makes up a secret for each subscription and sends it to the address, which nobody else can guess. What comes there
is not believed even so: it is given back to Clio over its API, and whoever did not get it from Clio is refused there. A
subscription ends after 31 days at most, and is renewed long before (Clio's documentation, Webhooks).

A signature is the HMAC-SHA256 of the body in hexadecimal digits. Nothing in it says when it was made, so an old one can
be sent again: it is a hint, and leads to nothing but a look.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from bridge.clock import now_ms
from bridge.directory.clio.api import ClioApi
from bridge.directory.clio.records import is_id
from bridge.directory.sources.asking import Json, NotAnsweredError
from bridge.directory.sources.port import Hint, SourceError
from bridge.directory.sources.tokens import NotConnectedError
from bridge.settings import Settings

log = structlog.get_logger(__name__)
_PATH = "/webhooks.json"
_FIELDS = "id,url,model,status,expires_at,shared_secret"
_WATCHED = "id,etag,display_number,description,status,client,responsible_attorney,originating_attorney,group"
"""A change of any of these is told."""
_LASTS = timedelta(days=30)
_RENEWED = timedelta(days=15)
"""How long before its end a subscription is renewed."""
_OFFERED = 10
_WAITED_FOR_MS = 10 * 60 * 1000
"""How long the secret of a new webhook is waited for, before another is made."""
_SECRET_LENGTH = 500


class ClioSubscription:
    """The port `Subscription`: one webhook for matters."""

    def __init__(self, api: ClioApi, address: str, key: str, clock: Callable[[], int] = now_ms) -> None:
        """`address` is the setting clio.webhook_url; `key` goes to its end."""
        self.key = key
        self._api = api
        self._base = address
        self._address = f"{address}/{key}"
        self._clock = clock
        self._secret = ""
        self._known = 0
        """The webhook that the secret belongs to."""
        self._pending = False
        """Whether Clio is still to be told its secret."""
        self._made: tuple[int, int] = 0, 0
        """The webhook that was made last, and when."""
        self._offered: deque[str] = deque(maxlen=_OFFERED)
        """What somebody who may be Clio gave as its secret."""

    async def keep(self) -> bool:
        """See that there is one that is told everything. Returns whether there was none. Raises SourceError."""
        now = datetime.fromtimestamp(self._clock() / 1000, UTC)
        listed = await self._api.whole(_PATH, _FIELDS)
        # Those of an earlier key, too, so that they are taken away.
        ours = [one for one in listed if _is_below(one.get("url"), self._base) and one.get("model") == "matter"]
        usable = [one for one in ours if one.get("url") == self._address and self._is_usable(one)]
        for one in ours:
            if one not in usable[:1]:
                await self._api.change("DELETE", f"/webhooks/{one['id']}.json")
        made = not usable
        hook = usable[0] if usable else await self._make(now)
        if not made and _ends(hook) - now < _RENEWED:
            await self._api.change("PATCH", f"/webhooks/{hook['id']}.json", {"expires_at": _later(now)})
        return await self._confirm(hook) or made

    def hints(self, headers: Mapping[str, str], body: bytes) -> tuple[Hint | None, ...] | None:
        """What a webhook hints at; None where it is not Clio's. A secret that is offered hints at nothing."""
        offered = headers.get("X-Hook-Secret", "")
        if offered:
            sound = len(offered) <= _SECRET_LENGTH and offered.isascii() and offered.isprintable()
            if self._pending and sound and offered not in self._offered:
                self._offered.append(offered)
            return ()
        return hints_of(body) if is_genuine(headers.get("X-Hook-Signature", ""), body, self._secret) else None

    def _is_usable(self, hook: Json) -> bool:
        """Whether it can be kept: one that Clio suspended, or whose secret nobody here will know, is made anew."""
        made, at = self._made
        waited_for = hook["id"] == made and self._clock() - at < _WAITED_FOR_MS
        knowable = bool(_text(hook, "shared_secret")) or hook["id"] == self._known
        return (hook.get("status") == "enabled" and knowable) or (
            hook.get("status") == "pending" and (knowable or waited_for)
        )

    async def _make(self, now: datetime) -> Json:
        self._pending = True
        self._offered.clear()
        asked = {
            "url": self._address,
            "model": "matter",
            "events": ["created", "updated", "deleted"],
            "fields": _WATCHED,
            "expires_at": _later(now),
        }
        hook = await self._api.change("POST", f"{_PATH}?fields={_FIELDS}", asked)
        if not is_id(hook.get("id")):
            raise SourceError("Clio's answer to a new webhook is not what its description says.")
        self._made = hook["id"], self._clock()
        log.info("webhooks_subscribed", source="clio")
        return hook

    async def _confirm(self, hook: Json) -> bool:
        """Know the secret, and tell Clio that it came. Returns whether that was to be done. Raises SourceError."""
        given = _text(hook, "shared_secret")
        if hook.get("status") == "enabled" and (given or self._known == hook["id"]):
            self._secret, self._known, self._pending = given or self._secret, hook["id"], False
            return False
        self._pending = True
        for secret in [given, *reversed(self._offered)]:
            if secret and await self._is_confirmed(hook["id"], secret):
                self._secret, self._known, self._pending = secret, hook["id"], False
                self._offered.clear()
                return True
            if secret in self._offered:
                # No other: one may have come meanwhile.
                self._offered.remove(secret)
        raise SourceError(f"Clio has not given its webhook's secret yet. It must reach what is below {self._base}.")

    async def _is_confirmed(self, hook_id: int, secret: str) -> bool:
        try:
            await self._api.change("PUT", f"/webhooks/{hook_id}/activate", secret=secret)
        except (NotAnsweredError, NotConnectedError):
            # It was somebody else who offered it.
            return False
        return any(one.get("status") == "enabled" for one in await self._api.some(_PATH, _FIELDS, [hook_id]))


def key_of(settings: Settings) -> str:
    """The end of the address that Clio is told, made from the bridge's own key."""
    own = settings.security.alias_key.get_secret_value().encode()
    return hmac.new(own, b"clio webhook", hashlib.sha256).hexdigest()


def is_genuine(signature: str, body: bytes, secret: str) -> bool:
    """Whether a webhook is Clio's. Nobody's is, as long as no secret is known."""
    wanted = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return bool(secret) and hmac.compare_digest(signature.lower().encode(errors="surrogateescape"), wanted.encode())


def hints_of(body: bytes) -> tuple[Hint | None, ...]:
    """What a webhook hints at: a matter, or None for "look at what changed"."""
    try:
        told: Any = json.loads(body)
        matter_id = told["data"]["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return (None,)
    return (Hint("matters", str(matter_id)),) if is_id(matter_id) else (None,)


def _is_below(url: Any, base: str) -> bool:
    return isinstance(url, str) and (url == base or url.startswith(f"{base}/"))


def _ends(hook: Json) -> datetime:
    try:
        ends = datetime.fromisoformat(_text(hook, "expires_at"))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return ends if ends.tzinfo is not None else ends.replace(tzinfo=UTC)


def _later(now: datetime) -> str:
    return (now + _LASTS).isoformat(timespec="seconds")


def _text(hook: Json, name: str) -> str:
    value = hook.get(name)
    return value if isinstance(value, str) else ""
