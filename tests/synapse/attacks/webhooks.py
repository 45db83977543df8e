"""What somebody tries with webhooks, of which the bridge makes requests to addresses that others name (A3)."""

from __future__ import annotations

from typing import Any

from tests.synapse.attacks.api import BEN, DAN, NO_WORDS, UNKNOWN, api
from tests.synapse.attacks.attempt import Alike, Attempt, Layer, Who, attempt, forbidden

REFUSED = forbidden(Layer.BRIDGE, 422, "")


def _wanted(url: str) -> dict[str, Any]:
    return {"url": url, "events": ["matter.changed", "message.sent"], "text": True}


def _to(what: str, url: str) -> Attempt:
    step = api("POST", "/webhooks", BEN, _wanted(url))
    return attempt(f"has {what} told by a webhook", "A3", Who.WALLED, step, REFUSED)


ATTEMPTS = (
    _to("the homeserver's admin interface", "https://127.0.0.1:8008/_synapse/admin/v1/users"),
    _to("the bridge itself", "http://[::ffff:127.0.0.1]:9009/metrics"),
    _to("a cloud's own address", "https://169.254.169.254/latest/meta-data/"),
    _to("a file", "file:///etc/hostname"),
    attempt(
        "asks for somebody else's webhook",
        "A3",
        Who.WALLED,
        Alike(api("GET", "/webhooks/hook-0", BEN), api("GET", "/webhooks/none", BEN), NO_WORDS),
        forbidden(Layer.BRIDGE, 404, ""),
    ),
    attempt(
        "makes a webhook with an old token",
        "A3",
        Who.LEAVER,
        api("POST", "/webhooks", DAN, _wanted("https://example.com/")),
        UNKNOWN,
    ),
    attempt(
        "makes a webhook without a token",
        "A3",
        Who.NOBODY,
        api("POST", "/webhooks", "-", _wanted("https://example.com/")),
        UNKNOWN,
    ),
)
