"""Every process of Synapse goes by what the bridge told, and none that cannot know it lets anybody in (R2)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from bridge.check.finding import Verdict
from bridge.check.guard import guard_findings
from bridge.check.http import asker
from bridge.guard.protocol import PROCESSES_BEHIND, sign_push
from tests.synapse.asked.test_channels import asking
from tests.synapse.guard.test_guard import GuardedFirm, push, status
from tests.synapse.guard.test_refusals import exported
from tests.synapse.guard.test_walls import DIRECTORY, NAMES
from tests.synapse.harness import Json
from tests.synapse.running.test_crash import bot_chat
from tests.synapse.workers.cluster import Cluster, cluster


@asynccontextmanager
async def small_firm(
    folder: Path, workers: Collection[str], clients: Collection[str]
) -> AsyncIterator[tuple[Cluster, GuardedFirm]]:
    """Four people in one matter, all of them firm admins; made."""
    (folder / "directory.yaml").write_text(json.dumps(DIRECTORY))
    # One of four may leave without anybody's confirmation.
    directory = {"path": str(folder / "directory.yaml"), "removal_limit": 100}
    own: dict[str, Json] = {"directory": directory, "accounts": {"avatars": False}}
    async with cluster(folder / "var", own, workers, clients) as firm:
        firm.start_bridge()
        await firm.bridge_ready()
        people = [await firm.login(name) for name in NAMES.values()]
        for person in people:
            path = f"/_synapse/admin/v1/users/{quote(person.user_id)}/override_ratelimit"
            (await firm.bot.request("POST", path, {"messages_per_second": 0, "burst_count": 0})).ok()
        yield firm, GuardedFirm(firm, *people)


async def standings(firm: Cluster) -> dict[str, Verdict]:
    """What `firm-bridge check` says of the guard in each worker."""
    async with asker(firm.settings.homeserver.url) as asking_it:
        return {one.name: one.state for one in (await guard_findings(asking_it, firm.settings))[1:]}


async def until(wanted: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what nobody tells."""
    while not await wanted():  # noqa: ASYNC110 - nobody tells it
        await asyncio.sleep(0.2)


@pytest.mark.timeout(300)
async def test_R2_a_worker_that_hangs_or_died_lets_nobody_in_and_loses_no_refusal(tmp_path: Path) -> None:
    async with small_firm(tmp_path, ["client1"], ["main"]) as (firm, on):
        assert await standings(firm) == {"guard in client1": Verdict.OK}
        ann, ben = await firm.through(on.ann, "client1"), await firm.through(on.ben, "client1")
        ask = asking(firm, on.ann, await bot_chat(on.ann, firm))
        room = on.matter
        invitation = {"user_id": firm.user_id("nobody")}
        assert (await ann.request("POST", f"rooms/{quote(room)}/invite", invitation)).status == 403

        firm.hold("client1")
        version = (await status(firm))["version"]
        told = json.dumps({"version": version + 1, "base": version, "put": {}, "drop": {}}).encode()
        answer = await push(firm, told, sign_push(firm.settings.guard.key.get_secret_value(), told))
        assert (answer.status, answer.code) == (409, PROCESSES_BEHIND)
        # What takes away does not wait for it.
        assert "taken out of 1 conversation" in await ask("!wall add 2026-0042 @ben A cousin.")
        assert (await on.memberships(room))[ben.user_id] == "leave"
        # What gives waits until it cannot decide by what it knew before, and no longer.
        await ask("!channel create Court")

        async def has_the_channel() -> bool:
            return "Court" in [await on.ann.room_name(one) for one in await on.ann.joined_rooms()]

        await until(has_the_channel)
        assert await standings(firm) == {"guard in client1": Verdict.MISSING}
        firm.let_go_on("client1")

        async def refused_by_rule() -> bool:
            # Until it knows the rules again it answers nobody.
            answer = await ben.request("POST", f"rooms/{quote(room)}/join")
            assert answer.status in {403, 429}
            return answer.status == 403

        await until(refused_by_rule)
        await until(lambda: stands(firm, Verdict.OK))

        # A process that was killed knows nothing when it starts, and lets nobody do anything until it does.
        firm.kill("client1")
        firm.start("client1")
        await firm.answers("client1")
        await until(refused_by_rule)
        await until(lambda: stands(firm, Verdict.OK))
        # The conversation goes on in a room that he never was in.
        assert on.matter != room
        assert ben.user_id not in await on.memberships(on.matter)
        assert (await on.memberships(room))[ben.user_id] == "leave"

        async def in_the_log() -> bool:
            deeds = [(one["deed"], one["actor"]) for one in await exported(firm)]
            assert deeds.count(("tried_to_invite", "a")) <= 1
            return ("tried_to_invite", "a") in deeds and deeds.count(("tried_to_join", "b")) >= 2

        await until(in_the_log)


async def stands(firm: Cluster, verdict: Verdict) -> bool:
    """Whether the guard in the worker stands like this."""
    return await standings(firm) == {"guard in client1": verdict}
