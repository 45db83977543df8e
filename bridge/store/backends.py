"""What differs between SQLite and PostgreSQL: connecting, how a commit is made durable, and what errors mean."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any, Protocol
from urllib.parse import urlsplit

import structlog
from peewee import Database, ImproperlyConfigured, PostgresqlDatabase, SqliteDatabase

log = structlog.get_logger(__name__)

LOCK_SECONDS = 5
CONNECT_SECONDS = 10

_CALLERS_MISTAKES = {"IntegrityError", "DataError", "ProgrammingError", "NotSupportedError"}
_DATABASE_ERRORS = {"DatabaseError", "InterfaceError"}


class StoreError(Exception):
    """The database could not do its work. The message says what happened, to which database, and what to do."""


class Backend(Protocol):
    """One kind of database."""

    database: Database
    name: str
    """How people know it; without the password."""

    def connect(self) -> None:
        """Connect on this thread."""

    def ensure_connected(self) -> None:
        """Connect again where the connection was lost."""

    def transaction(self, *, durable: bool) -> contextlib.AbstractContextManager[object]:
        """A transaction; where it is not durable, a loss of power may undo it, but never half of it."""

    def in_transaction(self) -> bool:
        """Whether the transaction is still there after an error."""


def backend_for(url: str) -> Backend:
    """The backend for a database URL. Raises StoreError for one that is none."""
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and len(rest) > 1 and rest.startswith("/"):
        return SqliteBackend(rest[1:])
    if scheme in {"postgresql", "postgres"} and rest:
        return PostgresqlBackend(f"postgresql://{rest}")
    raise StoreError(
        "database.url names no database. Write sqlite:///PATH (four slashes for an absolute path) or"
        " postgresql://USER:PASSWORD@HOST/NAME."
    )


class _Sqlite(SqliteDatabase):
    def rollback(self) -> None:
        # When the disk is full SQLite has undone the transaction by itself, and would refuse to do it again.
        if _connection(self).in_transaction:
            super().rollback()


class SqliteBackend:
    """A file. Write-ahead logging, so that other processes can read while the bridge writes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._synchronous: str | None = None
        self.name = path
        self.database: Database = _Sqlite(
            path,
            timeout=LOCK_SECONDS,
            lock_type="IMMEDIATE",
            pragmas={
                "journal_mode": "wal",
                "foreign_keys": 1,
                "journal_size_limit": 64 * 1024 * 1024,
            },
        )

    def connect(self) -> None:
        if self._path != ":memory:":
            # Made here, so that nobody else can read it; SQLite gives its side files the same mode.
            try:
                os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            except OSError as error:
                raise StoreError(f"{_cannot_open(self._path)} ({error.strerror})") from error
        self.database.connect(reuse_if_open=True)
        self._synchronous = None

    def ensure_connected(self) -> None:
        if self.database.is_closed():
            self.connect()

    @contextlib.contextmanager
    def transaction(self, *, durable: bool) -> Iterator[None]:
        # FULL waits for the disk at every commit, NORMAL at checkpoints only. The log is in order: a FULL commit
        # makes those before it durable too.
        synchronous = "FULL" if durable else "NORMAL"
        if synchronous != self._synchronous:
            _execute(self.database, f"PRAGMA synchronous={synchronous}")
            self._synchronous = synchronous
        with self.database.transaction():
            yield

    def in_transaction(self) -> bool:
        return bool(_connection(self.database).in_transaction)


class PostgresqlBackend:
    """A PostgreSQL server, through psycopg 3."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.name = f"postgresql://{parts.hostname or ''}{parts.path}"
        try:
            self.database: Database = PostgresqlDatabase(
                url, prefer_psycopg3=True, connect_timeout=CONNECT_SECONDS, application_name="firm-bridge"
            )
        except ImproperlyConfigured as error:
            raise StoreError(
                f"{self.name} needs the PostgreSQL driver. Install it with: pip install 'firm-bridge[postgresql]'."
            ) from error

    def connect(self) -> None:
        self.database.connect(reuse_if_open=True)

    def ensure_connected(self) -> None:
        # Asked before every transaction, so that a connection lost meanwhile costs no unit.
        try:
            _execute(self.database, "SELECT 1")
        except Exception as error:  # noqa: BLE001 - the driver's own kinds; connecting again tells what is wrong
            log.info("database_connection_lost", database=self.name, reason=str(error).strip())
            self.database.close()
            self.database.connect()

    @contextlib.contextmanager
    def transaction(self, *, durable: bool) -> Iterator[None]:
        with self.database.transaction():
            if not durable:
                _execute(self.database, "SET LOCAL synchronous_commit = off")
            yield

    def in_transaction(self) -> bool:
        if self.database.is_closed():
            return False
        return bool(_connection(self.database).info.transaction_status.name in {"INTRANS", "INERROR"})


def _execute(database: Database, sql: str) -> None:
    database.execute_sql(sql)  # type: ignore[no-untyped-call]


def _connection(database: Database) -> Any:
    return database.connection()  # type: ignore[no-untyped-call]


def as_store_error(error: Exception, name: str) -> Exception:
    """A StoreError for what the database itself failed at; anything else as it is."""
    if isinstance(error, StoreError):
        return error
    kinds = {kind.__name__ for kind in type(error).__mro__}
    is_database = kinds & _DATABASE_ERRORS and not kinds & _CALLERS_MISTAKES
    if not is_database:
        return error
    explained = StoreError(_sentence(str(error).strip().splitlines()[0] if str(error).strip() else kinds.pop(), name))
    explained.__cause__ = error
    return explained


def _sentence(reason: str, name: str) -> str:
    told = reason.lower()
    if "disk is full" in told or "no space left" in told:
        return f"The disk that holds the database {name} is full. Make room; the bridge goes on by itself."
    if "is locked" in told:
        return (
            f"The database {name} has been locked by another process for {LOCK_SECONDS} seconds. Look for a second"
            " bridge, a backup or a database shell that uses it, and end it; the bridge goes on by itself."
        )
    if "readonly" in told or "unable to open" in told or "permission denied" in told:
        return _cannot_open(name)
    if "not a database" in told or "malformed" in told:
        return f"The database {name} is damaged ({reason}). Restore a backup."
    return f"The database {name} could not do its work: {reason}"


def _cannot_open(name: str) -> str:
    return f"The database {name} cannot be opened for writing. Look at database.url and the file's owner and mode."
