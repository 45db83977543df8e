"""The storage under the SCIM server keeps the contract of scim2-server, and what was pushed outlives a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scim2_models import ScimProvider
from scim2_server.storage import ScimStorage
from scim2_server.testing import AsyncScimStorageContract, BlockingStorage
from scim2_server.utils import load_default_provider

from bridge.directory.scim.storage import StoredResources
from bridge.store.engine.store import Store, StoreError
from bridge.store.models import ScimResource
from tests.component.scim.harness import patch, scim_firm, user


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


async def test_S1_what_is_not_stored_was_not_pushed_and_is_not_told(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe, xia = await client.make(user("Zoe")), await client.make(user("Xia"))
        await client.told()
        store = client.api.firm.service.store
        run = store.run

        async def full(work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            if work.__name__ in {"_put", "_delete"}:
                raise StoreError("The disk is full.")
            return await run(work, *args, **kwargs)

        monkeypatch.setattr(store, "run", full)
        assert (await client.ask("POST", "/Users", user("Yan")))[0] == 503
        inactive = patch({"op": "replace", "path": "active", "value": False})
        assert (await client.ask("PATCH", f"/Users/{zoe}", inactive))[0] == 503
        assert (await client.ask("DELETE", f"/Users/{xia}"))[0] == 503
        await client.told()
        assert {"Zoe", "Xia"} <= client.active()
        assert "Yan" not in client.active()
        assert (await client.ask("GET", "/Users"))[1]["totalResults"] == 2
        monkeypatch.undo()
        await client.make(user("Yan"))
        assert (await client.ask("PATCH", f"/Users/{zoe}", inactive))[0] == 200
        await client.told()
        assert client.active() & {"Xia", "Yan", "Zoe"} == {"Xia", "Yan"}


async def test_S1_F2_who_asks_again_before_it_is_stored_is_told_no_sooner(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe, xia = await client.make(user("Zoe")), await client.make(user("Xia"))
        await client.told()
        store, answers = client.api.firm.service.store, asyncio.Event()
        begun: asyncio.Queue[str] = asyncio.Queue()
        run = store.run

        async def stuck(work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
            if work.__name__ in {"_put", "_delete"}:
                begun.put_nowait(args[0])
                await answers.wait()
                raise StoreError("The disk is full.")
            return await run(work, *args, **kwargs)

        monkeypatch.setattr(store, "run", stuck)
        inactive = patch({"op": "replace", "path": "active", "value": False})
        waiting = []
        async with asyncio.TaskGroup() as group:
            away = ("PATCH", zoe, inactive), ("DELETE", xia, None)
            for asked in (away, (*away, ("GET", zoe, None))):
                waiting += [group.create_task(client.ask(how, f"/Users/{who}", body)) for how, who, body in asked]
                if asked is away:
                    assert {await begun.get(), await begun.get()} == {zoe, xia}
            # Nothing of the second time is a change, and what needs no memory waits for none.
            assert (await client.ask("GET", "/ServiceProviderConfig"))[0] == 200
            await asyncio.sleep(0.2)
            assert begun.empty() and not any(one.done() for one in waiting)
            answers.set()
        assert [one.result()[0] for one in waiting] == [503] * 5
        monkeypatch.undo()
        assert (await client.ask("GET", f"/Users/{zoe}"))[1]["active"]
        assert (await client.ask("DELETE", f"/Users/{xia}"))[0] == 204
