"""Smokeball in the running bridge."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.directory.smokeball.api import SmokeballApi
from bridge.directory.smokeball.notes import Notes
from bridge.directory.smokeball.source import SmokeballSource
from bridge.directory.smokeball.webhooks import hints_of, is_genuine, keep_subscription, key_of
from bridge.directory.sources.port import Hint
from bridge.directory.sources.reader import Count, SourceReader
from bridge.directory.sources.running import RunningSource
from bridge.settings import Settings
from bridge.store.engine.store import Store


class SmokeballSubscription:
    """The port `Subscription`."""

    key = ""

    def __init__(self, settings: Settings, api: SmokeballApi) -> None:
        self._settings = settings.smokeball
        self._api = api
        self._key = key_of(settings)

    async def keep(self) -> bool:
        return await keep_subscription(self._api, self._settings.webhook_url, self._key)

    def hints(self, headers: Mapping[str, str], body: bytes) -> tuple[Hint | None, ...] | None:
        return hints_of(body) if is_genuine(headers, self._key, self._settings.client_id) else None


def smokeball_of(settings: Settings, store: Store, count: Count = lambda outcome: None) -> RunningSource:
    """Smokeball as the settings have it."""
    own = settings.smokeball
    api = SmokeballApi(own, store)
    reader = SourceReader(SmokeballSource(own, store, api), store, poll_seconds=own.poll_seconds, count=count)
    notes = Notes(api, store) if own.notify_minutes else None
    subscription = SmokeballSubscription(settings, api)
    return RunningSource(api, reader, subscription, subscribes=bool(own.webhook_url), notes=notes)
