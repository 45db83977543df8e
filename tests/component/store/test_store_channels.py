"""The newest messages of channels, on either database."""

from __future__ import annotations

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.rooms.channels import note_messages, recent
from bridge.store.rooms.conversations import NewConversation, add_conversations


async def test_C3_only_a_newer_message_changes_what_is_noted(store: Store) -> None:
    def prepare(unit: Unit) -> None:
        for name in ("one", "two", "three"):
            channel = Conversation(id=name, kind=ConversationKind.CHANNEL, title=name, participants=frozenset())
            add_conversations(unit, [NewConversation(channel, name_key=name)])

    def noted(unit: ReadUnit) -> list[tuple[str, int | None]]:
        return [(found.id, found.last_message_at) for found in recent(unit, 10)]

    await store.run(prepare)
    await store.run(note_messages, {"one": 2**40, "two": 2**40 + 5})
    assert await store.run(noted) == [("two", 2**40 + 5), ("one", 2**40)]
    await store.run(note_messages, {"two": 7, "one": 2**40 + 9, "nowhere": 9})
    assert await store.run(noted) == [("one", 2**40 + 9), ("two", 2**40 + 5)]


async def test_C3_as_many_channels_as_there_are_can_have_news(store: Store) -> None:
    await store.run(note_messages, {f"channel {number}": number for number in range(1500)})
    assert await store.run(recent, 10) == []
