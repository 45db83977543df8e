"""What component tests share: a database for each (a file, or one on the PostgreSQL server that
FIRM_BRIDGE_TEST_DATABASE names), and a fake homeserver with the Matrix client.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import uvloop
from peewee import Database

from bridge.matrix.client import MatrixClient
from bridge.store.engine.backends import backend_for
from bridge.store.engine.migrating import migrate
from bridge.store.engine.store import Store
from tests.component.firm_on_fake import FirmOnFake, firm_on_fake
from tests.component.panel.panel_firm import Panel, panel_firm
from tests.fakes.anybody import Anybody
from tests.fakes.guard import FakeGuard
from tests.fakes.homeserver import FakeHomeserver

SERVER = os.environ.get("FIRM_BRIDGE_TEST_DATABASE", "")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What reads and writes connections itself is tested on both loops: the bridge runs on uvloop."""
    loops = {"asyncio": asyncio.new_event_loop}
    return loops | {"uvloop": uvloop.new_event_loop} if item.get_closest_marker("both_loops") else loops


@contextmanager
def own_database(folder: Path, copied_from: str = "") -> Iterator[str]:
    """The URL of an empty database, or of the copy of a made one: a file in the folder, or one of the server's own."""
    if not SERVER:
        if copied_from:
            shutil.copy(_file(copied_from), folder / "test.db")
        yield f"sqlite:///{folder}/test.db"
        return
    name, made = f"t{uuid.uuid4().hex}", urlsplit(copied_from).path[1:] or "template0"
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{made}"')
    yield urlsplit(SERVER)._replace(path=f"/{name}").geturl()
    # Anew: a test may have restarted the server.
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _file(database_url: str) -> Path:
    return Path(database_url.removeprefix("sqlite:///"))


def tamper(database_url: str, statement: str) -> None:
    """Change the audit log as somebody who is let into the database, and takes its triggers away first."""
    if SERVER:
        with psycopg.connect(database_url) as connection:
            connection.execute("ALTER TABLE audit_row DISABLE TRIGGER USER")
            connection.execute(statement.encode())
        return
    with closing(sqlite3.connect(_file(database_url))) as file, file:
        for verb in ("update", "delete"):
            file.execute(f"DROP TRIGGER audit_row_no_{verb}")
        file.execute(statement)


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database as the migrations leave it, of which each test has a copy: they take longer than most."""
    with own_database(tmp_path_factory.mktemp("database")) as url:
        backend = backend_for(url)
        backend.connect()
        migrate(backend)
        backend.database.close()
        yield url


@pytest.fixture
def database_url(tmp_path: Path, new_database: str) -> Iterator[str]:
    """A database with all tables and no rows."""
    with own_database(tmp_path, new_database) as url:
        yield url


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """An open store with all tables and no rows."""
    opened = Store(database_url)
    await opened.open()
    yield opened
    await opened.close()


async def database_of(store: Store) -> Database:
    """The database behind a store, for tests that let it fail."""
    return await store.read(lambda unit: unit.database)


@pytest.fixture
async def fake() -> AsyncIterator[FakeHomeserver]:
    """A fake homeserver with the bot, Ann and Ben."""
    async with FakeHomeserver() as homeserver:
        for localpart in ("ann", "ben"):
            homeserver.add_user(localpart)
        yield homeserver


@pytest.fixture
def guard(fake: FakeHomeserver, tmp_path: Path) -> FakeGuard:
    """The guard in it, which lets people be invited."""
    fake.block_invites = False
    fake.guard = FakeGuard(tmp_path / "firm-policy", fake.bot_id)
    return fake.guard


@pytest.fixture
async def client(fake: FakeHomeserver) -> AsyncIterator[MatrixClient]:
    """The Matrix client, connected to it."""
    opened = MatrixClient(fake.homeserver_settings(), fake.appservice_settings(), Anybody())
    yield opened
    await opened.close()


@pytest.fixture
def room(fake: FakeHomeserver) -> str:
    """A closed room with the bot and Ann."""
    room_id = fake.create_room(fake.bot_id, {"invite": ["@ann:localhost"]})
    fake.join(room_id, "@ann:localhost")
    return room_id


@pytest.fixture
async def on(store: Store) -> AsyncIterator[FirmOnFake]:
    """A firm on the fake homeserver, as made by the first pass."""
    async with FakeHomeserver() as fake, firm_on_fake(fake, store) as made:
        yield made


@pytest.fixture
async def panel(tmp_path: Path, database_url: str) -> AsyncIterator[Panel]:
    async with panel_firm(tmp_path, database_url) as found:
        yield found
