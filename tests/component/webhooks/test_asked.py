"""Webhooks made, shown and ended through the API (A3)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.firm.audit import Deed
from bridge.operations.tokens import Scope, end_token
from bridge.operations.webhooks.subscribing import MOST, webhooks
from bridge.store.models import MODELS
from bridge.store.record.audit import newest
from tests.component.api.harness import Api, api_firm

WANTED = {"url": "https://example.com/hook?key=secret", "events": ["matter.changed"]}


@pytest.fixture
async def api(tmp_path: Path, database_url: str) -> AsyncIterator[Api]:
    async with api_firm(tmp_path, database_url) as found:
        yield found


async def test_A3_O1_a_webhook_is_made_shown_and_ended_and_the_audit_log_tells_of_it(api: Api) -> None:
    ruth, walt, store = await api.system("ruth"), await api.system("walt"), api.firm.service.store
    key = {"Idempotency-Key": "k1"}
    made = await ruth.ask("POST", "/webhooks", WANTED, headers=key)
    assert made.json["secret"].startswith("whsec_")
    again = await ruth.ask("POST", "/webhooks", WANTED, headers=key)
    assert again.json == made.json, "a request that is repeated makes one, and has its answer"
    path = f"/webhooks/{made.json['id']}"
    (shown,) = (await ruth.get("/webhooks")).json["items"]
    assert (shown, shown["events"]) == ((await ruth.get(path)).json, ["matter.changed"])
    assert "secret" not in shown
    assert (await walt.get("/webhooks")).json["items"] == []
    for method, end in (("GET", ""), ("DELETE", ""), ("POST", "/replay")):
        assert (await walt.ask(method, f"{path}{end}")).status == 404
    assert (await ruth.ask("DELETE", path)).json == {"done": True}
    assert (await ruth.ask("DELETE", path)).status == 404
    ours = {Deed.WEBHOOK_MADE, Deed.WEBHOOK_ENDED}
    found = [one.entry for one in await store.read(newest, 50) if one.entry.deed in ours]
    assert [(one.deed, one.actor, one.person) for one in found] == [
        (Deed.WEBHOOK_ENDED, "ruth", "ruth"),
        (Deed.WEBHOOK_MADE, "ruth", "ruth"),
    ]
    assert not any("key=secret" in one.reason for one in found)
    await api.firm.ask("ruth", "!ping")
    assert any("now told what happens" in said for _, _, said in api.firm.said)
    # The secret is made anew each time: it stands nowhere.
    for model in MODELS:
        rows = await store.read(lambda unit, model=model: str(unit.tuples(model.select())))  # type: ignore[misc]
        assert made.json["secret"] not in rows


async def test_A3_a_token_is_told_only_what_it_is_for(api: Api) -> None:
    few = await api.system("ruth", [Scope.CHANGE_WEBHOOKS, Scope.MATTERS])
    assert (await few.post("/webhooks", WANTED)).status == 200
    for more in ({"events": ["wall.set"]}, {"text": True}):
        refused = await few.post("/webhooks", {**WANTED, **more})
        assert (refused.status, refused.json["type"]) == (403, "urn:firm-bridge:scope_missing")


async def test_A3_with_its_token_a_webhook_ends(api: Api) -> None:
    ruth, store = await api.system("ruth"), api.firm.service.store
    await ruth.post("/webhooks", WANTED)
    assert len(await webhooks(store)) == 1
    await end_token(store, api.numbers[ruth.token], "root")
    assert await webhooks(store) == []


async def test_A3_there_is_an_end_to_them(api: Api) -> None:
    ruth = await api.system("ruth")
    for _ in range(MOST):
        assert (await ruth.post("/webhooks", WANTED)).status == 200
    assert (await ruth.post("/webhooks", WANTED)).status == 409
