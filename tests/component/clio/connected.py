"""A connector over a fake Clio, and the directory that follows from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from aiohttp.test_utils import TestServer

from bridge.directory.clio.api import BURST, ClioApi
from bridge.directory.clio.hosts import client_of
from bridge.directory.clio.source import ClioSource
from bridge.directory.clio.webhooks import ClioSubscription
from bridge.directory.file import DirectoryFile
from bridge.directory.sources.asking import Bucket
from bridge.directory.sources.known import CAN_SAY
from bridge.directory.sources.reader import SourceReader
from bridge.directory.sources.running import RunningSource
from bridge.directory.sources.tokens import Tokens, keep_tokens, make_key
from bridge.directory.sources.union import Sources
from bridge.firm.policy import with_access
from bridge.settings import ClioSettings, DirectorySettings
from bridge.store.engine.store import Store
from tests.fakes.clio import CLIENT, SECRET, FakeClio

DAY = date(2026, 11, 23)
ADDRESS = "https://panel.firm.example/webhooks/clio"


@dataclass
class ConnectedToClio:
    fake: FakeClio
    store: Store
    settings: ClioSettings
    api: ClioApi
    running: RunningSource
    directory: DirectoryFile
    now: list[int]
    """The time of the reader and of the subscription, in milliseconds."""

    @property
    def reader(self) -> SourceReader:
        return self.running.reader

    async def look(self, times: int = 1) -> None:
        """Let the bridge do what is due, and the directory follow; each time a poll later."""
        for _ in range(times):
            self.now[0] += 61_000
            await self.hear()

    async def hear(self) -> None:
        """The same at once."""
        await self.running.run()
        await self.directory.refresh()

    async def settled(self) -> None:
        """Until all was read again."""
        self.fake.settle()
        self.now[0] += self.settings.whole_minutes * 60_000
        await self.look(2)

    def sees(self, user_id: int, matter_id: int) -> bool:
        firm = self.directory.firm
        matter = firm.matters.get(f"clio-{matter_id}")
        return matter is not None and f"clio-{user_id}" in with_access(firm, matter, DAY)


def clio_settings(url: str, tmp_path: Path, **more: object) -> ClioSettings:
    key_file = str(tmp_path / "clio.key")
    given = {"url": url, "client_id": CLIENT, "client_secret": SECRET, "key_file": key_file, "access": "groups"}
    return ClioSettings.model_validate({**given, **more})


@asynccontextmanager
async def connected_to_clio(
    store: Store, tmp_path: Path, fake: FakeClio | None = None, *, let_in: bool = True, **more: object
) -> AsyncIterator[ConnectedToClio]:
    fake = fake or FakeClio()

    async def no_sleep(seconds: float) -> None:
        """Time passes at once."""

    async with TestServer(fake.app()) as server:
        settings = clio_settings(str(server.make_url("")).rstrip("/"), tmp_path, **more)
        if let_in:
            client = client_of(settings)
            await store.run(keep_tokens, "clio", make_key(client), Tokens("", fake.refresh, 0))
        async with ClioApi(settings, store, Bucket(1e9, BURST, sleep=no_sleep)) as api:
            now = [1_796_000_000_000]
            reader = SourceReader(
                ClioSource(settings, api, clock=lambda: now[0]),
                store,
                poll_seconds=60,
                whole_seconds=settings.whole_minutes * 60,
                clock=lambda: now[0],
            )
            subscription = ClioSubscription(api, ADDRESS, "key", clock=lambda: now[0])
            wanted = bool(settings.webhook_url)
            running = RunningSource(api, reader, subscription, subscribes=wanted, clock=lambda: now[0])
            directory = DirectoryFile(
                DirectorySettings(path="none", removal_limit=100),
                store,
                today=lambda: DAY,
                settle_seconds=0,
                sources=Sources(store, {"clio": ()}, CAN_SAY),
            )

            async def deliver(headers: Mapping[str, str], body: bytes) -> int:
                return 200 if running.webhook(headers, body) else 401

            fake.deliver = deliver
            yield ConnectedToClio(fake, store, settings, api, running, directory, now)
