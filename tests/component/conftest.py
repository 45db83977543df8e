"""What component tests share: a database for each (a file, or a schema where FIRM_BRIDGE_TEST_DATABASE names a
PostgreSQL server), and a fake homeserver with the Matrix client.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import uvloop

from bridge.matrix.client import MatrixClient
from bridge.store import models
from bridge.store.engine.backends import backend_for
from bridge.store.engine.store import Store, migrate
from tests.component.firm_on_fake import FirmOnFake, firm_on_fake
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
def empty_database(folder: Path) -> Iterator[str]:
    """The URL of an empty database, which is in the folder where it is a file."""
    if not SERVER:
        yield f"sqlite:///{folder}/test.db"
        return
    schema = f"t{uuid.uuid4().hex}"
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{schema}"')
        yield f"{SERVER}{'&' if '?' in SERVER else '?'}options=-csearch_path%3D{schema}"
        connection.execute(f'DROP SCHEMA "{schema}" CASCADE')


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database as the migrations leave it, of which each test has a copy: they take longer than most."""
    file = tmp_path_factory.mktemp("database") / "new.db"
    backend = backend_for(f"sqlite:///{file}")
    models.database.initialize(backend.database)
    backend.connect()
    migrate(backend)
    backend.database.close()
    return file


@pytest.fixture
def database_url(tmp_path: Path, new_database: Path) -> Iterator[str]:
    """A database with all tables and no rows; on a server an empty one."""
    with empty_database(tmp_path) as url:
        if not SERVER:
            shutil.copy(new_database, tmp_path / "test.db")
        yield url


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """An open store with all tables and no rows."""
    opened = Store(database_url)
    await opened.open()
    yield opened
    await opened.close()


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
