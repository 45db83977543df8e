"""What staff do meanwhile, and what must be true of it in the end."""

from __future__ import annotations

import asyncio
import itertools
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bridge.firm.conversation import bot_chat_id
from bridge.store.engine.store import Store, StoreError
from bridge.store.rooms.made import room_of
from tests.component.firm_on_fake import channel
from tests.component.running_bridge import BEN_ID, TALK
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.room import Denied

Json = dict[str, Any]
ANN_ID = "@ann:localhost"
ROOMS = 6
COMMANDS = 10
"""Every so many messages one is a command."""
UNANSWERED = 3 * ROOMS
"""So many commands may wait for their answers: what is measured is how long nobody answers, and not a machine that
takes less than is typed."""


@dataclass
class Load:
    """Messages in some rooms, every tenth a command; and Ben, who is walled off from a matter and let in again."""

    fake: FakeHomeserver
    database_url: str
    rooms: list[str]
    talks: list[str]
    """The rooms of the matter's conversation, which is made anew at each wall; the last is the one of now."""
    asked: dict[str, tuple[str, float]] = field(default_factory=dict)
    """The room of each command and when it was typed, by its text."""
    answered: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    shut: bool = False
    """Whether Ben was shut out, and must stay out."""
    forbidden: list[Json] = field(default_factory=list)
    turns: int = 0
    """How often Ben was let in and shut out again."""

    def hear(self, event: Json) -> None:
        """Take note of what happens on the homeserver."""
        if event["type"] == "m.room.message" and event["sender"] == self.fake.bot_id:
            said = str(event["content"].get("body", ""))
            if said.startswith("pong "):
                told = self.answered.setdefault(said.removeprefix("pong "), [])
                told.append((event["room_id"], time.monotonic()))
        is_bens = event["type"] == "m.room.member" and event["state_key"] == BEN_ID
        # He is in every other room of his all the time.
        if is_bens and self.shut and event["content"]["membership"] in {"join", "invite"}:
            self.forbidden.append(event)

    async def ben_is_in(self) -> bool:
        """Whether Ben is in a room in which the matter was ever talked of."""
        talk = await found_room(self.database_url, TALK)
        if talk is not None and talk not in self.talks:
            self.talks.append(talk)
        return any(BEN_ID in self.fake.rooms[room_id].joined for room_id in self.talks)

    async def ask_for_ben(self) -> None:
        """Have Ann ask for Ben to be let in, where she may write at this moment."""
        with suppress(Denied):
            self.fake.message(self.talks[-1], ANN_ID, "!add Ben")
        await asyncio.sleep(0.3)

    async def type(self, stop: asyncio.Event, pause: float) -> None:
        """Write messages, as fast as the pause and the answers let, until `stop` is set."""
        for number in itertools.count():
            while len(self.asked) - len(self.answered) >= UNANSWERED and not stop.is_set():  # noqa: ASYNC110 - as below
                await asyncio.sleep(pause)
            room = self.rooms[number % len(self.rooms)]
            if number // len(self.rooms) % COMMANDS == COMMANDS - 1:
                self.asked[f"n{number}"] = room, time.monotonic()
                self.fake.message(room, ANN_ID, f"!ping n{number}")
            else:
                self.fake.message(room, ANN_ID, f"The deed, and clause {number}.")
            if stop.is_set():
                return
            await asyncio.sleep(pause)

    async def all_answered(self) -> None:
        """Wait until every command was answered."""
        while len(self.answered) < len(self.asked):  # noqa: ASYNC110 - the homeserver tells by a callback
            await asyncio.sleep(0.05)

    def lost(self) -> list[str]:
        """Commands that nobody answered."""
        return [text for text in self.asked if text not in self.answered]

    def doubled(self) -> list[str]:
        """Commands that were answered more than once."""
        return [text for text, told in self.answered.items() if len(told) > 1]

    def out_of_order(self) -> list[str]:
        """Answers that came after one to a later command in their room."""
        last: dict[str, int] = {}
        found = []
        for text, told in self.answered.items():
            room, number = told[0][0], int(text[1:])
            if number < last.get(room, -1):
                found.append(text)
            last[room] = number
        return found

    def waits(self) -> list[tuple[float, float]]:
        """Seconds until each answer, the longest first, and when it was given."""
        return sorted(((told[0][1] - self.asked[text][1], told[0][1]) for text, told in self.answered.items()))[::-1]


async def rooms_for_load(fake: FakeHomeserver, database_url: str) -> Load:
    """Let Ann make the channels, once the bridge answers her."""
    async with asyncio.timeout(60):
        chat = await room_for(fake, database_url, bot_chat_id("a"))
        for number in range(ROOMS):
            fake.message(chat, ANN_ID, f"!channel create Topic {number}")
        rooms = [await room_for(fake, database_url, channel(f"Topic {number}")) for number in range(ROOMS)]
        load = Load(fake, database_url, rooms, [await _room(database_url, TALK)])
    fake.listeners.append(load.hear)
    return load


async def room_for(fake: FakeHomeserver, database_url: str, key: str) -> str:
    """The room of a key, waited for until Ann is in it."""
    found = await _room(database_url, key)
    while ANN_ID not in fake.rooms[found].joined:  # noqa: ASYNC110 - the homeserver tells by a callback
        await asyncio.sleep(0.05)
    return found


async def _room(database_url: str, key: str) -> str:
    """The room of a key, waited for."""
    while (found := await found_room(database_url, key)) is None:  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.1)
    return found


async def found_room(database_url: str, key: str) -> str | None:
    """The room of a key; None where it cannot be asked for at this moment."""
    store = Store(database_url, reading=True)
    try:
        await store.open()
        return await store.read(room_of, key)
    except StoreError:
        return None
    finally:
        await store.close()
