"""A small firm on the fake homeserver, with the store, client, reconciler and router that the running bridge has."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import orjson

from bridge.clock import firm_today
from bridge.desk import Desk, Foreseen
from bridge.directory.following.status import DirectoryStatus
from bridge.directory.in_force import InForce
from bridge.directory.undoing import Undone
from bridge.firm.conversation import bot_chat_id, channel_id, channel_key, direct_id
from bridge.firm.model import Firm, Staff
from bridge.handlers.places import Places
from bridge.handlers.router import Router
from bridge.matrix.acting import FirmDecides
from bridge.matrix.at_work import AtWork
from bridge.matrix.client import MatrixClient
from bridge.reconcile.service import Reconciler, make_reconciler
from bridge.reconcile.tally import Result
from bridge.settings import MasSettings, Settings
from bridge.store.engine.store import Store
from tests.cast import make_firm
from tests.component.on_fake import handle, room_id_of, settings_for, taken_as_sent
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.room import Room

Json = dict[str, Any]


def channel(name: str) -> str:
    """The key of a channel's room."""
    return channel_id(channel_key(name))


def direct(*staff_ids: str) -> str:
    """The key of a direct conversation's room."""
    return direct_id(staff_ids)


@dataclass(frozen=True)
class Said:
    """A message that waits in the outbox."""

    room_id: str
    sender: str
    body: str
    content: Json


@dataclass
class FirmOnFake:
    """What tests work with. `firm` may be replaced, as the directory does."""

    fake: FakeHomeserver
    settings: Settings
    store: Store
    client: MatrixClient
    firm: Firm
    events: deque[Json] = field(default_factory=deque)
    """What happened on the homeserver and was not given to the router yet."""
    first_lines: list[Said] = field(default_factory=list)
    """What the bot said first in conversations that somebody started."""
    reactions: list[tuple[str, str, str]] = field(default_factory=list)
    """Room id, sender and the event reacted to, of the reactions that went through the outbox."""

    def __post_init__(self) -> None:
        self.in_force = InForce(self.store)
        self.reconciler = self.new_reconciler()
        self.places = Places(self.store, self.fake.server_name)
        self.desk = Desk(
            self.settings,
            self.store,
            self.client,
            self.reconciler,
            self._firm,
            self._confirm,
            self._status,
            self._undo,
            self._foresee,
        )
        self.at_work = AtWork(self.client, moment=3600)
        """Shows nothing, however slow the machine is."""
        self.router = Router(self.desk, self.places, self.at_work)

    def new_reconciler(self) -> Reconciler:
        """A reconciler as after a restart."""
        return make_reconciler(self.store, self.client, self.settings, self._firm)

    def _firm(self) -> Firm:
        return self.in_force.now(self.firm)

    async def _confirm(self, staff_id: str, fingerprint: str, cause: str) -> str:
        return f"by-{staff_id}"

    async def _status(self, staff_id: str) -> DirectoryStatus:
        return DirectoryStatus(len(self.firm.active_staff), 0, whole=False, problems=(), held=None)

    async def _undo(self, staff_id: str, fingerprint: str, cause: str) -> Undone:
        return Undone(f"by-{staff_id}", (), 0, frozenset())

    async def _foresee(self, staff_id: str) -> Foreseen | None:
        return None

    # What is
    def user(self, person: Staff) -> str:
        """A person's user id."""
        return f"@{person.first_name.lower()}:{self.fake.server_name}"

    def users(self, *people: Staff) -> set[str]:
        """Several people's user ids."""
        return {self.user(person) for person in people}

    async def room(self, key: str) -> Room:
        """The room of a key."""
        return self.fake.rooms[await room_id_of(self.store, key)]

    async def chat(self, person: Staff) -> str:
        """The room id of a person's chat with the bot."""
        return await room_id_of(self.store, bot_chat_id(person.id))

    async def people(self, key: str) -> set[str]:
        """Who is in the room of a key, without the bot."""
        return set((await self.room(key)).joined) - {self.fake.bot_id}

    def live_rooms(self) -> list[str]:
        """Rooms that anybody is in."""
        return [room.room_id for room in self.fake.rooms.values() if room.joined]

    # What happens
    async def sync(self) -> Result:
        """A whole pass that must succeed in everything."""
        outcome = await self.reconciler.passes.sync()
        assert outcome.failed == ()
        return outcome

    async def settled(self) -> None:
        """Assert that a whole pass would change nothing, and that one changes nothing."""
        self.fake.requests.clear()
        assert [step.describe() for step in (await self.reconciler.planner.plan()).steps] == []
        assert await self.new_reconciler().passes.sync() == Result()
        assert self.fake.changes() == []

    async def handle(self, event: Json) -> None:
        """Give one event to the router and store what it caused."""
        await handle(self.router, self.store, event)

    async def hear(self) -> None:
        """Give everything that happened to the router, in order, also what that causes."""
        while self.events:
            await self.handle(self.events.popleft())

    async def said(self) -> list[Said]:
        """The messages that wait in the outbox, which is then taken as sent; what is no answer goes to `reactions` and
        `first_lines`."""
        said: list[Said] = []
        for row in await taken_as_sent(self.store):
            content = orjson.loads(row.content)
            if row.event_type == "m.reaction":
                self.reactions.append((row.room_id, row.sender, content["m.relates_to"]["event_id"]))
            else:
                # Whatever is sent says whom it mentions, which is nobody but in a first line.
                first_line = content["m.mentions"] != {}
                (self.first_lines if first_line else said).append(
                    Said(row.room_id, row.sender, content["body"], content)
                )
        return said

    async def say(self, person: Staff, text: str, room_id: str = "", **content: Any) -> list[Said]:
        """Let somebody write, in the chat with the bot unless a room is given; what the bridge says to it."""
        self.fake.message(room_id or await self.chat(person), self.user(person), text, **content)
        await self.hear()
        return await self.said()

    async def ask(self, person: Staff, text: str, room_id: str = "", **content: Any) -> str:
        """The same for what has one answer: its text."""
        (answer,) = await self.say(person, text, room_id, **content)
        assert answer.sender == self.fake.bot_id
        return answer.body

    async def ask_to_add(self, person: Staff, text: str, room_id: str = "", **content: Any) -> str:
        """The same where those who are added may be told so, each in their own chat."""
        said = await self.say(person, text, room_id, **content)
        (answer,) = [one for one in said if one.room_id in {room_id, await self.chat(person)}]
        told = [one for one in said if one is not answer]
        assert all(one.body.startswith(f"{person.name} added you to ") for one in told)
        return answer.body


@asynccontextmanager
async def firm_on_fake(
    fake: FakeHomeserver,
    store: Store,
    firm: Firm | None = None,
    *,
    synced: bool = True,
    mas: MasSettings | None = None,
    deadline: float | None = None,
    **homeserver: Any,
) -> AsyncIterator[FirmOnFake]:
    """The firm on an empty homeserver; `synced` makes its rooms. `homeserver` are settings of the connection.

    `deadline` is for what comes after, so that a slow machine makes the rooms none the less.

    The bridge and the homeserver have one clock, on which no two things happen at once.
    """
    clock = itertools.count(time.time_ns() // 1_000_000)
    settings = settings_for(fake, **homeserver)
    decides = FirmDecides(store, fake.server_name, lambda: on.firm, lambda: firm_today(settings.firm))
    client = MatrixClient(settings.homeserver, settings.appservice, decides, mas=mas)
    on = FirmOnFake(fake, settings, store, client, make_firm() if firm is None else firm)
    fake.listeners.insert(0, lambda event: event.update(origin_server_ts=next(clock)))
    fake.listeners.append(on.events.append)
    # As the bridge does before all else.
    fake.accounts[fake.bot_id].profile["displayname"] = settings.appservice.bot_name
    try:
        with ExitStack() as stack:
            for name in (
                "rooms.conversations.now_ms",
                "rooms.participants.homeserver_ms",
                "rooms.channels.now_ms",
                "people.walls.now_ms",
            ):
                stack.enter_context(patch(f"bridge.store.{name}", lambda: next(clock)))
            if synced:
                await on.sync()
                await on.hear()
                # The welcomes.
                await on.said()
                await on.places.refresh()
                fake.requests.clear()
            if deadline is not None:
                client.connection.deadline = deadline
            yield on
    finally:
        await client.close()
