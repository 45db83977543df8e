"""A firm on the real Synapse, fed by Smokeball, SCIM and a file: what is tried through them is stopped (S1, S2, S3)."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.synapse.attacks.fed import FedFirm, fed_firm
from tests.synapse.attacks.sources import ATTACKS, OfSource

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif("PRISM_URL" not in os.environ, reason="takes long: make sources"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FedFirm]:
    async with fed_firm(tmp_path_factory.mktemp("fed")) as running:
        yield running


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.rule} {attack.name}")
async def test_attack(fed: FedFirm, attack: OfSource) -> None:
    await attack.play(fed)
