"""Changes and a webhook in a process of its own, which crash tests let die.

It makes two channels and renames them, each once whatever happens, and ends when all is told.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import date
from types import SimpleNamespace
from typing import cast

from prometheus_client import CollectorRegistry

from bridge.desk import Desk
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.model import Firm
from bridge.firm.webhooks import EventType
from bridge.metrics import Metrics
from bridge.settings import Settings
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import WebhookDelivery
from bridge.store.people.webhooks import Hook, add_webhook, webhooks
from bridge.store.rooms.channels import rename
from bridge.store.rooms.conversations import NewConversation, add_conversations, conversation_by_id
from bridge.webhooks.delivering import Deliverer
from tests.component.webhooks.receiver import LOOPBACK, soon

CHANNELS = ("one", "two")
NAMES = ("A", "B", "C")


def hook(url: str) -> Hook:
    """The webhook, of the firm itself."""
    return Hook("hook-1", "", None, url, tuple(EventType), False, "salt", "root", 1)


def settings() -> Settings:
    return Settings(security={"alias_key": "k" * 40}, webhooks=LOOPBACK)


def _changes(unit: Unit, channel: str, name: str) -> None:
    found = conversation_by_id(unit, channel)
    if found is None:
        made = Conversation(channel, ConversationKind.CHANNEL, name)
        add_conversations(unit, [NewConversation(made, name_key=f"{channel} {name}")])
    elif found.title < name:
        rename(unit, channel, name, f"{channel} {name}", f"{channel}{name}", by="", cause=f"{channel}/{name}")


def _left(unit: ReadUnit) -> int:
    return unit.count(WebhookDelivery.select())


async def _main(database_url: str, url: str) -> None:
    store = Store(database_url)
    await store.open()
    if not await store.read(webhooks):
        await store.run(add_webhook, hook(url), "test")
    desk = SimpleNamespace(settings=settings(), store=store, firm=Firm, today=date.today)
    deliverer = Deliverer(cast("Desk", desk), Metrics(CollectorRegistry()), soon)
    deliverer.start()
    for name in NAMES:
        for channel in CHANNELS:
            await store.run(_changes, channel, name)
    while await store.read(_left):
        pass
    await deliverer.stop()
    await store.close()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2]))
