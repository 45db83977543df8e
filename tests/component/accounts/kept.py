"""A homeserver that keeps its accounts itself, and one that leaves them to MAS, for the same tests of both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bridge.matrix.client import MatrixClient
from tests.fakes.anybody import Anybody
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.mas.service import FakeMas

ANN = "@ann:localhost"


@dataclass(frozen=True)
class Kept:
    """What a test has to do with."""

    fake: FakeHomeserver
    client: MatrixClient
    mas: FakeMas | None = None

    async def sign_in(self, device: str) -> str:
        """Let Ann sign in on a device."""
        if self.mas is None:
            self.fake.accounts[ANN].devices.add(device)
            return ""
        await self.mas.upsert_device("ann", device)
        return self.mas.records.sign_in("ann", device=device)

    @property
    def password(self) -> str:
        """The password that Ann has now."""
        if self.mas is not None:
            return self.mas.records.user("ann").password
        return str(next(one.body["password"] for one in reversed(self.fake.requests) if "password" in str(one.body)))


@asynccontextmanager
async def by_synapse(_: Path) -> AsyncIterator[Kept]:
    """Accounts that the homeserver keeps."""
    async with FakeHomeserver() as fake:
        client = MatrixClient(fake.homeserver_settings(deadline=2.0), fake.appservice_settings(), Anybody())
        try:
            yield Kept(fake, client)
        finally:
            await client.close()


@asynccontextmanager
async def by_mas(folder: Path, deadline: float = 2.0) -> AsyncIterator[Kept]:
    """Accounts that MAS keeps. Nothing is tried again after so many seconds."""
    async with FakeHomeserver() as fake, FakeMas(homeserver=fake.url) as mas:
        fake.mas = mas.records
        client = MatrixClient(
            fake.homeserver_settings(deadline=deadline),
            fake.appservice_settings(),
            Anybody(),
            mas=mas.settings(folder),
        )
        try:
            yield Kept(fake, client, mas)
        finally:
            await client.close()
            assert mas.wrong == []
