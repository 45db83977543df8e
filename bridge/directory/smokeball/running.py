"""Smokeball in the running bridge: read by a job, and told by webhooks."""

from __future__ import annotations

from bridge.clock import now_ms
from bridge.directory.smokeball.api import SmokeballApi
from bridge.directory.smokeball.source import SmokeballSource
from bridge.directory.smokeball.webhooks import hints_of, is_genuine, keep_subscription, key_of
from bridge.directory.sources.port import SourceError
from bridge.directory.sources.reader import Count, SourceReader
from bridge.settings import Settings
from bridge.store.engine.store import Store

_SUBSCRIPTION_MS = 30 * 60 * 1000
"""Between looks at whether the subscription is still there."""
_AT_A_TIME_MS = 5_000
"""For how long what is due is done one after the other."""


class Smokeball:
    """The connection, the reading and the subscription."""

    def __init__(self, settings: Settings, store: Store, count: Count = lambda outcome: None) -> None:
        self._settings = settings
        self._key = key_of(settings)
        self.api = SmokeballApi(settings.smokeball, store)
        self.source = SmokeballSource(settings.smokeball, store, self.api)
        self.reader = SourceReader(self.source, store, poll_seconds=settings.smokeball.poll_seconds, count=count)
        self.no_webhooks = ""
        """Why there is no subscription; empty where there is one or none is wanted."""
        self._subscribed_ms = 0

    async def run(self) -> None:
        """Do what is due. Raises StoreError."""
        until = now_ms() + _AT_A_TIME_MS
        while await self.reader.run() and now_ms() < until:
            pass
        address, now = self._settings.smokeball.webhook_url, now_ms()
        if address and not self.reader.trouble and now - self._subscribed_ms >= _SUBSCRIPTION_MS:
            try:
                if await keep_subscription(self.api, address, self._key):
                    # Of what changed while there was none nobody told.
                    self.reader.hint(None)
                self.no_webhooks, self._subscribed_ms = "", now
            except SourceError as error:
                self.no_webhooks, self._subscribed_ms = str(error), now - _SUBSCRIPTION_MS + 60_000

    def webhook(self, headers: dict[str, str], body: bytes) -> bool:
        """Take a webhook as a hint; whether it is Smokeball's."""
        if not is_genuine(headers, self._key, self._settings.smokeball.client_id):
            return False
        for hint in hints_of(body):
            self.reader.hint(hint)
        return True

    async def close(self) -> None:
        """End the connection."""
        await self.api.close()
