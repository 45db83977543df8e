"""A firm whose databases are backed up."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from bridge.settings import DatabaseSettings, DirectorySettings, Settings
from tests.backups import with_backups


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "firm-bridge.yaml"
    path.write_text("# the configuration, with its secrets\n")
    return path


@pytest.fixture
def synapse(tmp_path: Path) -> Path:
    """What is asked of Synapse's database, in the form that Synapse has."""
    path = tmp_path / "homeserver.db"
    with closing(sqlite3.connect(path)) as made:
        made.executescript(
            "PRAGMA journal_mode=WAL; CREATE TABLE users (name); CREATE TABLE rooms (room_id);"
            "CREATE TABLE events (received_ts, outlier); INSERT INTO users VALUES ('@ann:x'), ('@ben:x');"
            "INSERT INTO rooms VALUES ('!talk'); INSERT INTO events VALUES (1800000000000, 0);"
        )
    return path


@pytest.fixture
def settings(database_url: str, tmp_path: Path, synapse: Path) -> Settings:
    made = Settings(
        database=DatabaseSettings(url=SecretStr(database_url)),
        directory=DirectorySettings(path=str(tmp_path / "directory.yaml")),
    )
    return with_backups(made, tmp_path / "backups", synapse)
