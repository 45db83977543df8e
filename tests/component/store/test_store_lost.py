"""A database that does not answer, and commits of which nobody heard: nothing hangs, and what was stored is known."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from peewee import Database

from bridge.store.engine import postgresql
from bridge.store.engine import store as store_module
from bridge.store.engine.store import Store, StoreError
from bridge.store.engine.unit import ReadUnit, Unit
from tests.component.conftest import database_of
from tests.component.store.test_store import Gate, held, hold, postgresql_only


def connection_pid(unit: ReadUnit) -> int:
    return int(unit.row("SELECT pg_backend_pid()")[0])


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """The server's process for our connection stands still, as where the network swallows everything."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def until(so: Callable[[], bool]) -> None:
    """Wait for what happens on another thread."""
    async with asyncio.timeout(10):
        while not so():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.02)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(postgresql, "SETTLE_SECONDS", 0.3)
    monkeypatch.setattr(postgresql, "LOCK_SECONDS", 0.2)
    monkeypatch.setattr(postgresql, "STATEMENT_SECONDS", 0.4)
    monkeypatch.setattr(store_module, "SLOW_SECONDS", 0.1)
    monkeypatch.setattr(store_module, "CLOSE_SECONDS", 0.5)
    monkeypatch.setattr(store_module, "TROUBLE_SECONDS", 0.0)


def lose_connection_after(database: Database, step: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next commit do this and then lose the connection."""

    def commit() -> None:
        monkeypatch.undo()
        step()
        database.connection().close()  # type: ignore[no-untyped-call]
        database.execute_sql("SELECT 1")  # type: ignore[no-untyped-call]

    monkeypatch.setattr(database, "commit", commit)


async def test_a_listener_that_fails_keeps_nobody_waiting_and_the_others_hear(store: Store) -> None:
    told: list[object] = []

    def fails(news: object) -> None:
        raise ValueError("no")

    store.listen(fails)
    store.listen(told.extend)
    async with asyncio.timeout(10):
        await Gate().together(store, lambda unit: unit.announce("a"), lambda unit: hold(unit, "b"))
    assert told == ["a"]
    assert await store.run(held) == ["b"]


async def test_trouble_tells_what_takes_long_and_what_failed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "SLOW_SECONDS", 0.0)
    assert store.trouble == ""
    inside, go_on, loop = asyncio.Event(), threading.Event(), asyncio.get_running_loop()

    def work(unit: Unit) -> None:
        loop.call_soon_threadsafe(inside.set)
        assert go_on.wait(10)

    running = asyncio.create_task(store.run(work))
    await inside.wait()
    assert "has not answered for" in store.trouble
    go_on.set()
    await running
    assert store.trouble == ""


async def test_a_full_disk_is_told_although_other_units_find_room(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "TROUBLE_SECONDS", 3600.0)

    def no_room(unit: Unit) -> None:
        raise StoreError("The disk is full.")

    refused, _ = await Gate().together(store, no_room, lambda unit: hold(unit, "a"))
    assert isinstance(refused, StoreError)
    assert store.trouble == "The disk is full."
    await store.run(hold, "b")
    assert store.trouble == "The disk is full."
    monkeypatch.setattr(store_module, "TROUBLE_SECONDS", 0.0)
    await store.read(held)
    assert store.trouble == "The disk is full."
    await store.run(hold, "c")
    assert store.trouble == ""


async def test_closing_does_not_wait_for_ever(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "CLOSE_SECONDS", 0.05)
    inside, go_on, loop = asyncio.Event(), threading.Event(), asyncio.get_running_loop()

    def work(unit: Unit) -> None:
        loop.call_soon_threadsafe(inside.set)
        assert go_on.wait(10)

    running = asyncio.create_task(store.run(work))
    await inside.wait()
    async with asyncio.timeout(10):
        await store.close()
    go_on.set()
    # PostgreSQL's connection was broken off, SQLite comes to its end.
    with suppress(StoreError):
        await running


@postgresql_only
async def test_a_commit_whose_confirmation_was_lost_is_found(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    store.listen(told.extend)

    def work(unit: Unit) -> str:
        hold(unit, "a")
        unit.announce("news")
        lose_connection_after(unit.database, commit, monkeypatch)
        return "done"

    commit = (await database_of(store)).commit
    assert await store.run(work) == "done"
    assert told == ["news"]
    assert await store.run(held) == ["a"]


@postgresql_only
async def test_a_commit_that_never_arrived_is_an_error_and_undone(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    store.listen(told.extend)

    def work(unit: Unit) -> None:
        hold(unit, "a")
        unit.announce("news")
        lose_connection_after(unit.database, lambda: None, monkeypatch)

    with pytest.raises(StoreError):
        await store.run(work)
    assert told == []
    assert await store.run(held) == []


@postgresql_only
async def test_a_server_that_hangs_is_told_broken_off_and_used_again(database_url: str, impatient: None) -> None:
    store = Store(database_url)
    await store.open()
    await store.run(hold, "a")
    pid = await store.run(connection_pid)
    with frozen(pid):
        first = asyncio.create_task(store.run(held))
        await until(lambda: bool(store.trouble))
        assert "has not answered" in store.trouble
        async with asyncio.timeout(20):
            with pytest.raises(StoreError):
                await first
            # The lock is still the frozen connection's, which is ours and nobody else's.
            with pytest.raises(StoreError, match="does not come to its end"):
                await store.run(held)
        assert store.trouble
    async with asyncio.timeout(20):
        while True:
            try:
                assert await store.run(held) == ["a"]
                break
            except StoreError:
                await asyncio.sleep(0.05)
    assert store.trouble == ""
    assert store.lost is None
    await store.close()


@postgresql_only
async def test_closing_breaks_off_what_hangs(database_url: str, impatient: None) -> None:
    store = Store(database_url)
    await store.open()
    with frozen(await store.run(connection_pid)):
        running = asyncio.create_task(store.run(held))
        await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await store.close()
            with pytest.raises(StoreError):
                await running


@postgresql_only
async def test_a_process_that_is_about_to_end_waits_less(
    database_url: str, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "PATIENCE_SECONDS", 600.0)
    store = Store(database_url)
    await store.open()
    with frozen(await store.run(connection_pid)):
        running = asyncio.create_task(store.run(held))
        await until(lambda: bool(store.trouble))
        store.hurry()
        async with asyncio.timeout(20):
            with pytest.raises(StoreError):
                await running
    await store.close()


@postgresql_only
async def test_a_lock_of_somebody_else_is_a_sentence(database_url: str, impatient: None) -> None:
    import psycopg

    store = Store(database_url)
    await store.open()
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE held_change IN ACCESS EXCLUSIVE MODE")
        async with asyncio.timeout(20):
            with pytest.raises(StoreError, match="locked by another process"):
                await store.run(hold, "a")
    await store.run(hold, "a")
    await store.close()


@postgresql_only
async def test_one_question_that_takes_too_long_is_given_up(database_url: str, impatient: None) -> None:
    store = Store(database_url)
    await store.open()
    with pytest.raises(StoreError, match="took too long over one question"):
        await store.run(lambda unit: unit.execute("SELECT pg_sleep(10)"))
    await store.run(hold, "a")
    await store.close()
