"""docs/endpoints.md has every address that the running bridge answers to, and no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bridge.app import Bridge
from bridge.docs.endpoints import ENDPOINTS
from bridge.settings import GuardSettings
from tests.component.small_firm import small_firm
from tests.fakes.guard import GUARD_KEY


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
