"""Migrations lead to the tables that the models describe, and a database from the future is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from playhouse.schema_diff import diff_models

from bridge.mapping.file_words import FileSearch
from bridge.mapping.files import file_in
from bridge.store import models
from bridge.store.engine.backends import Backend, backend_for
from bridge.store.engine.migrating import MIGRATIONS, migrate
from bridge.store.engine.store import Store, StoreError
from bridge.store.engine.unit import Unit
from bridge.store.files.files import NewFile, add_file
from bridge.store.files.lists import files_after
from bridge.store.rooms.channels import recent
from tests.component.conftest import own_database

HISTORY = "schema_migration"
WORDS = "file_search"
"""The words to search, which no model describes, and on SQLite what their index is made of."""


def tables(backend: Backend) -> dict[str, Any]:
    """Columns with type, default and whether null, indexes and foreign keys of every table that has a model."""
    found = backend.database
    return {
        table: {
            "columns": sorted(
                (column.name, column.data_type, column.null, column.primary_key, str(column.default))
                for column in found.get_columns(table)
            ),
            "indexes": sorted((tuple(index.columns), index.unique) for index in found.get_indexes(table)),
            "keys": sorted((key.column, key.dest_table, key.dest_column) for key in found.get_foreign_keys(table)),
            "primary": found.get_primary_keys(table),
        }
        for table in found.get_tables()
        if table != HISTORY and not table.startswith(WORDS)
    }


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """An empty database, without tables."""
    with own_database(tmp_path) as url:
        yield url


@pytest.fixture
def backend(database_url: str) -> Any:
    made = backend_for(database_url)
    made.connect()
    yield made
    made.database.close()


@pytest.fixture
def unit(backend: Backend) -> Unit:
    return Unit(backend.database)


def test_migrations_lead_to_the_models_tables(backend: Backend, unit: Unit) -> None:
    migrate(backend)
    assert not diff_models(backend.database, models.MODELS)
    by_migration = tables(backend)
    with backend.database.bind_ctx(models.MODELS):
        backend.database.drop_tables(models.MODELS)
    unit.create_tables(models.MODELS)
    assert by_migration == tables(backend)
    assert set(by_migration) == {model._meta.table_name for model in models.MODELS}


def test_migrating_again_changes_nothing(backend: Backend) -> None:
    migrate(backend)
    before = tables(backend)
    migrate(backend)
    assert tables(backend) == before


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.name[:4]) for path in MIGRATIONS.rglob("[0-9]*.py"))
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_database_of_a_newer_version_is_refused(database_url: str, backend: Backend, tmp_path: Path) -> None:
    newer = tmp_path / "newer"
    newer.mkdir()
    for path in MIGRATIONS.rglob("[0-9]*.py"):
        (newer / path.name).write_text(path.read_text())
    (newer / "9999_from_the_future.py").write_text("def up(migrator, db):\n    pass\n")
    migrate(backend, str(newer))
    backend.close()
    with pytest.raises(StoreError, match="newer firm-bridge: it has the change 9999_from_the_future"):
        await Store(database_url).open()


def test_a_migration_that_fails_leaves_the_database_as_it_was(backend: Backend, tmp_path: Path) -> None:
    (tmp_path / "0001_half.py").write_text(
        "def up(migrator, unit):\n"
        "    unit.execute('CREATE TABLE half (id INTEGER)')\n"
        "    raise RuntimeError('in the middle')\n"
    )
    with pytest.raises(RuntimeError):
        migrate(backend, str(tmp_path))
    assert tables(backend) == {}


def test_who_has_a_chat_with_the_bot_at_the_upgrade_is_not_welcomed_any_more(
    unit: Unit, backend: Backend, tmp_path: Path
) -> None:
    for path in sorted(MIGRATIONS.rglob("000[12]*.py")):
        (tmp_path / path.name).write_text(path.read_text())
    migrate(backend, str(tmp_path))
    for staff_id, kind, room_id in (("old", "bot", "'!r1'"), ("new", "bot", "NULL"), ("other", "channel", "'!r2'")):
        for statement in (
            "INSERT INTO account (staff_id, localpart, profile, avatar_mxc, avatar_digest)"
            " VALUES ('{0}', '{0}', '', '', '')",
            "INSERT INTO conversation (id, kind, title, topic, matter_id, alias_localpart, everyone, archived,"
            " created_by, created_at, caused_by) VALUES ('c-{0}', '{1}', '', '', '', '', false, false, '', 1, '')",
            "INSERT INTO participant (conversation_id, staff_id, present, since, added_by)"
            " VALUES ('c-{0}', '{0}', true, 1, '')",
            "INSERT INTO room (\"key\", alias_localpart, room_id) VALUES ('c-{0}', 'a-{0}', {2})",
        ):
            unit.execute(statement.format(staff_id, kind, room_id))
    migrate(backend)
    found = unit.rows("SELECT staff_id, welcomed_at FROM account ORDER BY staff_id")
    assert [tuple(row) for row in found] == [("new", None), ("old", 0), ("other", None)]


def test_C3_the_newest_messages_are_taken_over(unit: Unit, backend: Backend, tmp_path: Path) -> None:
    for path in sorted(MIGRATIONS.rglob("00*.py")):
        if path.name < "0016":
            (tmp_path / path.name).write_text(path.read_text())
    migrate(backend, str(tmp_path))
    for name, at_ms in (("busy", "5"), ("quiet", "NULL")):
        unit.execute(
            "INSERT INTO conversation (id, kind, title, name_key, topic, matter_id, alias_localpart, everyone,"
            " archived, created_by, created_at, caused_by, last_message_at)"
            f" VALUES ('{name}', 'channel', '{name}', '{name}', '', '', '', false, false, '', 1, '', {at_ms})"
        )
    migrate(backend)
    assert [(channel.id, channel.last_message_at) for channel in recent(unit, 10)] == [("busy", 5)]


def test_V3_files_from_before_are_found_by_every_spelling_and_nobodys_names_are_no_versions(
    unit: Unit, backend: Backend, tmp_path: Path
) -> None:
    for path in sorted(MIGRATIONS.rglob("00*.py")):
        # And what a file is told to today.
        if path.name < "0025" or path.name.startswith(("0029", "0037")):
            (tmp_path / path.name).write_text(path.read_text())
    migrate(backend, str(tmp_path))
    for number, (name, caption) in enumerate([("image.png", ""), ("image.png", ""), ("Søren.pdf", ""), ("a", "Łódź")]):
        add_file(unit, _as_before(number, name, caption))
    key = "image.png"
    unit.execute("UPDATE file SET name_key = ?, newest = ? WHERE event_id = ?", key, False, "$0")
    unit.execute("UPDATE file SET name_key = ?, unedited = ? WHERE event_id = ?", key, '{"name_key": "blob"}', "$1")
    if unit.sqlite:
        unit.execute("UPDATE file_search SET words = 'gone'")
    else:
        unit.execute(
            "UPDATE file_search SET search = array_to_tsvector(ARRAY(SELECT lexeme FROM unnest(search)"
            " WHERE starts_with(lexeme, '=')) || ARRAY['gone'])"
        )
    migrate(backend)
    rows = unit.rows("SELECT name_key, newest, unedited FROM file ORDER BY position")
    assert [(str(row[0]), bool(row[1])) for row in rows[:2]] == [("image.png\n$0", True), ("image.png\n$1", True)]
    assert orjson.loads(rows[1][2]) == {"name_key": "blob\n$1"}

    def found(unit: Unit, *ways: str) -> list[str]:
        return [str(one.position) for one in files_after(unit, FileSearch("c", words=(ways,)), None, 9)]

    (soren,), (lodz,) = (unit.rows("SELECT position FROM file WHERE event_id = ?", one) for one in ("$2", "$3"))
    assert found(unit, "soeren") == found(unit, "soren") == [str(soren[0])]
    assert found(unit, "lodz") == [str(lodz[0])]
    # Plain names were right before, and are left as they are.
    assert len(found(unit, "gone")) == 2


def _as_before(number: int, name: str, caption: str) -> NewFile:
    body = {"body": caption, "filename": name} if caption else {"body": name}
    carried = file_in({"msgtype": "m.file", "url": "mxc://hs/x", **body})
    assert carried is not None
    return NewFile(f"${number}", "!r", "c", "@ruth:hs", "ruth", number, carried)
