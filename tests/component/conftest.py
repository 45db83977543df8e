"""A database for each test: a file of its own, or a schema of its own where FIRM_BRIDGE_TEST_DATABASE is PostgreSQL."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from bridge.store.store import Store

SERVER = os.environ.get("FIRM_BRIDGE_TEST_DATABASE", "")


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    if not SERVER:
        yield f"sqlite:///{tmp_path}/test.db"
        return
    schema = f"t{uuid.uuid4().hex}"
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{schema}"')
        yield f"{SERVER}{'&' if '?' in SERVER else '?'}options=-csearch_path%3D{schema}"
        connection.execute(f'DROP SCHEMA "{schema}" CASCADE')


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """An open store with all tables and no rows."""
    opened = Store(database_url)
    await opened.open()
    yield opened
    await opened.close()
