"""What the tests of inbox and outbox share: events, a homeserver that takes messages, and waiting for what comes."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, cast

from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from bridge.handlers.at_once import FromMemory
from bridge.handlers.inbox import Effect, Handle, Inbox, Say
from bridge.matrix.outbox import Outbox
from bridge.matrix.port import Homeserver
from bridge.metrics import Metrics
from bridge.own_before import OwnBefore
from bridge.settings import AppserviceSettings, SecuritySettings, Settings
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.queues.limits import QueueLimits
from bridge.store.queues.outbox import enqueue

Json = dict[str, Any]
BOT = "@bot:localhost"
TOKEN = "hs-token-of-the-tests"
GIVE_UP_SECONDS = 60


def settings() -> Settings:
    """Settings with tokens of the tests."""
    return Settings(
        appservice=AppserviceSettings(as_token=SecretStr("as-token-of-the-tests"), hs_token=SecretStr(TOKEN)),
        security=SecuritySettings(alias_key=SecretStr("alias-key-of-the-tests")),
    )


def event(event_id: str, room_id: str = "!a:localhost", body: str = "!ping", age_days: float = 0) -> Json:
    """A message as the homeserver pushes it."""
    return {
        "event_id": event_id,
        "room_id": room_id,
        "type": "m.room.message",
        "sender": "@robin:localhost",
        "origin_server_ts": int((time.time() - age_days * 86_400) * 1000),
        "content": {"msgtype": "m.text", "body": body},
    }


def reply_to(given: Json) -> Effect:
    """An effect that queues a reply."""

    def effect(unit: Unit) -> None:
        content = {"msgtype": "m.notice", "body": f"to {given['event_id']}"}
        enqueue(unit, f"{given['event_id']}/reply", given["room_id"], BOT, "m.room.message", content)

    return effect


async def reply(given: Json) -> Effect:
    """A handler that replies to everything."""
    return reply_to(given)


class Takes:
    """A homeserver that takes messages, and like Synapse knows a repeated one by room and txn_id."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        """Room and body of every request, in order."""
        self.rooms: dict[str, list[str]] = defaultdict(list)
        """The bodies of the events that came of them, by room."""
        self.fail: Callable[[str], Exception | None] = lambda body: None
        """What to answer to a message with that body."""
        self.under_way = self.most_under_way = 0
        self._known: set[tuple[str, str]] = set()

    async def send(self, room_id: str, sender: str, event_type: str, content: Json, txn_id: str) -> str:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        body = str(content["body"])
        self.requests.append((room_id, body))
        if (error := self.fail(body)) is not None:
            raise error
        if (room_id, txn_id) not in self._known:
            self._known.add((room_id, txn_id))
            self.rooms[room_id].append(body)
        return f"$event{len(self._known)}"


def at_once(attempt: int) -> float:
    """A pause that does not hold up a test."""
    return 0.0


def make_inbox(
    store: Store,
    handle: Handle,
    pause: Callable[[int], float] = at_once,
    *,
    quick: Callable[[Json], FromMemory | None] = lambda event: None,
    say: Say | None = None,
    own_before: OwnBefore | None = None,
    **limits: int,
) -> Inbox:
    """An inbox with given limits. `quick` answers at once, with `say`."""
    metrics = Metrics(CollectorRegistry())
    return Inbox(
        store,
        handle,
        metrics,
        pause,
        limits=QueueLimits(**limits),
        at_once=quick,
        say=say,
        own_before=own_before,
    )


def make_outbox(store: Store, homeserver: Takes, pause: Callable[[int], float] = at_once, **limits: int) -> Outbox:
    """An outbox with given limits."""
    taker = cast("Homeserver", homeserver)
    return Outbox(store, taker, settings(), Metrics(CollectorRegistry()), pause, QueueLimits(**limits))


async def until(condition: Callable[[], object]) -> None:
    """Let everything else run until something is so; a test that waits in vain fails."""
    async with asyncio.timeout(GIVE_UP_SECONDS):
        while not condition():  # noqa: ASYNC110 - conditions of all kinds
            await asyncio.sleep(0.001)
