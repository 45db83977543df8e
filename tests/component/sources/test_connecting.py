"""Letting the bridge into Smokeball, and what it hears of webhooks (S2)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from bridge.cli.connecting import consented
from bridge.cli.exits import Stop
from bridge.directory.smokeball.hosts import client_of
from bridge.directory.smokeball.webhooks import is_genuine, signature, ticks
from bridge.directory.sources.keeping import keep_read, standing
from bridge.directory.sources.port import SourceRead, SourceRecord
from bridge.metrics import Metrics
from bridge.store.engine.store import Store
from bridge.web.sources import webhook_app
from tests.component.sources.connected import settings_for
from tests.fakes.smokeball import FakeSmokeball
from tests.ports import free_port


async def consent(address: str, *, state: str = "", code: str = "code-1") -> int:
    """What a browser does after somebody consented, or a page that only pretends so."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert asked["code_challenge_method"] == "S256"
    answer = {"state": state or asked["state"], "code": code}
    async with aiohttp.ClientSession() as session, session.get(asked["redirect_uri"], params=answer) as came:
        return came.status


async def test_somebody_lets_the_bridge_in(tmp_path: Path) -> None:
    opened: asyncio.Queue[str] = asyncio.Queue()
    async with TestServer(FakeSmokeball().app()) as server:
        url = str(server.make_url("")).rstrip("/")
        settings = settings_for(url, tmp_path, account_id="", connect_port=free_port())
        with patch("webbrowser.open", opened.put_nowait):
            waiting = asyncio.create_task(consented(client_of(settings)))
            address = await opened.get()
            assert await consent(address, state="forged") == 400
            assert not waiting.done()
            assert await consent(address) == 200
            assert (await waiting).refresh.startswith("refresh-")
            waiting = asyncio.create_task(consented(client_of(settings)))
            await consent(await opened.get(), code="")
            with pytest.raises(Stop, match="refused"):
                await waiting


async def test_S2_a_forged_webhook_is_refused_and_told_nothing() -> None:
    taken: list[bytes] = []

    def take(headers: Mapping[str, str], body: bytes) -> bool:
        genuine = is_genuine(headers, "k", "c")
        if genuine:
            taken.append(body)
        return genuine

    metrics = Metrics(CollectorRegistry())
    async with TestClient(TestServer(webhook_app({"smokeball": take}, metrics))) as client:
        assert (await client.post("/smokeball", data=b"{}")).status == 401
        stamp = str(ticks(time.time()))
        headers = {"Timestamp": stamp, "RequestId": "r", "Signature": signature("k", stamp, "r", "c")}
        for body in (b"{}", b"{}", b"x" * 200_000):
            assert (await client.post("/smokeball", data=body, headers=headers)).status == 200
    assert taken == [b"{}", b"{}", b""]


class KilledError(Exception):
    """As by kill -9."""


async def test_S1_a_read_that_is_cut_off_is_not_kept(store: Store) -> None:
    def read(*names: str) -> SourceRead:
        return SourceRead(tuple(SourceRecord("staff", one, {"id": one}) for one in names), whole=True, cursor="c")

    await store.run(keep_read, "scim", read("a", "b"), 1)
    with patch("bridge.faults.point", side_effect=KilledError), pytest.raises(KilledError):
        await store.run(keep_read, "scim", read("a"), 2)
    stands = await store.read(standing, "scim")
    assert (stands.read_at, stands.counts) == (1, {"staff": 2})
