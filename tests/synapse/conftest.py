"""One Synapse for all tests that only look at its settings; a firm of its own for each of the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bridge.dev import files, processes
from bridge.dev.place import LocalFirm
from bridge.dev.synapse import check_installed, make_bot, start_synapse, wait_for_synapse
from bridge.settings import Settings
from tests.synapse.harness import TEST_INSTANCE, WITHOUT_GUARD, RealFirm, RealSynapse, free_place, real_firm


@pytest.fixture(scope="session")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalFirm, Settings]]:
    check_installed()
    place = free_place(tmp_path_factory.mktemp("synapse"))
    settings = files.write_files(place, WITHOUT_GUARD, TEST_INSTANCE)
    server = start_synapse(place)
    try:
        asyncio.run(wait_for_synapse(server, place))
        asyncio.run(make_bot(place, settings))
        yield place, settings
    finally:
        processes.stop(server)


@pytest.fixture
async def synapse(_shared: tuple[LocalFirm, Settings]) -> AsyncIterator[RealSynapse]:
    """The Synapse that all tests of a session share, with the bot as its admin, no bridge and no guard."""
    place, settings = _shared
    server = RealSynapse(place, settings)
    yield server
    await server.close()


@pytest.fixture
async def new_firm(tmp_path: Path) -> AsyncIterator[RealFirm]:
    """The demo firm on a Synapse of its own, not made yet; its bridge is not started."""
    async with real_firm(tmp_path) as running:
        yield running


@pytest.fixture(scope="session")
def made_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo firm that the bridge has made, so that not every test waits for the making."""
    folder = tmp_path_factory.mktemp("made")

    async def make() -> None:
        async with real_firm(folder) as running:
            running.start_bridge()
            await running.bridge_ready()
            # Before that Synapse cannot make a deactivated account usable again.
            while running.unfinished_updates():  # noqa: ASYNC110 - nobody tells it
                await asyncio.sleep(0.1)

    asyncio.run(make())
    return folder


@pytest.fixture
async def firm(tmp_path: Path, made_demo: Path) -> AsyncIterator[RealFirm]:
    """The demo firm, made, on a Synapse of its own; its bridge is not started."""
    async with real_firm(tmp_path, copy_of=made_demo) as running:
        yield running
