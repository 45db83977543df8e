"""A database that is away for a moment, as while PostgreSQL is restarted, holds nobody up for longer than that (R1)."""

from __future__ import annotations

import asyncio
import threading

import psycopg
import pytest

from bridge import service
from bridge.matrix.retry import PassingError, next_pause
from bridge.store.engine.postgresql import PostgresqlBackend
from bridge.store.engine.store import Store, StoreError
from tests.component.store.test_store import held, hold, postgresql_only
from tests.component.store.test_store_terms import lose_connection
from tests.component.wire.test_inbox import Handled, statuses
from tests.component.wire.traffic import event, make_inbox, until

AWAY = StoreError("The database is away.")


@pytest.fixture
def there(store: Store, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Whether the database is there."""
    found = asyncio.Event()
    monkeypatch.setattr(store, "holds", found.is_set)
    return found


@postgresql_only
async def test_R1_whose_connection_is_lost_owns_nothing_and_is_back_by_itself(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    may, connect, tried = threading.Event(), PostgresqlBackend.connect, threading.Event()

    def connect_if_there(backend: PostgresqlBackend) -> None:
        if not may.is_set():
            tried.set()
            raise psycopg.OperationalError("connection refused")
        connect(backend)

    monkeypatch.setattr(PostgresqlBackend, "connect", connect_if_there)
    may.set()
    # At rest it would look again after six minutes.
    store = Store(database_url, lease=3600)
    await store.open()
    may.clear()
    with pytest.raises(StoreError):
        await store.run(lose_connection)
    assert not store.holds()
    await until(tried.is_set)
    may.set()
    async with asyncio.timeout(10):
        await store.rest(3600)
    await store.run(hold, "a")
    assert await store.run(held) == ["a"]
    await store.close()


async def test_R1_what_is_handled_waits_for_the_database_and_no_longer(store: Store, there: asyncio.Event) -> None:
    asked: list[int] = []
    handle = Handled()
    handle.fail = lambda event_id: None if there.is_set() else AWAY

    def pause(attempt: int) -> float:
        asked.append(attempt)
        return 3600.0

    inbox = make_inbox(store, handle, pause)
    await inbox.accept([event("$1")])
    await until(lambda: len(handle.ids) > 2)
    there.set()
    await until(lambda: not len(inbox))
    assert asked == []
    assert await store.run(statuses) == {"$1": "handled"}


async def test_R1_a_transaction_waits_for_the_database_where_the_homeserver_would_wait_longer(
    store: Store, there: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = asyncio.Event()

    async def refuse(*given: object) -> None:
        refused.set()
        raise AWAY

    inbox = make_inbox(store, Handled())
    monkeypatch.setattr(store, "run_early", refuse)
    accepting = asyncio.create_task(inbox.accept_until(asyncio.get_running_loop().time() + 60, [event("$1")], None))
    await refused.wait()
    monkeypatch.delattr(store, "run_early")
    there.set()
    await accepting
    await until(lambda: not len(inbox))
    assert await store.run(statuses) == {"$1": "handled"}


async def test_a_transaction_is_refused_where_the_database_stays_away(
    store: Store, there: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*given: object) -> None:
        raise AWAY

    monkeypatch.setattr(store, "run_early", refuse)
    with pytest.raises(StoreError):
        await make_inbox(store, Handled()).accept_until(asyncio.get_running_loop().time(), [event("$1")], None)


async def test_R1_a_request_is_made_as_soon_as_the_database_is_there(store: Store, there: asyncio.Event) -> None:
    with pytest.raises(PassingError) as found:
        service.must_own(store)
    late = next_pause(20, found.value.asked, left=60, chance=1.0)
    assert late is not None
    assert late <= 1
    there.set()
    service.must_own(store)
