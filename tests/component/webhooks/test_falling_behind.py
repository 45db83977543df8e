"""A webhook for which too much waits: no row too many, nothing lost in silence, and it goes on by itself (A3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.firm.conversation import ADMINS_ID
from bridge.firm.webhooks import EventType
from bridge.operations.webhooks.subscribing import HookSeen, webhooks
from bridge.settings import FirmSettings
from bridge.store.models import Webhook, WebhookDelivery
from bridge.store.queues import falling_behind
from bridge.store.rooms.made import room_of
from tests.component.small_firm import SmallFirm, channel, small_firm
from tests.component.webhooks.receiver import LOOPBACK, delivering, receiver


@pytest.fixture
async def firm(tmp_path: Path, database_url: str) -> AsyncIterator[SmallFirm]:
    async with small_firm(tmp_path, database_url) as made:
        await made.restart(webhooks=LOOPBACK, firm=FirmSettings(name="Firm", admin_roles=("Associate",)))
        assert not (await made.service.sync()).failed
        made.all_done()
        yield made


async def the_hook(firm: SmallFirm) -> HookSeen:
    (found,) = await webhooks(firm.service.store)
    return found


@pytest.mark.parametrize("at_once", [1, 2])
async def test_A3_beyond_its_bound_a_webhook_goes_on_from_the_record_and_says_what_it_misses(
    firm: SmallFirm, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(falling_behind, "MOST", 4)
    monkeypatch.setattr(falling_behind, "AT_ONCE", at_once)
    room = await channel(firm)
    kinds = [EventType.CONVERSATION_RENAMED, EventType.MESSAGE_SENT]
    async with receiver(firm, kinds, "tom") as system:
        system.answers = lambda told: 503
        async with delivering(firm) as deliverer:
            for title in ("A", "B", "C", "D"):
                await firm.ask("ruth", f"!rename {title}", room)
            await fallen(firm)
            for title in ("E", "F"):
                await firm.ask("ruth", f"!rename {title}", room)
            firm.fake.message(room, firm.user("ruth"), "Nobody is told of this")
            await firm.settle()
            assert (await the_hook(firm)).backlog.waiting == 4
            assert "nothing more is noted" in deliverer.trouble
            system.answers = lambda told: 204
            async with asyncio.timeout(20):
                while system.types.count("conversation.renamed") < 6:
                    await system.until(len(system.told) + 1)
            async with asyncio.timeout(20):
                while (missed := (await the_hook(firm)).hook.missed) is None or missed[1] is None:
                    continue
            await firm.ask("ruth", "!rename G", room)
            async with asyncio.timeout(20):
                while system.types.count("conversation.renamed") < 7:
                    await system.until(len(system.told) + 1)
    assert system.types.count("conversation.renamed") == 7
    assert missed[0] <= missed[1]
    admins = await firm.service.store.read(room_of, ADMINS_ID)
    chats = [where for where, _, said in firm.said if said.startswith("So much waits to be told to the system at 127.")]
    assert set(chats) == {admins, await firm.chat("tom")}
    assert await firm.service.store.read(lambda unit: unit.all(WebhookDelivery.select())) == []


async def fallen(firm: SmallFirm) -> None:
    """Wait until nothing more is queued."""
    async with asyncio.timeout(20):
        while not await firm.service.store.read(falling_behind.fallen_behind):
            continue


async def test_A3_a_webhook_that_has_ended_goes_on_with_nothing(firm: SmallFirm) -> None:
    async with receiver(firm, EventType, "tom") as system:
        store = firm.service.store
        assert await store.run(falling_behind.fall_behind, system.id, 1)
        assert not await store.run(falling_behind.fall_behind, system.id, 2)
        await firm.ask("ruth", "!staff leave @tom")
        assert await store.read(falling_behind.fallen_behind) == []
        assert not await store.run(falling_behind.go_on, system.id, 3)
        row = await store.read(lambda unit: unit.get(Webhook, Webhook.id == system.id))
        assert (row.missed_since, row.missed_until) == (1, None)
