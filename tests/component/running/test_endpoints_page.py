"""docs/endpoints.md has every address that the running bridge answers to, and no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bridge.app import Bridge
from bridge.directory.clio.webhooks import key_of
from bridge.directory.sources.known import CAN_SAY, asked_sources
from bridge.docs.endpoints import ENDPOINTS, OF_SOURCES
from bridge.settings import DirectorySettings, GuardSettings
from bridge.store.engine.store import Store
from bridge.web.bearer import SCIM_PATH
from bridge.web.scim import NAMED
from bridge.web.sources import SOURCES_PATH
from tests.component.on_fake import settings_for
from tests.component.small_firm import small_firm
from tests.fakes.guard import GUARD_KEY
from tests.fakes.homeserver import FakeHomeserver


async def test_every_endpoint_of_the_running_bridge_is_explained_and_no_other(
    tmp_path: Path, database_url: str
) -> None:
    async with small_firm(tmp_path, database_url) as firm:
        guarded = firm.service.settings.model_copy(update={"guard": GuardSettings(key=GUARD_KEY)})
        served = Bridge(replace(firm.service, settings=guarded)).web_app().router.routes()
    assert {
        (route.method, route.resource.canonical)
        for route in served
        if route.resource is not None and route.method != "HEAD"
    } == set(ENDPOINTS)


def test_every_endpoint_of_a_source_is_explained_and_no_other(fake: FakeHomeserver, store: Store) -> None:
    directory = DirectorySettings(path="none", sources=dict.fromkeys(CAN_SAY, ()))
    settings = settings_for(fake).model_copy(update={"directory": directory})
    asked = asked_sources(settings, store, lambda source, outcome: None)
    hears = {f"{SOURCES_PATH}/{one.address}".replace(key_of(settings), "{key}") for one in asked}
    assert {path for _, path in OF_SOURCES} == hears | {f"{SCIM_PATH}/{name}" for name in NAMED}
