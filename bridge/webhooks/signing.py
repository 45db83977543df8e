"""Signing as Standard Webhooks has it (https://www.standardwebhooks.com). Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping


def signed(secret: str, delivery_id: str, at_seconds: int, body: bytes) -> Mapping[str, str]:
    """The headers by which a receiver who has the secret (whsec_…) knows that a request is genuine, and how old.

    The moment is in seconds, since the library takes a datetime of another zone for another moment
    (findings/webhook-signing-zone.sh).
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    said = f"{delivery_id}.{at_seconds}.".encode() + body
    signature = base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
    return {"webhook-id": delivery_id, "webhook-timestamp": str(at_seconds), "webhook-signature": f"v1,{signature}"}
