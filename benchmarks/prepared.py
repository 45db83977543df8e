"""A database in which people are staff and rooms channels of all of them, as the first pass would have left them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.settings import Settings
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.rooms.accounts import add_accounts
from bridge.store.rooms.conversations import NewConversation, add_conversations
from bridge.store.rooms.made import record_room, write_intent


async def prepare(
    settings: Settings, staff: Sequence[Mapping[str, str]], localparts: Mapping[str, str], room_ids: Sequence[str]
) -> None:
    """Write the directory, with these records of `staff`, and the rows; `localparts` are by staff id.

    Doing it again changes nothing.
    """
    written = yaml.safe_dump({"staff": [dict(one) for one in staff]})
    Path(settings.directory.path).write_text(written)  # noqa: ASYNC240 - before serving
    store = Store(settings.database.url.get_secret_value())
    await store.open()

    def rows(unit: Unit) -> None:
        add_accounts(unit, dict(localparts))
        for number, room_id in enumerate(room_ids):
            title = f"Topic {number}"
            channel = Conversation(
                id=f"c{number}", kind=ConversationKind.CHANNEL, title=title, participants=frozenset(localparts)
            )
            add_conversations(unit, [NewConversation(channel, name_key=title.lower())])
            write_intent(unit, channel.id, f"alias-{number}")
            record_room(unit, channel.id, room_id)

    await store.run(rows)
    await store.close()
