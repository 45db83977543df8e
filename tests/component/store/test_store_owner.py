"""Who owns the database: one process for everything that changes, any number for reading, and nobody by mistake."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bridge.store.engine.errors import NotMadeYetError, OwnedElsewhereError
from bridge.store.engine.store import Store, StoreError
from bridge.store.engine.unit import ReadUnit
from bridge.store.models import HeldChange
from tests.component.conftest import SERVER, own_database
from tests.component.store.test_store import held, hold, postgresql_only, sqlite_only

OWNER = """
import asyncio, sys
from bridge.store.engine.store import Store

async def main():
    store = Store(sys.argv[1])
    await store.open()
    print("open", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
async def elsewhere(database_url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another process that owns the database."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, database_url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    while (line := await process.stdout.readline()) != b"open\n":
        assert line, "the other process did not open the database"
    yield process
    if process.returncode is None:
        process.kill()
        await process.wait()


@pytest.fixture
def new_url(tmp_path: Path) -> Iterator[str]:
    with own_database(tmp_path) as url:
        yield url


@sqlite_only
async def test_a_second_process_is_refused_whichever_link_leads_it_to_the_file(
    tmp_path: Path, database_url: str, elsewhere: asyncio.subprocess.Process
) -> None:
    file, link, folder = Path(database_url.removeprefix("sqlite:///")), tmp_path / "link.db", tmp_path / "linked"
    link.symlink_to(file)
    folder.symlink_to(tmp_path)
    for path in (link, folder / file.name, folder / "link.db", tmp_path / "linked" / ".." / tmp_path.name / file.name):
        with pytest.raises(OwnedElsewhereError):
            await Store(f"sqlite:///{path}").open()


async def test_a_second_process_is_refused_in_words_and_told_who_it_is(
    database_url: str, elsewhere: asyncio.subprocess.Process
) -> None:
    with pytest.raises(OwnedElsewhereError, match="Another process of firm-bridge uses the database") as refused:
        await Store(database_url).open()
    assert SERVER or f"process {elsewhere.pid} on" in str(refused.value)


async def test_what_was_killed_owns_nothing(database_url: str, elsewhere: asyncio.subprocess.Process) -> None:
    elsewhere.send_signal(signal.SIGKILL)
    await elsewhere.wait()
    store = Store(database_url)
    # PostgreSQL sees the end of a connection a moment later.
    for _ in range(100):
        try:
            await store.open()
            break
        except OwnedElsewhereError:
            await asyncio.sleep(0.05)
    await store.run(hold, "a")
    await store.close()


async def test_reading_beside_the_owner_is_free_and_writes_nothing(store: Store, database_url: str) -> None:
    await store.run(hold, "a")
    reader = Store(database_url, reading=True)
    await reader.open()
    assert await reader.run(held) == ["a"]
    with pytest.raises(Exception, match=r"(?i)read-?only|for writing"):
        await reader.run(hold, "b")
    await reader.close()
    assert await store.run(held) == ["a"]


async def test_after_the_owner_comes_the_next(database_url: str) -> None:
    for name in ("a", "b"):
        store = Store(database_url)
        await store.open()
        await store.run(hold, name)
        await store.close()


async def test_what_only_reads_makes_no_database(new_url: str) -> None:
    with pytest.raises(NotMadeYetError, match=r"start of the bridge"):
        await Store(new_url, reading=True).open()


async def test_a_unit_that_says_that_it_reads_cannot_write(store: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)read-?only|for writing"):
        await store.read(hold, "a")  # type: ignore[arg-type]
    await store.run(hold, "b")
    assert await store.read(held) == ["b"]


@sqlite_only
async def test_a_unit_that_reads_waits_for_nobody_and_keeps_nobody_waiting(store: Store, tmp_path: Path) -> None:
    import sqlite3

    await store.run(hold, "a")
    other = sqlite3.connect(tmp_path / "test.db", isolation_level=None, timeout=0)
    other.execute("BEGIN IMMEDIATE")
    assert await store.read(held) == ["a"]
    other.execute("ROLLBACK")
    inside, go_on, loop = asyncio.Event(), threading.Event(), asyncio.get_running_loop()

    def long_reading(unit: ReadUnit) -> int:
        count = int(unit.count(HeldChange.select()))
        loop.call_soon_threadsafe(inside.set)
        assert go_on.wait(10)
        return count

    reading = asyncio.create_task(store.read(long_reading))
    await inside.wait()
    other.execute("INSERT INTO held_change (fingerprint, summary, held_at, confirmed_by) VALUES ('b', '', 1, '')")
    go_on.set()
    assert await reading == 1
    other.close()
    assert await store.read(held) == ["a", "b"]


@sqlite_only
@pytest.mark.parametrize("name", ["test.db", "test.db.lock"])
async def test_a_database_or_lock_replaced_under_the_bridge_is_lost_and_said(
    store: Store, tmp_path: Path, name: str
) -> None:
    lost = asyncio.Event()
    store.on_loss(lost.set)
    await store.run(hold, "a")
    (tmp_path / "backup").write_bytes((tmp_path / name).read_bytes())
    os.replace(tmp_path / "backup", tmp_path / name)  # noqa: PTH105 - the inode is what this is about
    with pytest.raises(OwnedElsewhereError, match="was moved or replaced"):
        await store.run(hold, "b")
    await lost.wait()
    assert store.lost is not None
    assert "moved or replaced" in store.trouble


@sqlite_only
@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
async def test_what_root_makes_belongs_to_whoever_the_folder_belongs_to(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "firm", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.touch()
    os.chown(folder, 10001, 10002)
    store = Store(f"sqlite:///{folder / 'bridge.db'}")
    await store.open()
    await store.run(hold, "a")
    made = {
        path.name: (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode & 0o777) for path in folder.iterdir()
    }
    await store.close()
    assert {"bridge.db", "bridge.db.lock"} <= made.keys()
    assert set(made.values()) == {(10001, 10002, 0o600)}
    # Nothing is given away that a link of theirs leads to.
    (folder / "bridge.db.lock").unlink()
    (folder / "bridge.db.lock").symlink_to(elsewhere)
    await store.open()
    await store.close()
    assert elsewhere.stat().st_uid == 0


@postgresql_only
async def test_the_lock_goes_with_the_connection_and_is_taken_again(store: Store, database_url: str) -> None:
    with pytest.raises(StoreError):
        await store.run(lambda unit: unit.execute("SELECT pg_terminate_backend(pg_backend_pid())"))
    await store.run(hold, "a")
    with pytest.raises(OwnedElsewhereError):
        await Store(database_url).open()
    assert await store.run(held) == ["a"]


@postgresql_only
async def test_who_lost_the_lock_to_another_stores_nothing_any_more(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It comes back to the database with its next unit, and not by itself before the other does.
    monkeypatch.setattr("bridge.store.engine.store.AGAIN_SECONDS", 3600)
    store, lost = Store(database_url, lease=3600), asyncio.Event()
    await store.open()
    store.on_loss(lost.set)
    with pytest.raises(StoreError):
        await store.run(lambda unit: unit.execute("SELECT pg_terminate_backend(pg_backend_pid())"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, database_url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    while await process.stdout.readline() != b"open\n":
        pass
    with pytest.raises(OwnedElsewhereError):
        await store.run(hold, "b")
    await lost.wait()
    await store.close()
    process.kill()
    await process.wait()
