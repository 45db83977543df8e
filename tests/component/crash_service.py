"""Inbox and outbox in a process of its own, which the crash tests let die: python -m tests.component.crash_service.

It takes three events in, answers each, writes what it sends as lines to a file, and ends when all is sent and marked.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import cast

from prometheus_client import CollectorRegistry

from bridge.handlers.inbox import Inbox
from bridge.matrix.outbox import Outbox
from bridge.matrix.port import Homeserver
from bridge.metrics import Metrics
from bridge.store.models import InboxEvent, OutboxMessage
from bridge.store.store import Store
from tests.component.traffic import Json, event, reply, settings


class WritesLines:
    """A homeserver whose memory outlives the crash."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def send(self, room_id: str, sender: str, event_type: str, content: Json, txn_id: str) -> str:
        with self._path.open("a") as file:
            file.write(f"{txn_id}\t{content['body']}\n")
        return "$sent"


def _left() -> int:
    return (
        InboxEvent.select().where(InboxEvent.status != "handled").count()
        + OutboxMessage.select().where(OutboxMessage.status != "sent").count()
    )


async def _main(database_url: str, sent: Path) -> None:
    store = Store(database_url)
    await store.open()
    metrics = Metrics(CollectorRegistry())
    outbox = Outbox(store, cast("Homeserver", WritesLines(sent)), settings(), metrics)
    inbox = Inbox(store, reply, settings().inbox, metrics)
    await inbox.start()
    await outbox.start()
    # The homeserver sends them again after the restart, since the crash may have come before its answer.
    await inbox.accept([event(f"${number}") for number in range(3)])
    while await store.run(_left):
        pass
    await inbox.stop()
    await outbox.stop()
    await store.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], Path(sys.argv[2])))
