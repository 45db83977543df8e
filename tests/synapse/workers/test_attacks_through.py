"""Every attempt of tests/synapse/attacks on Synapse with workers, through each that answers clients (R2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio

from tests.synapse import test_attacks
from tests.synapse.attacks.stage import Stage, staged
from tests.synapse.workers.cluster import cluster

test_attempt = test_attacks.test_attempt
"""With the stage below."""
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["client1", "client2"])
async def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One firm whose clients are answered by one worker, then one by the other."""
    start = partial(cluster, clients=(request.param,))
    async with staged(tmp_path_factory.mktemp("attacked"), guard=True, start=start) as running:
        yield running
