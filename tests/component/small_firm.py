"""A small firm on the fake homeserver whose staff type commands and use their clients, one event after the other.

    async with small_firm(tmp_path) as firm:
        said = await firm.ask("ruth", "!channel create Court Filings @tom")
        room = firm.room("Court Filings")

Nothing runs by itself: `settle` hands every new event to the bridge's router, as the inbox would.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from pydantic import SecretStr

from bridge.app import Bridge
from bridge.desk import Desk
from bridge.firm.conversation import bot_chat_id
from bridge.mapping.event import event_of
from bridge.service import open_firm
from bridge.settings import AccountSettings, DatabaseSettings, DirectorySettings, FirmSettings, Settings
from bridge.upkeep.stages import Stage, Stages, Standing, State
from tests.cast import SMALL_FIRM, entry
from tests.component.on_fake import handle, room_id_of, settings_for, taken_as_sent, write
from tests.fakes.homeserver import FakeHomeserver

Json = dict[str, Any]
DIRECTORY: Json = {
    "staff": [entry(person) for person in SMALL_FIRM],
    "matters": [{"id": "m1", "number": "2026-0042", "title": "Estate", "status": "open", "responsible": "ruth"}],
    "walls": [{"id": "w1", "matter": "2026-0042", "people": ["walt"], "memo": "A cousin.", "set_by": "ruth"}],
}


class SmallFirm:
    """The firm, its bridge and its homeserver."""

    def __init__(self, fake: FakeHomeserver) -> None:
        self.fake = fake
        self._service = AsyncExitStack()
        self.new: list[Json] = []
        self.said: list[tuple[str, str, str]] = []
        """What went through the outbox: room id, sender and text."""
        fake.listeners.append(self.new.append)

    async def start(self, settings: Settings) -> None:
        """Let the bridge begin, again where it had begun, with everything in memory as after a start."""
        await self._service.aclose()
        self.service = await self._service.enter_async_context(open_firm(settings))
        self.bridge = Bridge(self.service)
        await self.bridge.places.refresh()

    async def restart(self, **sections: Any) -> None:
        """The same with other sections of the settings."""
        await self.start(self.service.settings.model_copy(update=sections))

    async def stop(self) -> None:
        await self._service.aclose()

    async def let_all_be_admins(self) -> None:
        """Everybody is a firm admin from now on, Walt behind his wall too."""
        await self.restart(firm=FirmSettings(name="Firm", admin_roles=("Associate",)))

    @property
    def desk(self) -> Desk:
        return self.bridge.jobs.desk

    def user(self, localpart: str) -> str:
        return f"@{localpart}:localhost"

    def room(self, name: str) -> str:
        """The room of that name that is no space."""
        return self._named(name, space=False)

    def space(self, name: str) -> str:
        """The space of that name."""
        return self._named(name, space=True)

    def _named(self, name: str, *, space: bool) -> str:
        (found,) = [
            room.room_id
            for room in self.fake.rooms.values()
            if room.state.get(("m.room.name", ""), {}).get("name") == name
            and (room.state["m.room.create", ""].get("type") == "m.space") is space
        ]
        return found

    def members(self, room_id: str) -> set[str]:
        """The localparts of those in the room, without the bot."""
        return {user_id[1:].partition(":")[0] for user_id in self.fake.rooms[room_id].joined} - {"bot"}

    async def chat(self, localpart: str) -> str:
        """Somebody's chat with the bot."""
        return await room_id_of(self.service.store, bot_chat_id(localpart))

    async def settle(self) -> None:
        """Let the bridge handle what happened, and what it caused, and send what it queued."""
        while self.new:
            events, self.new[:] = list(self.new), []
            news = await self.bridge.activity.news([event_of(event) for event in events])
            if news is not None:
                await self.service.store.run(news)
            for event in events:
                await self.handle(event)
            for message in await taken_as_sent(self.service.store):
                content = orjson.loads(message.content)
                self.fake.send(message.room_id, message.sender, message.event_type, content)
                if "body" in content:
                    assert "m.mentions" in content, "else clients look for the reader's name in it"
                    self.said.append((message.room_id, message.sender, content["body"]))

    async def handle(self, event: Json) -> None:
        """Handle one event as the inbox does."""
        await handle(self.bridge.router, self.service.store, event)

    async def ask(self, localpart: str, text: str, room_id: str = "") -> str:
        """Type a command, in the chat with the bot or a room, and return the bot's answer in the chat."""
        chat = await self.chat(localpart)
        before = len(self.said)
        self.fake.message(room_id or chat, self.user(localpart), text)
        await self.settle()
        return "\n".join(body for room, sender, body in self.said[before:] if room == chat and "bot" in sender)

    def all_done(self) -> None:
        """Have the bridge take its first steps for done, as in a firm where everything is as it should be."""
        self.bridge.upkeep.stages = Stages(dict.fromkeys(Stage, Standing(State.DONE)))

    async def nothing_to_do(self) -> bool:
        """Whether everything is as it should be."""
        return not (await self.service.reconciler.planner.plan()).steps


async def channel(firm: SmallFirm) -> str:
    """The room of a channel with Ruth, Tom and Inès."""
    await firm.ask("ruth", "!channel create Court Filings @tom @ines")
    return firm.room("Court Filings")


async def direct(firm: SmallFirm) -> str:
    """The room of Ruth's and Tom's direct conversation."""
    await firm.ask("ruth", "!dm @tom")
    (room,) = [r.room_id for r in firm.fake.rooms.values() if set(r.joined) == {firm.user("ruth"), firm.user("tom")}]
    return room


def write_directory(path: str, **changed: Any) -> None:
    """Write the firm's directory file, with other sections in the place of its own."""
    write(Path(path), {**DIRECTORY, **changed})


@asynccontextmanager
async def small_firm(folder: Path, database_url: str, **changed: Any) -> AsyncIterator[SmallFirm]:
    """The firm with its rooms made, and with other sections in the place of its directory's own."""
    directory = str(folder / "directory.yaml")
    write_directory(directory, **changed)
    async with FakeHomeserver() as fake:
        sections = {
            "firm": FirmSettings(name="Firm"),
            "accounts": AccountSettings(),
            "directory": DirectorySettings(path=directory),
            "database": DatabaseSettings(url=SecretStr(database_url)),
        }
        firm = SmallFirm(fake)
        await firm.start(settings_for(fake, sections=sections))
        try:
            assert not firm.service.directory.problems
            assert not (await firm.service.sync()).failed
            await firm.bridge.places.refresh()
            firm.new.clear()
            yield firm
        finally:
            await firm.stop()
