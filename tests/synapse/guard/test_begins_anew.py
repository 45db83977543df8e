"""A client that begins anew right after its owner was put out, on the device it had (M3).

Synapse keeps its answer to a first sync for two minutes. The client is not to give up on one that it must not have.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from nio import AsyncClient, SyncError, SyncResponse

from tests.synapse import harness
from tests.synapse.guard.test_guard import guarded_firm
from tests.synapse.running.test_crash import bot_chat
from tests.synapse.running.test_provisioning import membership_of, now
from tests.synapse.running.test_put_back import ADMINS, wall_cleo


async def test_M3_a_first_sync_waits_until_synapse_has_forgotten_its_earlier_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In the place of two minutes.
    monkeypatch.setitem(harness.TEST_INSTANCE, "caches", {"sync_response_cache_duration": "20s"})
    async with guarded_firm(tmp_path, ADMINS) as guarded:
        cleo, since = guarded.cleo, await now(guarded.cleo)
        await cleo.say(await bot_chat(cleo, guarded.firm), "!matter join 2026-0042")
        await cleo.wait_for_event(since, membership_of(cleo.user_id, "join", guarded.matter))
        client = AsyncClient(guarded.firm.url, cleo.user_id)
        client.access_token = cleo.token
        try:
            seen = await client.sync(timeout=0)
            assert isinstance(seen, SyncResponse)
            assert guarded.matter in seen.rooms.join
            await guarded.ann.say(guarded.matter, "Between us")
            earlier, _ = await wall_cleo(guarded)
            refused = await client.sync(timeout=0)
            assert isinstance(refused, SyncError)
            assert refused.status_code == "M_UNKNOWN_TOKEN"
            client.next_batch, client.loaded_sync_token = "", ""
            # Other than at a refusal, it waits as long as it is told and asks again.
            again = await client.sync(timeout=0)
            assert isinstance(again, SyncResponse), again
            assert again.rooms.join.keys().isdisjoint({earlier, guarded.matter})
            assert again.rooms.join
        finally:
            await client.close()
