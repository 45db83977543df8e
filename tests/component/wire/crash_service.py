"""Inbox and outbox in a process of its own, which crash tests let die: python -m tests.component.wire.crash_service.

It takes three events in, answers each, writes what it sends as lines to a file, and ends when all is sent and marked.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import cast

from prometheus_client import CollectorRegistry

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.handlers.at_once import FromMemory
from bridge.handlers.inbox import Inbox
from bridge.matrix.outbox import Outbox
from bridge.matrix.port import Homeserver
from bridge.metrics import Metrics
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import InboxEvent, OutboxMessage
from bridge.store.queues.outbox import Said
from bridge.store.rooms.accounts import add_accounts
from bridge.store.rooms.conversations import NewConversation, add_conversations, are_in
from tests.component.wire.traffic import BOT, Json, event, reply, settings, until


class WritesLines:
    """A homeserver whose memory outlives the crash."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def send(self, room_id: str, sender: str, event_type: str, content: Json, txn_id: str) -> str:
        with self._path.open("a") as file:
            file.write(f"{txn_id}\t{content['body']}\n")
        return "$sent"


def _left(unit: ReadUnit) -> int:
    return unit.count(InboxEvent.select().where(InboxEvent.status != "handled")) + unit.count(
        OutboxMessage.select().where(OutboxMessage.status != "sent")
    )


def _someone_asks(unit: Unit) -> None:
    if not are_in(unit, [("talk", "robin")]):
        add_accounts(unit, {"robin": "robin"})
        talk = Conversation("talk", ConversationKind.CHANNEL, "Talk", participants=frozenset({"robin"}))
        add_conversations(unit, [NewConversation(talk)])


def _at_once(given: Json) -> FromMemory:
    """The same answer as in its turn; the first of the three is given so, since the others come behind it."""
    content = {"msgtype": "m.notice", "body": f"to {given['event_id']}"}
    said = Said(f"{given['event_id']}/reply", given["room_id"], BOT, "m.room.message", content)
    return FromMemory("talk", "robin", lambda: said)


async def _main(database_url: str, sent: Path) -> None:
    store = Store(database_url)
    await store.open()
    metrics = Metrics(CollectorRegistry())
    outbox = Outbox(store, cast("Homeserver", WritesLines(sent)), settings(), metrics)
    await store.run(_someone_asks)
    inbox = Inbox(store, reply, metrics, at_once=_at_once, say=outbox.say)
    await outbox.start()
    await until(lambda: outbox.caught_up)
    await inbox.start()
    # The homeserver sends them again after the restart, since the crash may have come before its answer.
    await inbox.accept([event(f"${number}") for number in range(3)])
    while await store.run(_left):
        pass
    await inbox.stop()
    await outbox.stop()
    await store.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], Path(sys.argv[2])))
