"""The firm in slices: together they are everything, and none of them grows with the firm."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from bridge.firm.conversation import Conversation, ConversationKind, direct_id
from bridge.firm.model import Matter
from bridge.reconcile.rooms.observe import in_parallel
from bridge.reconcile.work.desired_now import DesiredNow
from bridge.reconcile.work.run import OF_NOBODY
from bridge.store.engine.store import Store
from bridge.store.rooms.conversations import NewConversation, add_conversations
from bridge.store.rooms.world import slices
from tests.cast import make_firm
from tests.component.firm_on_fake import firm_on_fake
from tests.fakes.homeserver import FakeHomeserver

MATTERS = tuple(Matter(f"m{number}", f"2026-{number:04}", "Estate", responsible="a") for number in range(7))
GONE = Conversation("matter-gone", ConversationKind.MATTER, "General", matter_id="gone", participants=frozenset({"a"}))
DIRECT = Conversation(direct_id({"a", "b"}), ConversationKind.DIRECT, participants=frozenset({"a", "b"}))


@pytest.mark.parametrize("stored", [False, True])
async def test_slices_are_together_what_a_look_at_everything_finds(
    store: Store, fake: FakeHomeserver, monkeypatch: pytest.MonkeyPatch, stored: bool
) -> None:
    monkeypatch.setattr("bridge.store.rooms.world.SLICE", 2)
    async with firm_on_fake(fake, store, make_firm(matters=MATTERS), synced=stored) as firm:
        await store.run(add_conversations, [NewConversation(GONE), NewConversation(DIRECT)])
        whole = await firm.reconciler.planner.desired()
        now = DesiredNow(store, firm.settings, lambda: firm.firm, firm.desk.today, firm.reconciler.accounts)
        parts = [await now.extent(extent) for extent in await slices(store, firm.firm)]
        shapes = [parts[0].shapes, *({k: v for k, v in one.shapes.items() if k not in OF_NOBODY} for one in parts[1:])]
        assert {key: shape for some in shapes for key, shape in some.items()} == whole.shapes
        assert max(Counter(key for some in shapes for key in some).values()) == 1
        assert len(parts) > len(MATTERS) // 2
        for part in parts:
            new = {one.conversation.id for one in part.new_conversations}
            assert new <= {one.conversation.id for one in whole.new_conversations}


async def test_many_items_make_no_more_tasks_than_may_be_at_work() -> None:
    seen: list[int] = []

    async def work(item: int) -> int:
        await asyncio.sleep(0)
        seen.append(len(asyncio.all_tasks()))
        return item * 2

    assert await in_parallel(range(1000), work, 3) == [item * 2 for item in range(1000)]
    assert max(seen) <= 4


async def test_the_first_failure_ends_the_others() -> None:
    begun: list[int] = []

    async def work(item: int) -> None:
        begun.append(item)
        await asyncio.sleep(0)
        if item == 1:
            raise KeyError(item)

    with pytest.raises(KeyError):
        await in_parallel(range(1000), work, 2)
    assert len(begun) < 10
