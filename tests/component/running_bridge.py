"""The running bridge on the fake homeserver, from start to stop, with a directory file that tests write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pydantic import SecretStr

from bridge.app import Bridge
from bridge.firm.conversation import bot_chat_id, first_matter_conversation_id
from bridge.reconcile.watermark import DATA_TYPE as WATERMARK
from bridge.service import FirmService, open_firm
from bridge.settings import DatabaseSettings, DirectorySettings, Settings
from bridge.store.queues.inbox import waiting
from bridge.store.queues.outbox import pending
from tests.cast import ANN, BEN, CLEO, entry
from tests.component.on_fake import room_id_of, settings_for, write
from tests.component.wire.traffic import GIVE_UP_SECONDS, until
from tests.fakes.homeserver import FakeHomeserver, Recorded
from tests.ports import free_port

STAFF = [entry(person) for person in (ANN, BEN, CLEO)]
ESTATE = {"id": "m1", "number": "2026-0042", "title": "Estate", "responsible": "a", "assisting": ["b"]}
WALL = {"id": "w1", "matter": "2026-0042", "people": ["b"], "memo": "A cousin.", "set_by": "a"}
FIRM: dict[str, Any] = {"staff": STAFF, "matters": [ESTATE]}
TALK = first_matter_conversation_id("m1")
BEN_ID = "@ben:localhost"


def settings_in(folder: Path, database_url: str, fake: FakeHomeserver, **homeserver: Any) -> Settings:
    """Settings for the firm, whose directory is written to the folder. `homeserver` are settings of the connection."""
    port = free_port()
    fake.bridge_url = f"http://127.0.0.1:{port}"
    write(folder / "directory.yaml", FIRM)
    sections = {
        "directory": DirectorySettings(path=str(folder / "directory.yaml"), removal_limit=100),
        "database": DatabaseSettings(url=SecretStr(database_url)),
    }
    appservice = {"listen_port": port, "url": fake.bridge_url}
    return settings_for(fake, appservice, sections, **homeserver)


class Running:
    """A bridge at work."""

    def __init__(self, bridge: Bridge, service: FirmService, fake: FakeHomeserver, settings: Settings) -> None:
        self.bridge = bridge
        self.service = service
        self.fake = fake
        self.directory = Path(settings.directory.path)

    async def well(self) -> None:
        """Wait until nothing is wrong."""
        await until(lambda: not any(self.bridge.health().values()))

    async def quiet(self) -> None:
        """Wait until all is well, and everything that was heard is handled and everything to be said is said."""
        await self.well()
        store = self.service.store
        async with asyncio.timeout(GIVE_UP_SECONDS):
            await self.fake.delivered()
            while await store.read(lambda unit: bool(waiting(unit) or pending(unit, 0, 1))):
                await asyncio.sleep(0.01)
                await self.fake.delivered()

    def changed(self) -> list[Recorded]:
        """What changed on the homeserver, without the mark that a bridge at work moves on by itself."""
        return [one for one in self.fake.changes() if not one.path.endswith(f"/account_data/{WATERMARK}")]

    async def says(self, check: str, words: str) -> None:
        """Wait until something is said to be wrong."""
        await until(lambda: words in self.bridge.health()[check])

    def metric(self, name: str) -> float | None:
        """A metric as it is now."""
        return self.service.metrics.registry.get_sample_value(name)

    async def room(self, key: str) -> str:
        """The room of a key."""
        return await room_id_of(self.service.store, key)

    async def answer(self, staff_id: str, text: str) -> str:
        """What the bot answers to somebody in their chat."""
        chat = await self.room(bot_chat_id(staff_id))
        name = self.service.firm.staff[staff_id].first_name.lower()
        asked = self.fake.message(chat, f"@{name}:localhost", text)

        def answers() -> list[str]:
            messages = self.fake.events(chat, "m.room.message")
            # A welcome on the way answers nothing.
            return [
                event["content"]["body"]
                for event in messages[messages.index(asked) :]
                if event["sender"] == self.fake.bot_id and "m.relates_to" in event["content"]
            ]

        await until(answers)
        return answers()[0]


@asynccontextmanager
async def running(settings: Settings, fake: FakeHomeserver) -> AsyncIterator[Running]:
    """The bridge, until the end of the block; it must then stop by itself."""
    async with open_firm(settings) as firm:
        bridge = Bridge(firm)
        stop = asyncio.Event()
        with patch("bridge.jobs.WATCH_SECONDS", 0.02):
            task = asyncio.create_task(bridge.run(stop))
            try:
                yield Running(bridge, firm, fake, settings)
            finally:
                stop.set()
                async with asyncio.timeout(10):
                    await task
