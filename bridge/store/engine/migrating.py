"""Bringing the tables up to date, and seeing whether they are."""

from __future__ import annotations

import glob
from pathlib import Path

import structlog
from playhouse.migrations import Runner

from bridge.store.engine.backends import Backend, backend_for
from bridge.store.engine.errors import NotMadeYetError, StoreError, as_store_error
from bridge.store.engine.unit import Unit

log = structlog.get_logger(__name__)

MIGRATIONS = Path(__file__).parents[1] / "migrations"
_FOLDERS = f"{glob.escape(str(MIGRATIONS))}/*"
"""Ten migrations lie in a folder of their own. The runner takes a pattern where it takes a folder."""


def migrate(backend: Backend, directory: str = _FOLDERS) -> None:
    """Apply the migrations that the database has not had yet. Raises StoreError where it has had ones unknown here."""
    runner = _runner(backend, directory)
    # What peewee gives each migration as its second argument.
    runner.database = Unit(backend.database)
    with backend.take_time():
        applied = runner.up()
    if applied:
        log.info("database_migrated", database=backend.name, migrations=applied)


def pending(backend: Backend) -> int:
    """How many migrations the database lacks. Raises StoreError where it has had ones unknown here."""
    return sum(not migration.applied for migration in _runner(backend, _FOLDERS).status())


def pending_migrations(url: str) -> int:
    """How many migrations the database at a URL lacks; it is only read. Raises StoreError, as `pending` does."""
    backend = backend_for(url, reading=True)
    try:
        backend.connect()
        return pending(backend)
    except Exception as error:
        raise as_store_error(error, backend.name) from error
    finally:
        backend.close()


def require_up_to_date(backend: Backend) -> None:
    """Raises NotMadeYetError where the database lacks a migration, and StoreError where it has had ones unknown
    here."""
    if pending(backend):
        raise NotMadeYetError(
            f"The tables of the database {backend.name} are older than this version of firm-bridge. The next start of"
            " the bridge brings them up to date."
        )


def _runner(backend: Backend, directory: str) -> Runner:
    runner = Runner(backend.database, directory)
    unknown = [migration.name for migration in runner.status() if migration.path is None]
    if unknown:
        raise StoreError(
            f"The database {backend.name} was written by a newer firm-bridge: it has the change {unknown[-1]}, which"
            " this version does not know. Start that version again, or restore a backup from before the upgrade."
        )
    return runner
