"""Every request of the connector is valid against Smokeball's description, as Prism serves it (`make sources`)."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import aiohttp
import pytest

from bridge.directory.smokeball.api import SmokeballApi
from bridge.directory.smokeball.hosts import client_of
from bridge.directory.sources.asking import Bucket
from bridge.directory.sources.tokens import Tokens, keep_tokens, make_key
from bridge.store.engine.store import Store
from tests.component.sources.connected import settings_for
from tests.fakes.smokeball import uuid

URL = os.environ.get("PRISM_URL", "")
pytestmark = pytest.mark.skipif(not URL, reason="only where Prism runs: make sources")
HOOK = {"key": "k", "name": "n", "eventTypes": ["matter.updated"], "eventNotificationUrl": "https://bridge.example/x"}


async def answering() -> None:
    """Wait until Prism listens."""
    async with aiohttp.ClientSession() as session:
        for _ in range(300):
            try:
                async with session.get(f"{URL}/staff"):
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.1)
    raise AssertionError("Prism does not listen.")


async def test_S2_every_request_is_valid_against_the_description(store: Store, tmp_path: Path) -> None:
    await answering()
    settings = settings_for(URL, tmp_path, account_id="")
    await store.run(keep_tokens, "smokeball", make_key(client_of(settings)), Tokens("access", "refresh", 2**62))
    # Prism holds numbers as JavaScript does, so that real ticks are too large for it (findings/prism-ticks.sh); the
    # fake holds them to the same.
    since = {"Offset": "0", "Limit": "500", "UpdatedSince": "638000000000000"}
    first = {"Offset": "0", "Limit": "500"}
    one = uuid(1)
    async with SmokeballApi(settings, store, Bucket(1e9, 5)) as api:
        for path, params in (
            *(("/staff", first), ("/groups", {}), ("/contacts", since), ("/matters", since), ("/webhooks", first)),
            *((path, {}) for path in ("/firmusers", f"/staff/{one}", f"/contacts/{one}", "/webhooks/types")),
            *((path, {}) for path in (f"/matters/{one}", f"/matters/{one}/roles", f"/matters/{one}/archive")),
            *((f"/policies/{which}", {}) for which in (one, "matters")),
        ):
            # Prism answers 422 for what the description does not allow, and that is raised.
            assert await api.get(path, params) is not None, path
        await api.send("POST", "/webhooks", HOOK)
        note = {"staffId": one, "message": "Note", "toastyMessage": "Note"}
        await api.send_once("/notifications", lambda: note)
        await api.send("PUT", f"/webhooks/{one}", HOOK)
        await api.send("DELETE", f"/webhooks/{one}")
