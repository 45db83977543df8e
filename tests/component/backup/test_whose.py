"""Whose a database is that was put back: of whoever the database was made for, not of whoever put it there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from bridge.backup.manifest import Side
from bridge.backup.restoring import put_back
from bridge.backup.sealed import BackupError
from bridge.settings import Settings
from tests.backups import backed_up, opened
from tests.component.conftest import SERVER
from tests.component.store.test_store import postgresql_only

OWNER, READER, DATABASE = "firm bridge's owner", "firm_bridge_reader", "firm_bridge_whose"


@pytest.fixture
def empty() -> Iterator[str]:
    """The URL of an empty database of another's, for whoever else connects to it; {} is the user."""
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(f'CREATE ROLE "{OWNER}"')
        server.execute(f"CREATE ROLE {READER} LOGIN")
        server.execute(f'CREATE DATABASE {DATABASE} OWNER "{OWNER}"')
        yield SERVER.replace("postgres@/postgres", f"{{}}@/{DATABASE}")
        server.execute(f"DROP DATABASE {DATABASE}")
        server.execute(f'DROP ROLE "{OWNER}", {READER}')


@postgresql_only
def test_it_belongs_to_the_owner_of_the_database(settings: Settings, config: Path, tmp_path: Path, empty: str) -> None:
    def elsewhere(user: str) -> Settings:
        database = settings.database.model_copy(update={"url": SecretStr(empty.format(user))})
        return settings.model_copy(update={"database": database})

    with opened(backed_up(settings, config), tmp_path) as parts:
        with pytest.raises(BackupError, match="may make no tables in it, and nothing was put into it"):
            put_back(parts, elsewhere(READER), [Side.BRIDGE], datetime.now(UTC))
        put_back(parts, elsewhere("postgres"), [Side.BRIDGE], datetime.now(UTC))
    assert owners(empty) == {OWNER}


@postgresql_only
def test_it_belongs_to_whoever_puts_it_back_where_they_may_not_act_for_the_owner(
    settings: Settings, config: Path, tmp_path: Path, empty: str
) -> None:
    with psycopg.connect(make_conninfo(empty.format("postgres")), autocommit=True) as connection:
        connection.execute(f"GRANT ALL ON SCHEMA public TO {READER}")
    database = settings.database.model_copy(update={"url": SecretStr(empty.format(READER))})
    with opened(backed_up(settings, config), tmp_path) as parts:
        put_back(parts, settings.model_copy(update={"database": database}), [Side.BRIDGE], datetime.now(UTC))
    assert owners(empty) == {READER}


def owners(database: str) -> set[str]:
    """Whose the tables are."""
    with psycopg.connect(make_conninfo(database.format("postgres"))) as connection:
        found = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return {one for (one,) in found}
