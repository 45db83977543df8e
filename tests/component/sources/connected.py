"""A connector over a fake Smokeball, and the directory that follows from it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from bridge.directory.file import DirectoryFile
from bridge.directory.smokeball.api import SmokeballApi
from bridge.directory.smokeball.source import SmokeballSource
from bridge.directory.sources.asking import Bucket
from bridge.directory.sources.known import CAN_SAY
from bridge.directory.sources.reader import SourceReader
from bridge.directory.sources.union import Sources
from bridge.firm.policy import with_access
from bridge.settings import DirectorySettings, SmokeballSettings
from bridge.store.engine.store import Store
from tests.fakes.smokeball import ACCOUNT, CLIENT, KEY, SECRET, FakeSmokeball

DAY = date(2026, 11, 23)


@asynccontextmanager
async def store_in(folder: Path) -> AsyncIterator[Store]:
    """A store of its own, for one of many examples of a test."""
    store = Store(f"sqlite:///{folder}/bridge.db")
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@dataclass
class Connected:
    fake: FakeSmokeball
    store: Store
    settings: SmokeballSettings
    api: SmokeballApi
    source: SmokeballSource
    reader: SourceReader
    directory: DirectoryFile
    now: list[int]
    """The time of the reader, in milliseconds."""

    async def look(self, times: int = 1) -> None:
        """Let the reader do what is due, and the directory follow; each time a poll later."""
        for _ in range(times):
            self.now[0] += 61_000
            await self.reader.run()
            await self.directory.refresh()

    async def settled(self) -> None:
        """Until every matter was looked at since."""
        self.fake.settle()
        await self.look()
        self.now[0] += self.settings.policy_minutes * 60_000
        for _ in range(60):
            await self.reader.run()
            if not self.source.in_turn(self.now[0]):
                break
            self.now[0] += 1000
        await self.directory.refresh()

    def sees(self, staff_id: str, matter_id: str) -> bool:
        firm = self.directory.firm
        matter = firm.matters.get(matter_id)
        return matter is not None and staff_id in with_access(firm, matter, DAY)


def settings_for(url: str, tmp_path: Path, **more: object) -> SmokeballSettings:
    return SmokeballSettings.model_validate(
        {
            "api_url": url,
            "auth_url": url,
            "api_key": SecretStr(KEY),
            "client_id": CLIENT,
            "client_secret": SecretStr(SECRET),
            "account_id": ACCOUNT,
            "key_file": str(tmp_path / "smokeball.key"),
            **more,
        }
    )


@asynccontextmanager
async def connected(
    store: Store, tmp_path: Path, fake: FakeSmokeball | None = None, **more: object
) -> AsyncIterator[Connected]:
    fake = fake or FakeSmokeball()

    async def no_sleep(seconds: float) -> None:
        """Time passes at once."""

    async with TestServer(fake.app()) as server:
        settings = settings_for(str(server.make_url("")).rstrip("/"), tmp_path, **more)
        async with SmokeballApi(settings, store, Bucket(1e9, 5, sleep=no_sleep)) as api:
            now = [1_795_000_000_000]
            source = SmokeballSource(settings, store, api, clock=lambda: now[0])
            reader = SourceReader(source, store, poll_seconds=60, clock=lambda: now[0])
            directory = DirectoryFile(
                DirectorySettings(path="none", removal_limit=100),
                store,
                today=lambda: DAY,
                settle_seconds=0,
                sources=Sources(store, {"smokeball": ()}, CAN_SAY),
            )
            yield Connected(fake, store, settings, api, source, reader, directory, now)
    assert fake.wrong == []
