"""Clio in the running bridge."""

from __future__ import annotations

from bridge.directory.clio.api import ClioApi
from bridge.directory.clio.source import ClioSource
from bridge.directory.clio.webhooks import ClioSubscription, key_of
from bridge.directory.sources.reader import Count, SourceReader
from bridge.directory.sources.running import RunningSource
from bridge.settings import Settings
from bridge.store.engine.store import Store


def clio_of(settings: Settings, store: Store, count: Count = lambda outcome: None) -> RunningSource:
    """Clio as the settings have it."""
    own = settings.clio
    api = ClioApi(own, store)
    reader = SourceReader(
        ClioSource(own, api),
        store,
        poll_seconds=own.poll_seconds,
        whole_seconds=own.whole_minutes * 60,
        count=count,
    )
    subscription = ClioSubscription(api, own.webhook_url.rstrip("/"), key_of(settings))
    return RunningSource(api, reader, subscription, subscribes=bool(own.webhook_url))
