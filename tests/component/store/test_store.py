"""The store: units whole or not at all, commits shared, errors as sentences, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from peewee import IntegrityError, InterfaceError

from bridge.store import models
from bridge.store.engine.sqlite import SqliteBackend
from bridge.store.engine.store import Store, StoreError
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import Account, HeldChange
from tests.component.conftest import SERVER, database_of, own_database

sqlite_only = pytest.mark.skipif(bool(SERVER), reason="about SQLite")
postgresql_only = pytest.mark.skipif(not SERVER, reason="about PostgreSQL (make postgres)")


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """An empty database, without tables."""
    with own_database(tmp_path) as url:
        yield url


def hold(unit: Unit, name: str) -> None:
    unit.run(HeldChange.insert(fingerprint=name, summary="", held_at=1))


def held(unit: ReadUnit) -> list[str]:
    return sorted(row.fingerprint for row in unit.all(HeldChange.select()))


class Gate:
    """A unit that keeps the store's thread busy until it is opened, so that the units behind it wait together."""

    def __init__(self) -> None:
        self._entered = asyncio.Event()
        self._open = threading.Event()
        self._loop = asyncio.get_running_loop()

    def work(self, unit: ReadUnit) -> None:
        self._loop.call_soon_threadsafe(self._entered.set)
        self._open.wait(10)

    async def together(self, store: Store, *units: Callable[[Unit], object]) -> list[Any]:
        """Run units in one commit; their results or errors."""
        gate = asyncio.create_task(store.run(self.work))
        await self._entered.wait()
        waiting = [asyncio.create_task(store.run(unit)) for unit in units]
        await asyncio.sleep(0)
        self._open.set()
        await gate
        return await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_unit_returns_what_it_read(store: Store) -> None:
    await store.run(hold, "a")
    assert await store.run(held) == ["a"]


@pytest.mark.parametrize("durable", [True, False])
async def test_what_was_run_is_there_after_opening_again(database_url: str, durable: bool) -> None:
    for name in ("a", "b"):
        store = Store(database_url)
        await store.open()
        await (store.run if durable else store.run_undurable)(hold, name)
        await store.close()
    await store.open()
    assert await store.run(held) == ["a", "b"]
    await store.close()


async def test_a_unit_that_raises_leaves_nothing_and_tells_its_caller(store: Store) -> None:
    def work(unit: Unit) -> None:
        hold(unit, "a")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await store.run(work)
    assert await store.run(held) == []


async def test_units_that_wait_together_share_one_commit_and_keep_their_order(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[object] = []
    database = await database_of(store)
    commit = database.commit

    def counted() -> None:
        commits.append(commit())

    monkeypatch.setattr(database, "commit", counted)
    seen: list[int] = []

    def seeing(number: int) -> Callable[[Unit], None]:
        def work(unit: Unit) -> None:
            seen.append(number)
            hold(unit, str(number))

        return work

    await Gate().together(store, *(seeing(number) for number in range(9)))
    assert (seen, len(commits)) == (list(range(9)), 2)
    assert len(await store.run(held)) == 9


async def test_a_unit_that_fails_among_others_undoes_itself_only(store: Store) -> None:
    def twice(unit: Unit) -> None:
        hold(unit, "b")
        hold(unit, "b")

    results = await Gate().together(store, lambda unit: hold(unit, "a"), twice, lambda unit: hold(unit, "c"))
    assert [type(result) for result in results] == [type(None), IntegrityError, type(None)]
    assert await store.run(held) == ["a", "c"]


async def test_two_stores_of_one_process_do_not_disturb_each_other(store: Store, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with own_database(tmp_path / "other") as url:
        other = Store(url)
        await other.open()
        heard: list[object] = []
        store.listen(heard.append)
        mine = [store.run(hold, f"a{number}") for number in range(20)]
        others = [other.run(hold, f"b{number}") for number in range(20)]
        await asyncio.gather(*mine, *others, other.run(lambda unit: unit.announce("elsewhere")))
        assert {name[0] for name in await store.read(held)} == {"a"}
        assert len(await other.read(held)) == 20
        await other.close()
    assert heard == []
    assert len(await store.read(held)) == 20


async def test_a_unit_is_refused_once_it_is_over_also_where_it_failed(store: Store) -> None:
    kept: list[Unit] = []

    def work(unit: Unit, *, fails: bool) -> None:
        kept.append(unit)
        if fails:
            raise ValueError

    await store.run(work, fails=False)
    with pytest.raises(ValueError):
        await store.run(work, fails=True)
    for unit in kept:
        with pytest.raises(StoreError, match="after its end"):
            hold(unit, "a")
        with pytest.raises(StoreError, match="after its end"):
            held(unit)
    assert await store.read(held) == []


async def test_a_query_without_a_unit_has_no_database(store: Store) -> None:
    with pytest.raises(InterfaceError, match="bound to a database"):
        HeldChange.insert(fingerprint="a", summary="", held_at=1).execute()
    assert await store.read(held) == []


async def test_what_is_called_without_a_unit_is_refused_by_the_type_checker(store: Store) -> None:
    """mypy says so where an ignore is not needed any more (strict, warn_unused_ignores)."""
    with pytest.raises(TypeError):
        hold("a")  # type: ignore[call-arg, arg-type]
    with pytest.raises(Exception, match=r"(?i)read-?only|for writing"):
        await store.read(hold, "a")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        await store.run(hold)  # type: ignore[call-arg]


async def test_nested_atomic_blocks_work_in_units(store: Store) -> None:
    def work(unit: Unit) -> None:
        hold(unit, "a")
        with pytest.raises(IntegrityError), unit.database.atomic():
            hold(unit, "b")
            hold(unit, "a")

    await store.run(work)
    assert await store.run(held) == ["a"]


async def test_a_failed_commit_is_told_to_all_who_share_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    gate = Gate()

    def sabotage(unit: Unit) -> None:
        hold(unit, "a")
        monkeypatch.setattr(unit.database, "commit", refuse)

    results = await gate.together(store, sabotage, lambda unit: hold(unit, "b"))
    monkeypatch.undo()
    assert [type(result) for result in results] == [StoreError, StoreError]
    assert "full" in str(results[0])
    assert await store.run(held) == []


async def test_news_is_told_after_the_commit_and_only_of_units_that_were_not_undone(store: Store) -> None:
    told: list[object] = []
    store.listen(told.extend)

    def fails(unit: ReadUnit) -> None:
        unit.announce("never")
        raise ValueError

    await Gate().together(store, lambda unit: unit.announce("first"), fails, lambda unit: unit.announce("second"))
    assert told == ["first", "second"]


async def test_early_is_told_before_the_commit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    database, early = await database_of(store), threading.Event()
    commit = database.commit
    results: list[int] = []

    def commit_later() -> None:
        assert early.wait(10)
        commit()

    def told(result: int) -> None:
        results.append(result)
        early.set()

    monkeypatch.setattr(database, "commit", commit_later)
    assert await store.run_early(told, lambda _: 7) == 7
    assert results == [7]


async def test_units_handed_over_before_closing_are_run(database_url: str) -> None:
    store = Store(database_url)
    await store.open()
    running = [asyncio.create_task(store.run(hold, str(n))) for n in range(50)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*running)
    with pytest.raises(StoreError, match="not open"):
        await store.run(held)


async def test_a_cancelled_caller_does_not_stop_its_unit(store: Store) -> None:
    task = asyncio.create_task(store.run(hold, "a"))
    await asyncio.sleep(0)
    task.cancel()
    assert await store.run(held) == ["a"]


async def test_foreign_keys_are_enforced(store: Store) -> None:
    def work(unit: Unit) -> None:
        unit.run(models.Participant.insert(conversation="none", staff_id="s", since=1))

    with pytest.raises(IntegrityError):
        await store.run(work)


async def test_two_localparts_cannot_be_the_same(store: Store) -> None:
    def work(unit: Unit) -> None:
        for staff_id in ("one", "two"):
            unit.run(Account.insert(staff_id=staff_id, localpart="robin"))

    with pytest.raises(IntegrityError):
        await store.run(work)


@pytest.mark.parametrize("url", ["", "mysql://x/y", "sqlite://bridge.db", "sqlite:///", "bridge.db", "postgresql://"])
def test_a_url_that_names_no_database_is_refused_with_the_form_to_write(url: str) -> None:
    with pytest.raises(StoreError, match="sqlite:///PATH"):
        Store(url)


@sqlite_only
async def test_the_file_is_nobody_elses_to_read(store: Store, tmp_path: Path) -> None:
    await store.run(hold, "a")
    files = [path for path in os.listdir(tmp_path) if path.startswith("test.db")]  # noqa: PTH208
    assert {stat.S_IMODE(os.stat(tmp_path / path).st_mode) for path in files} == {0o600}  # noqa: PTH116
    assert len(files) == 4


@sqlite_only
async def test_a_full_disk_is_a_sentence_and_passes(store: Store) -> None:
    def limit(unit: Unit, pages: int) -> None:
        unit.execute(f"PRAGMA max_page_count={pages}")

    await store.run(limit, 1)
    with pytest.raises(StoreError, match="is full"):
        await store.run(hold, "x" * 100_000)
    await store.run(limit, 10_000)
    await store.run(hold, "a")
    assert await store.run(held) == ["a"]


@sqlite_only
async def test_a_full_disk_fails_the_whole_group_and_nothing_of_it_stays(store: Store) -> None:
    def fill(unit: Unit) -> None:
        unit.execute("PRAGMA max_page_count=1")
        hold(unit, "x" * 100_000)

    results = await Gate().together(store, lambda unit: hold(unit, "a"), fill)
    told = {type(result) for result in results}
    await store.run(lambda unit: unit.execute("PRAGMA max_page_count=10000"))
    assert StoreError in told
    assert await store.run(held) == ([] if told == {StoreError} else ["a"])


@sqlite_only
async def test_a_lock_held_by_another_is_a_sentence(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.run(lambda unit: unit.execute("PRAGMA busy_timeout=10"))
    other = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked by another process"):
        await store.run(held)
    other.execute("ROLLBACK")
    other.close()
    assert await store.run(held) == []


@sqlite_only
@pytest.mark.parametrize(
    ("path", "words"), [("missing/x.db", "owner and mode"), ("nonsense.db", "is damaged"), (".", "owner and mode")]
)
async def test_a_database_that_cannot_be_opened_is_a_sentence(tmp_path: Path, path: str, words: str) -> None:
    (tmp_path / "nonsense.db").write_bytes(b"This is a letter, not a database. " * 100)
    with pytest.raises(StoreError, match=words) as caught:
        await Store(f"sqlite:///{tmp_path}/{path}").open()
    assert str(tmp_path) in str(caught.value)


@sqlite_only
async def test_durable_units_wait_for_the_disk_and_others_do_not() -> None:
    backend = SqliteBackend(":memory:")
    backend.connect()
    levels = []
    for durable in (True, False, True):
        with backend.transaction(durable=durable, reads=False):
            levels.append(backend.database.connection().execute("PRAGMA synchronous").fetchone()[0])  # type: ignore[no-untyped-call]
    assert levels == [2, 1, 2]


@postgresql_only
async def test_a_lost_connection_is_a_sentence_and_made_again(store: Store) -> None:
    def end_connection(unit: Unit) -> None:
        unit.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(StoreError, match="could not do its work"):
        await store.run(end_connection)
    await store.run(hold, "a")
    assert await store.run(held) == ["a"]


@postgresql_only
async def test_a_connection_lost_while_idle_is_not_noticed(store: Store, database_url: str) -> None:
    import psycopg

    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'firm-bridge' AND datname = current_database()"
        )
    await store.run(hold, "a")
    assert await store.run(held) == ["a"]


async def test_an_unreachable_server_is_a_sentence_without_the_password() -> None:
    with pytest.raises(StoreError) as caught:
        await Store("postgresql://bridge:hunter2hunter2@127.0.0.1:1/firm").open()
    assert "postgresql://127.0.0.1/firm" in str(caught.value)
    assert "hunter2" not in str(caught.value)
