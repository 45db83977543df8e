"""What every test begins with."""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings
from peewee import SqliteDatabase

from bridge.store.engine import migrating
from bridge.store.engine.backends import Backend, backend_for
from bridge.store.record.homeserver_time import HOMESERVER_TIME
from tests.together import Together

# The gate judges a change, so it tries the same examples before and after; `make properties` tries others every time.
settings.register_profile("gate", derandomize=True, database=None, deadline=None)
settings.register_profile("long", max_examples=2_000, deadline=None)
settings.load_profile(os.environ.get("FIRM_BRIDGE_PROPERTIES", "gate"))

# In memory, where it has room: with a disk a third of the time goes by waiting until commits are on it.
_IN_MEMORY, _ROOM = Path("/dev/shm"), 4 * 1024**3
if os.access(_IN_MEMORY, os.W_OK) and shutil.disk_usage(_IN_MEMORY).free > _ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_IN_MEMORY))


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Logging that a test sets up writes to that test's standard error, which is closed when the test is over."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _time_not_said() -> Iterator[None]:
    """What the homeserver of one test said of its time is nothing to the next."""
    yield
    HOMESERVER_TIME.forget()


@pytest.fixture(autouse=True, scope="session")
def _walls_in_order() -> Iterator[None]:
    """Walls are called wall-1, wall-2 and so on, so that tests can name them, in firms that many tests share too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bridge.store.people.walls.references", lambda: map("wall-{}".format, count(1)))
        yield


@pytest.fixture(autouse=True, scope="session")
def _tables_made_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A store that opens a new file has the tables copied from one that the migrations made: they take longer than most
    tests. Tests of migrations call them themselves."""
    made = tmp_path_factory.mktemp("tables") / "made.db"

    def migrated(backend: Backend) -> None:
        if not isinstance(backend.database, SqliteDatabase) or backend.database.get_tables():
            migrating.migrate(backend)
            return
        if not made.exists():
            first = backend_for(f"sqlite:///{made}")
            first.connect()
            migrating.migrate(first)
            first.close()
        with closing(sqlite3.connect(made)) as tables:
            tables.backup(backend.database.connection())  # type: ignore[no-untyped-call]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bridge.store.engine.store.migrate", migrated)
        yield


def pytest_collection_finish() -> None:
    """Look no more at what collecting left, which is much and stays: one in twenty seconds went by looking."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    """How tests are shared out among several processes."""
    return Together(config, log)
