"""The storage under the SCIM server keeps the contract of scim2-server, and what was pushed outlives a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from scim2_models import ScimProvider
from scim2_server.storage import ScimStorage
from scim2_server.testing import AsyncScimStorageContract, BlockingStorage
from scim2_server.utils import load_default_provider

from bridge.directory.scim.storage import StoredResources
from bridge.store.engine.store import Store
from bridge.store.models import ScimResource


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, asyncio.Runner]]:
    """One store for all, since making its tables takes longer than a test."""
    path: Path = tmp_path_factory.mktemp("scim")
    with asyncio.Runner() as runner:
        store = Store(f"sqlite:///{path / 'bridge.db'}")
        runner.run(store.open())
        yield store, runner
        runner.run(store.close())


PROVIDER = load_default_provider()


class TestContract(AsyncScimStorageContract):
    @pytest.fixture
    def provider(self) -> ScimProvider:
        return PROVIDER

    @pytest.fixture
    def storage(self, kept: tuple[Store, asyncio.Runner]) -> Iterator[ScimStorage]:
        store, runner = kept
        runner.run(store.run(lambda unit: unit.run(ScimResource.delete())))
        yield BlockingStorage(StoredResources(store, PROVIDER), runner)
