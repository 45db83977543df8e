"""The database of the last release brought up to date in the middle of a firm's work: nothing is lost or doubled."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
from peewee import Database
from playhouse.migrations import Runner
from pydantic import SecretStr

from bridge.firm.conversation import bot_chat_id
from bridge.settings import DatabaseSettings
from bridge.store.engine.backends import Backend, backend_for
from bridge.store.engine.migrating import MIGRATIONS, migrate
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.queues import inbox
from bridge.store.record.audit import Verified, verified, verify_page
from tests.component.conftest import own_database
from tests.component.running.test_app import fake, no_waiting
from tests.component.running_bridge import TALK, running, settings_in
from tests.fakes.homeserver import FakeHomeserver

__all__ = ["fake", "no_waiting"]
LAST_RELEASE = "0021_directory_version"
"""The last change of the tables in 0.1.0 (CHANGELOG.md)."""
NUMBERS = (2, 3, 4)
JSON = orjson.dumps({"first_name": "Ann", "last_name": "Moor", "name_key": "lease.pdf"}).decode()
IN_JSON = {"data", "unedited", "body", "content", "profile"}
Rows = dict[str, list[tuple[Any, ...]]]


def as_released(url: str) -> Backend:
    """The database as the last release left it, connected."""
    backend = backend_for(url)
    backend.connect()
    runner = Runner(backend.database, f"{MIGRATIONS}/*")
    runner.database = Unit(backend.database)
    runner.up(LAST_RELEASE)
    return backend


def tables(database: Database) -> list[str]:
    """Without the list of migrations, and what SQLite makes an index of words of."""
    return [name for name in database.get_tables() if name != "schema_migration" and not name.startswith("file_search")]


def with_words(database: Database) -> list[str]:
    """Those with the index of words, too: in PostgreSQL a table, in SQLite what a virtual one is made of."""
    others = (
        {"schema_migration"} if "file_search_data" not in database.get_tables() else {"schema_migration", "file_search"}
    )
    return [name for name in database.get_tables() if name not in others]


def columns(database: Database, table: str) -> list[str]:
    return [column.name for column in database.get_columns(table)]


def rows_of(backend: Backend, wanted: dict[str, list[str]]) -> Rows:
    unit = Unit(backend.database)
    return {
        table: sorted(unit.rows(f"SELECT {_listed(names)} FROM {table}"), key=repr) for table, names in wanted.items()
    }


def _listed(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def value(kind: str, name: str, number: int) -> Any:
    """A value of a column's kind, another for each row."""
    kind = kind.lower()
    if "bool" in kind:
        return bool(number % 2)
    if "int" in kind:
        return number
    if "bytea" in kind or "blob" in kind:
        return JSON.encode()
    return JSON if name in IN_JSON else f"{name} {number}"


def fill(backend: Backend) -> None:
    """Rows in every table. What belongs together has one number."""
    database, unit = backend.database, Unit(backend.database)
    keys = {name: {key.column: key.dest_column for key in database.get_foreign_keys(name)} for name in tables(database)}
    for table in sorted(keys, key=lambda name: len(keys[name])):
        found = database.get_columns(table)
        names, marks = _listed([one.name for one in found]), ", ".join("?" for _ in found)
        for number in NUMBERS:
            given = [value(one.data_type, str(keys[table].get(one.name, one.name)), number) for one in found]
            unit.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", *given)


def test_every_row_of_the_last_release_is_there_after_the_upgrade(tmp_path: Path) -> None:
    with own_database(tmp_path) as url:
        backend = as_released(url)
        fill(backend)
        wanted = {table: columns(backend.database, table) for table in tables(backend.database)}
        before = rows_of(backend, wanted)
        assert [table for table, rows in before.items() if len(rows) < len(NUMBERS)] == []
        migrate(backend)
        assert rows_of(backend, wanted) == before
        backend.close()


def taken_back(today: str, released: str) -> None:
    """Everything that a database has, into one of the last release, as far as that had a place for it."""
    source, target = backend_for(today, reading=True), as_released(released)
    source.connect()
    with closing(source), closing(target), target.database.atomic():
        unit = Unit(target.database)
        names = [one for one in with_words(target.database) if one in with_words(source.database)]
        for table in names:
            if unit.row(f"SELECT 1 FROM {table} LIMIT 1") is not None:
                unit.execute(f"DELETE FROM {table}")
        for table in sorted(names, key=lambda name: len(target.database.get_foreign_keys(name))):
            both = [one for one in columns(target.database, table) if one in columns(source.database, table)]
            marks = ", ".join("?" for _ in both)
            for row in Unit(source.database).rows(f"SELECT {_listed(both)} FROM {table}"):
                unit.execute(f"INSERT INTO {table} ({_listed(both)}) VALUES ({marks})", *row)
            if "position" in both and not unit.sqlite:
                (sequence,) = unit.row(f"SELECT pg_get_serial_sequence('{table}', 'position')") or (None,)
                if sequence:
                    unit.row(f"SELECT setval('{sequence}', max(position)) FROM {table}")


async def test_a_firm_at_work_goes_on_where_it_was(
    fake: FakeHomeserver, no_waiting: None, database_url: str, tmp_path: Path
) -> None:
    today = settings_in(tmp_path, database_url, fake)
    async with running(today, fake) as before:
        await before.quiet()
        assert "Court Filings" in await before.answer("a", "!channel create Court Filings @ben")
        assert "Cleo" in await before.answer("a", "!wall add 2026-0042 @cleo Her cousin")
        await before.answer("b", "!dm @ann @cleo Lunch?")
        talk = await before.room(TALK)
        fake.message(talk, "@ann:localhost", "Lease.pdf", msgtype="m.file", url="mxc://localhost/lease")
        await before.quiet()
        members = {room.room_id: set(room.joined) for room in fake.rooms.values()}
        chat = await before.room(bot_chat_id("a"))
    # The bridge has this event, and had no time for it; the homeserver sends it once more, and one that is new.
    asked = fake.message(chat, "@ann:localhost", "!channel create Before the Upgrade")
    fake.message(chat, "@ann:localhost", "!channel create Meanwhile")
    store = Store(database_url)
    await store.open()
    row = (asked["event_id"], chat, orjson.dumps({**asked, "room_id": chat}))
    await store.run(inbox.accept, [row], 1)
    entries = await entries_of(store)
    await store.close()
    (tmp_path / "old").mkdir()
    with own_database(tmp_path / "old") as old:
        taken_back(database_url, old)
        settings = today.model_copy(update={"database": DatabaseSettings(url=SecretStr(old))})
        async with running(settings, fake) as after:
            await after.quiet()
            assert {room_id: set(fake.rooms[room_id].joined) for room_id in members} == members
            listed = await after.answer("a", "!channel list")
            for name in ("Court Filings", "Before the Upgrade", "Meanwhile"):
                assert listed.count(name) == 1
            assert "Lease.pdf" in await after.answer("a", "!files lease in:2026-0042")
            assert "Her cousin" in await after.answer("a", "!wall list")
            assert "cannot see" in await after.answer("a", "!why @cleo 2026-0042")
            await after.quiet()
            # A whole pass finds nothing to do.
            fake.requests.clear()
            assert not (await after.service.reconciler.planner.plan()).steps
            assert await entries_of(after.service.store) > entries


async def entries_of(store: Store) -> int:
    """How many entries the audit log has, each of which follows from the one before."""
    so_far = Verified()
    while (further := await store.read(verify_page, so_far, "")) != so_far:
        so_far = further
    return verified(so_far, "").entries
