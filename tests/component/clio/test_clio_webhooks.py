"""Clio's webhooks: the handshake, the signature, and a subscription that ends (S2)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from bridge.cli.connecting import consented
from bridge.directory.clio.hosts import client_of
from bridge.directory.clio.webhooks import hints_of, is_genuine, key_of
from bridge.directory.sources.port import Hint
from bridge.store.engine.store import Store
from tests.component.clio.connected import ADDRESS, ConnectedToClio, clio_settings, connected_to_clio
from tests.component.clio.test_clio import small_office
from tests.component.small_firm import small_firm
from tests.fakes.clio import FakeClio
from tests.ports import free_port


def states(one: ConnectedToClio) -> list[str]:
    return [hook["status"] for hook in one.fake.webhooks.values()]


@pytest.mark.parametrize("shows_secret", [True, False])
async def test_S2_a_change_is_seen_when_clio_tells_of_it(store: Store, tmp_path: Path, shows_secret: bool) -> None:
    async with connected_to_clio(store, tmp_path, webhook_url=ADDRESS) as one:
        one.fake.shows_secret = shows_secret
        ann, ben, matter = small_office(one.fake)
        await one.look()
        assert (states(one), one.running.no_webhooks) == (["enabled"], "")
        await one.look()
        one.fake.group(901, ann)
        one.fake.matter(matter, group={"id": 901})
        one.fake.settle()
        assert await one.fake.tell(matter) == 200
        await one.hear()
        assert (one.sees(ann, matter), one.sees(ben, matter)) == (True, False)
        # Doubled, late, and of what there is not: only a look.
        one.fake.asked.clear()
        for told in (matter, matter, 77):
            assert await one.fake.tell(told, "created") == 200
        await one.hear()
        assert one.fake.asked == ["GET /matters.json"]


async def test_S2_a_forged_webhook_is_refused(store: Store, tmp_path: Path) -> None:
    async with connected_to_clio(store, tmp_path, webhook_url=ADDRESS) as one:
        small_office(one.fake)
        await one.look(2)
        assert not one.running.webhook({}, b"{}")
        assert not one.running.webhook({"X-Hook-Signature": "0" * 64}, b"{}")
        assert not one.running.webhook({"X-Hook-Signature": "\udce9"}, b"{}")
        assert not is_genuine("", b"", "")


async def test_S2_a_secret_of_somebody_elses_is_not_believed(store: Store, tmp_path: Path) -> None:
    async with connected_to_clio(store, tmp_path, webhook_url=ADDRESS) as one:
        one.fake.shows_secret = False
        small_office(one.fake)
        deliver, one.fake.deliver = one.fake.deliver, None
        await one.look()
        assert "has not given its webhook's secret yet" in one.running.no_webhooks
        for secret in ("guessed", "x" * 10_000, "\udce9"):
            assert one.running.webhook({"X-Hook-Secret": secret}, b"{}")
        await one.look()
        assert states(one) == ["pending"]
        one.fake.deliver = deliver
        await one.fake.shake_hands(next(iter(one.fake.webhooks)))
        await one.look()
        assert (states(one), one.running.no_webhooks) == (["enabled"], "")
        # With a subscription in force nobody's secret is taken, whoever offers it.
        assert one.running.webhook({"X-Hook-Secret": "later"}, b"{}")
        one.fake.asked.clear()
        await one.look()
        assert not [each for each in one.fake.asked if "webhooks" in each]


async def test_S2_clios_secret_is_kept_that_comes_while_anothers_is_tried_and_none_is_tried_before_a_minute(
    store: Store, tmp_path: Path
) -> None:
    async with connected_to_clio(store, tmp_path, webhook_url=ADDRESS) as one:
        one.fake.shows_secret = False
        small_office(one.fake)
        deliver, one.fake.deliver = one.fake.deliver, None
        await one.look()
        one.fake.deliver, change = deliver, one.api.change

        async def meanwhile(*asked: Any, **more: Any) -> Any:
            await one.fake.shake_hands(next(iter(one.fake.webhooks)))
            return await change(*asked, **more)

        assert one.running.webhook({"X-Hook-Secret": "guessed"}, b"{}")
        with patch.object(one.api, "change", meanwhile):
            await one.look()
        assert states(one) == ["pending"]
        one.fake.asked.clear()
        for _ in range(20):
            assert one.running.webhook({"X-Hook-Secret": "guessed"}, b"{}")
            await one.hear()
        assert not [each for each in one.fake.asked if "webhooks" in each]
        await one.look()
        assert states(one) == ["enabled"]


async def test_S2_webhooks_at_an_address_of_before_are_taken_away(store: Store, tmp_path: Path) -> None:
    async with connected_to_clio(store, tmp_path, webhook_url=ADDRESS) as one:
        small_office(one.fake)
        await one.look()
        (hook,) = one.fake.webhooks.values()
        assert hook["url"] == f"{ADDRESS}/key"
        others = {90: ADDRESS, 91: f"{ADDRESS}/earlier", 92: f"{ADDRESS}s/of-others"}
        one.fake.webhooks = {key: {**hook, "id": key, "url": url} for key, url in others.items()}
        one.now[0] += 31 * 60_000
        await one.hear()
        assert sorted(each["url"] for each in one.fake.webhooks.values()) == [f"{ADDRESS}/key", f"{ADDRESS}s/of-others"]


async def test_S2_a_secret_that_never_comes_leads_to_a_new_webhook(store: Store, tmp_path: Path) -> None:
    async with connected_to_clio(store, tmp_path, webhook_url=ADDRESS) as one:
        one.fake.shows_secret = False
        small_office(one.fake)
        deliver, one.fake.deliver = one.fake.deliver, None
        await one.look()
        (first,) = one.fake.webhooks
        one.fake.deliver = deliver
        await one.look(11)
        (second,) = one.fake.webhooks
        assert (second != first, states(one), one.running.no_webhooks) == (True, ["enabled"], "")


async def test_S2_a_subscription_is_renewed_before_it_ends(store: Store, tmp_path: Path) -> None:
    async with connected_to_clio(store, tmp_path, webhook_url=ADDRESS) as one:
        small_office(one.fake)
        await one.look()
        (hook,) = one.fake.webhooks.values()

        def lasts() -> timedelta:
            return datetime.fromisoformat(hook["expires_at"]) - datetime.fromtimestamp(one.now[0] / 1000, UTC)

        assert timedelta(29) < lasts() <= timedelta(31)
        one.now[0] += 16 * 86_400_000
        await one.look(2)
        assert timedelta(29) < lasts() <= timedelta(31)


@pytest.mark.parametrize("trouble", ["ended", "suspended", "doubled"])
async def test_S2_a_subscription_is_repaired(store: Store, tmp_path: Path, trouble: str) -> None:
    async with connected_to_clio(store, tmp_path, webhook_url=ADDRESS) as one:
        _, ben, matter = small_office(one.fake)
        await one.look()
        (hook,) = one.fake.webhooks.values()
        if trouble == "ended":
            one.fake.webhooks.clear()
        elif trouble == "suspended":
            hook["status"] = "suspended"
        else:
            one.fake.webhooks[99] = {**hook, "id": 99}
        # Nobody tells of this one.
        one.fake.group(901)
        one.fake.matter(matter, group={"id": 901})
        one.fake.settle()
        one.now[0] += 31 * 60_000
        await one.hear()
        await one.hear()
        assert states(one) == ["enabled"]
        assert not one.sees(ben, matter)


@pytest.mark.parametrize(
    ("body", "hints"),
    [
        (b'{"data":{"id":7},"meta":{"event":"updated"}}', (Hint("matters", "7"),)),
        (b'{"data":{"id":"7"}}', (None,)),
        (b'{"data":{"id":true}}', (None,)),
        (b'{"data":{"id":123456789012345678901234567890}}', (None,)),
        (b'{"data":[7]}', (None,)),
        (b"[" * 100_000, (None,)),
        (b"", (None,)),
    ],
)
def test_S2_a_webhook_of_clios_is_a_hint_whatever_is_in_it(body: bytes, hints: tuple[Any, ...]) -> None:
    assert hints_of(body) == hints


async def test_S2_the_running_bridge_hears_clio_and_says_where_it_does_not(tmp_path: Path, database_url: str) -> None:
    async with small_firm(tmp_path, database_url) as firm, TestServer(FakeClio().app()) as server:
        own = firm.service.settings
        clio = clio_settings(str(server.make_url("")).rstrip("/"), tmp_path, webhook_url=ADDRESS)
        directory = own.directory.model_copy(update={"sources": {"files": (), "clio": ()}})
        await firm.restart(directory=directory, clio=clio)
        firm.all_done()
        (running,) = firm.bridge.asked
        await firm.bridge.jobs.more["clio"]()
        assert "firm-bridge clio connect" in running.reader.trouble
        running.no_webhooks = "Clio answers 500."
        assert firm.bridge.health()["sources"]
        async with TestClient(TestServer(firm.bridge.panel_app())) as client:
            address = f"/webhooks/clio/{key_of(firm.service.settings)}"
            assert (await client.post(address, headers={"X-Hook-Signature": "0" * 64}, data=b"{}")).status == 401
            # Who does not know the address offers no secret.
            for guessed in ("/webhooks/clio", "/webhooks/clio/", "/webhooks/clio/key"):
                assert (await client.post(guessed, headers={"X-Hook-Secret": "s"}, data=b"{}")).status == 404
            handshake = await client.post(address, headers={"X-Hook-Secret": "s"}, data=b"{}")
            # What anybody may send is never given back: only Clio's API is told.
            assert (handshake.status, handshake.headers.get("X-Hook-Secret")) == (200, None)
            assert (await client.post("/webhooks/smokeball", data=b"{}")).status == 404
        await running.close()


async def test_somebody_lets_the_bridge_into_clio(tmp_path: Path) -> None:
    opened: asyncio.Queue[str] = asyncio.Queue()
    async with TestServer(FakeClio().app()) as server:
        url = str(server.make_url("")).rstrip("/")
        client = client_of(clio_settings(url, tmp_path, connect_port=free_port()))
        with patch("webbrowser.open", opened.put_nowait):
            waiting = asyncio.create_task(consented(client))
            address = await opened.get()
            asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
            assert address.startswith(f"{url}/oauth/authorize?")
            async with aiohttp.ClientSession() as session:
                answer = {"state": asked["state"], "code": "code-1"}
                async with session.get(asked["redirect_uri"], params=answer) as came:
                    assert came.status == 200
            assert (await waiting).refresh.startswith("refresh-")
