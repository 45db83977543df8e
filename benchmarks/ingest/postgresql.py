"""The bridge of `benchmarks.ingest.bridge` with a database on the server that tests/postgres.sh started.

    python -m benchmarks.ingest.postgresql --port PORT --homeserver URL --folder FOLDER --concurrency N --rooms N

The database is called after the folder, so that a bridge that was killed goes on with its own.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from pydantic import SecretStr

from benchmarks.ingest.bridge import serve
from bridge.settings import DatabaseSettings


def database(folder: Path) -> DatabaseSettings:
    """A database of this folder's own, made where it is not there."""
    server, name = os.environ["FIRM_BRIDGE_TEST_DATABASE"], folder.name
    with psycopg.connect(server, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = urlsplit(server)._replace(path=f"/{name}").geturl()
    return DatabaseSettings(url=SecretStr(url))


if __name__ == "__main__":
    serve(database)
