"""Every process of Synapse goes by what the bridge told, and none that cannot know it lets anybody in (R2)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from bridge.check.finding import Verdict
from bridge.check.guard import guard_findings
from bridge.check.http import asker
from bridge.firm.conversation import first_matter_conversation_id
from tests.synapse.guard.test_guard import GuardedFirm
from tests.synapse.guard.test_walls import DIRECTORY, NAMES
from tests.synapse.harness import Json
from tests.synapse.workers.cluster import Cluster, cluster


@asynccontextmanager
async def small_firm(folder: Path, *workers: str) -> AsyncIterator[Cluster]:
    """Four people in one matter, all of them firm admins; made."""
    (folder / "directory.yaml").write_text(json.dumps(DIRECTORY))
    own: dict[str, Json] = {"directory": {"path": str(folder / "directory.yaml")}, "accounts": {"avatars": False}}
    async with cluster(folder / "var", own, workers) as firm:
        firm.start_bridge()
        await firm.bridge_ready()
        yield firm


async def standings(firm: Cluster) -> dict[str, Verdict]:
    """What `firm-bridge check` says of the guard in each process."""
    async with asker(firm.settings.homeserver.url) as asking:
        return {one.name: one.state for one in await guard_findings(asking, firm.settings)}


async def test_each_worker_has_what_the_main_process_has(tmp_path: Path) -> None:
    async with small_firm(tmp_path, "client1") as firm:
        assert await standings(firm) == {"guard": Verdict.OK, "guard in client1": Verdict.OK}
