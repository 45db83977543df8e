"""Several processes on one PostgreSQL database: one owns it, and whoever it was before does nothing with it (R1)."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from bridge.metrics import Metrics
from bridge.store.engine import store as store_module
from bridge.store.engine.errors import OwnedElsewhereError
from bridge.store.engine.postgresql import PostgresqlBackend
from bridge.store.engine.processes import Reach, process_of
from bridge.store.engine.store import Store, StoreError
from bridge.store.engine.unit import Unit
from bridge.upkeep.company import Company
from tests.component.store.test_store import held, hold, postgresql_only
from tests.component.store.test_store_owner import OWNER

LEASE = 1.0


async def the_owner(database_url: str) -> asyncio.subprocess.Process:
    """Another process that owns the database and does nothing with it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER.replace("argv[1])", f"argv[1], lease={LEASE})"), database_url, stdout=-1
    )
    assert process.stdout is not None
    while (line := await process.stdout.readline()) != b"open\n":
        assert line, "the other process did not open the database"
    return process


def lose_connection(unit: Unit) -> None:
    unit.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@pytest.fixture
async def looking(database_url: str) -> AsyncIterator[PostgresqlBackend]:
    """What a process that stands by sees."""
    backend = PostgresqlBackend(database_url, reading=True, lease=LEASE, reach=Reach("", 9009, 9010))
    backend.connect()
    yield backend
    backend.close()


async def owner_gone(looking: PostgresqlBackend) -> None:
    async with asyncio.timeout(10):
        while any(one.owns for one in looking.processes()):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.02)


@postgresql_only
async def test_R1_who_is_silent_loses_the_database_and_wakes_to_do_nothing_with_it(
    database_url: str, looking: PostgresqlBackend
) -> None:
    process = await the_owner(database_url)
    await asyncio.sleep(2 * LEASE)
    assert not looking.end_silent(), "an owner at rest is not a silent one"
    process.send_signal(signal.SIGSTOP)
    async with asyncio.timeout(10):
        while not looking.end_silent():  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.02)
    await owner_gone(looking)
    store = Store(database_url)
    await store.open()
    await store.run(hold, "a")
    process.send_signal(signal.SIGCONT)
    assert await store.run(held) == ["a"]
    assert [one for one in await store.processes() if one.owns]
    await store.close()
    process.kill()
    await process.wait()


@postgresql_only
async def test_R1_who_lost_the_database_for_a_moment_in_which_another_had_it_stores_nothing(
    database_url: str, looking: PostgresqlBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It comes back to the database with its next unit, and not by itself.
    monkeypatch.setattr(store_module, "AGAIN_SECONDS", 3600)
    store = Store(database_url, lease=3600)
    await store.open()
    await store.run(hold, "a")
    with pytest.raises(StoreError):
        await store.run(lose_connection)
    await owner_gone(looking)
    between = Store(database_url)
    await between.open()
    await between.run(hold, "b")
    await between.close()
    await owner_gone(looking)
    # The database is free again, and yet what this store's process remembers is of before.
    with pytest.raises(OwnedElsewhereError, match="begins anew"):
        await store.run(hold, "c")
    assert not store.holds()
    await store.close()


@postgresql_only
async def test_R1_who_was_not_proven_to_own_it_within_the_lease_does_not_act_on_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(database_url, lease=0.4)
    await store.open()
    await asyncio.sleep(0.8)
    assert store.holds(), "it is proven again while nothing happens"
    monkeypatch.setattr(PostgresqlBackend, "ensure_connected", lambda self: None)
    async with asyncio.timeout(5):
        while store.holds():  # noqa: ASYNC110 - time alone does it
            await asyncio.sleep(0.02)
    monkeypatch.undo()
    await store.run(hold, "a")
    assert store.holds()
    await store.close()


@postgresql_only
async def test_R1_the_lease_goes_by_while_the_machine_sleeps(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, read = Store(database_url, lease=3600), time.clock_gettime
    await store.open()
    assert store.holds()
    # The one clock that does not stand still then.
    monkeypatch.setattr(time, "clock_gettime", lambda clock: read(clock) + 3600 * (clock == time.CLOCK_BOOTTIME))
    assert not store.holds()
    await store.run(hold, "a")
    assert store.holds()
    await store.close()


@postgresql_only
async def test_R1_processes_find_each_other_by_the_server(database_url: str, looking: PostgresqlBackend) -> None:
    store = Store(database_url, reach=Reach("10.0.0.5", 1, 2))
    await store.open()
    found = {str(one): one for one in looking.processes()}
    assert found["10.0.0.5:1"].owns
    assert found["10.0.0.5:1"].reach == Reach("10.0.0.5", 1, 2)
    assert not found["127.0.0.1:9009"].owns
    await store.close()


@postgresql_only
async def test_R1_who_is_at_work_and_who_stands_by_is_said(database_url: str, looking: PostgresqlBackend) -> None:
    store, metrics = Store(database_url, reach=Reach("10.0.0.5", 1, 2)), Metrics(CollectorRegistry())
    await store.open()
    company = Company(store, metrics)
    await company.look()
    assert sorted(company.told()) == ["10.0.0.5:1 is at work", "127.0.0.1:9009 stands by"]
    told = {name: metrics.registry.get_sample_value(f"firm_bridge_{name}") for name in ("at_work", "standing_by")}
    assert told == {"at_work": 1, "standing_by": 1}
    await store.close()


def test_R1_the_name_of_a_connection_says_where_its_process_is() -> None:
    assert process_of(1, Reach("", 9009, 9010).name("fe80::1"), True, 0.0).reach == Reach("fe80::1", 9009, 9010)
    assert process_of(1, Reach("h" * 60, 9009, 9010).name("10.0.0.5"), True, 0.0).reach == Reach("10.0.0.5", 9009, 9010)
    assert process_of(1, "firm-bridge", True, None).reach is None
