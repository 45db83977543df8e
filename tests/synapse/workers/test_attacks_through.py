"""Every attempt of tests/synapse/attacks on Synapse with workers, through each that answers clients (R2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from urllib.parse import quote

import pytest
import pytest_asyncio

from tests.synapse import test_attacks
from tests.synapse.attacks.stage import Stage, staged
from tests.synapse.harness import Json
from tests.synapse.workers.cluster import cluster

test_attempt = test_attacks.test_attempt
"""With the stage below."""
# For the first one, which waits for the start of all processes.
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(600)]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["client1", "client2"])
async def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One firm whose clients are answered by one worker, then one by the other."""
    start = partial(cluster, clients=(request.param,))
    async with staged(tmp_path_factory.mktemp("attacked"), guard=True, start=start) as running:
        yield running


async def test_what_clients_write_besides_is_taken_too(stage: Stage) -> None:
    """nginx sends each request to a process that can do it or have another one do it, as not every worker can."""
    cleo, room, event = await stage.firm.login("cleo"), stage.things["everyone"], stage.things["plain_event"]
    own, there = f"user/{quote(cleo.user_id)}", f"rooms/{quote(room)}"
    writes: tuple[tuple[str, str, Json], ...] = (
        ("PUT", "sendToDevice/m.dummy/w1", {"messages": {cleo.user_id: {"*": {}}}}),
        ("PUT", f"{own}/account_data/w1", {"x": 1}),
        ("PUT", f"{own}/{there}/account_data/w1", {"x": 1}),
        ("PUT", f"{own}/{there}/tags/u.w1", {"order": 0.1}),
        ("POST", f"{own}/filter", {"room": {}}),
        ("POST", "keys/upload", {}),
        ("POST", "keys/claim", {"one_time_keys": {}}),
        ("PUT", f"{there}/typing/{quote(cleo.user_id)}", {"typing": True, "timeout": 1000}),
        ("POST", f"{there}/receipt/m.read/{quote(event)}", {}),
        ("POST", f"{there}/read_markers", {"m.fully_read": event}),
        ("PUT", f"presence/{quote(cleo.user_id)}/status", {"presence": "online"}),
        ("PUT", "pushrules/global/room/" + quote(room), {"actions": []}),
        ("DELETE", "pushrules/global/room/" + quote(room), {}),
        ("POST", "logout", {}),
    )
    answers = {path: await cleo.request(method, path, body) for method, path, body in writes}
    assert {path: (one.status, one.body) for path, one in answers.items() if one.status != 200} == {}
