"""SQLite: a file, with a lock beside it that its one owner holds."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from peewee import Database, SqliteDatabase

from bridge.store.engine.errors import (
    LOCK_SECONDS,
    NotMadeYetError,
    OwnedElsewhereError,
    StoreError,
    cannot_open,
    owned_elsewhere,
)
from bridge.store.engine.processes import Process

_IN_MEMORY = ":memory:"
_LONGEST_OWNER = 200


class _Sqlite(SqliteDatabase):
    def rollback(self) -> None:
        # When the disk is full SQLite has undone the transaction by itself, and would refuse to do it again.
        if _connection(self).in_transaction:
            super().rollback()


class SqliteBackend:
    """A file. Write-ahead logging, so that other processes can read while the bridge writes."""

    patience: float | None = None
    renews: float | None = None

    def __init__(self, path: str, *, reading: bool = False) -> None:
        self._path = path
        self._reading = reading
        self._synchronous: str | None = None
        self._only_reads: bool | None = None
        self._lock: OwnersLock | None = None
        self._inode: int | None = None
        self.name = path
        pragmas = {"foreign_keys": 1, "journal_size_limit": 64 * 1024 * 1024}
        self.database: Database = _Sqlite(
            path,
            autoconnect=False,
            timeout=LOCK_SECONDS,
            lock_type="IMMEDIATE",
            pragmas={**pragmas, "query_only": 1} if reading else {**pragmas, "journal_mode": "wal"},
        )

    def connect(self) -> None:
        if self._reading:
            if self._path != _IN_MEMORY and not Path(self._path).exists():
                raise NotMadeYetError(
                    f"The database {self.name} is not there yet; the first start of the bridge makes it."
                )
        elif self._path != _IN_MEMORY:
            # Made here, so that nobody else can read it; SQLite gives its side files the same mode.
            try:
                os.close(_made(self._path))
                if self._lock is None:
                    self._lock = OwnersLock(self._lock_path(), self.name)
            except OSError as error:
                raise StoreError(f"{cannot_open(self._path)} ({error.strerror})") from error
            self._inode = Path(self._path).stat().st_ino
        self.database.connect(reuse_if_open=True)
        self._synchronous, self._only_reads = None, None

    def ensure_connected(self) -> None:
        if self._lock is not None and (not self._lock.holds() or _inode_of(self._path) != self._inode):
            raise OwnedElsewhereError(
                f"The database {self.name} or its lock was moved or replaced while the bridge was using it. Start the"
                " bridge again; end it before a backup is put back."
            )
        if self.database.is_closed():
            self.connect()

    def take_time(self) -> contextlib.AbstractContextManager[object]:
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def transaction(self, *, durable: bool, reads: bool) -> Iterator[None]:
        self.ensure_connected()
        self._only_read(reads)
        if reads:
            with self.database.transaction("DEFERRED"):
                yield
            return
        # FULL waits for the disk at every commit, NORMAL at checkpoints only. The log is in order: a FULL commit
        # makes those before it durable too.
        synchronous = "FULL" if durable else "NORMAL"
        if synchronous != self._synchronous:
            _execute(self.database, f"PRAGMA synchronous={synchronous}")
            self._synchronous = synchronous
        with self.database.transaction():
            yield

    def _only_read(self, reads: bool) -> None:
        """A unit that says that it reads and writes all the same is a mistake, and fails at once."""
        if reads != self._only_reads:
            _execute(self.database, f"PRAGMA query_only={reads:d}")
            self._only_reads = reads

    def in_transaction(self) -> bool:
        return bool(_connection(self.database).in_transaction)

    def owner(self) -> str:
        return owner_of(self._lock_path())

    def begin_term(self) -> None:
        """The file's lock is lost with the process alone, so nobody comes back to it."""

    def holds(self) -> bool:
        return True

    def processes(self) -> tuple[Process, ...]:
        return ()

    def _lock_path(self) -> Path:
        """Beside the file itself, whatever links lead to it, as SQLite has its own side files."""
        return Path(f"{os.path.realpath(self._path)}.lock")

    def interrupt(self) -> None:
        """Nothing that SQLite waits for can be interrupted: a lock is waited for shortly, and a disk answers."""

    def close(self) -> None:
        self.database.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None


class OwnersLock:
    """A file that its owner keeps locked for as long as it lives (flock(2)); the system lets go when it is killed.

    In a file of its own: SQLite's own locks on the database are for moments.
    """

    def __init__(self, path: Path, name: str) -> None:
        """Raises OwnedElsewhereError where another process has it, and OSError. `name` is the database's, for
        messages."""
        self._path = path
        self._file = _made(path)
        for pause in (0.1, 0.1, 0.1, None):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                # Somebody may only look who it is, or be about to end.
                if pause is None:
                    os.close(self._file)
                    raise owned_elsewhere(name, owner_of(path) or "one that is just starting") from error
                time.sleep(pause)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"process {os.getpid()} on {socket.gethostname()}, since {since}\n".encode(), 0)

    def holds(self) -> bool:
        """Whether whoever comes next meets this lock."""
        return _inode_of(str(self._path)) == os.fstat(self._file).st_ino

    def release(self) -> None:
        """Let others have it."""
        os.close(self._file)


def owner_of(path: Path) -> str:
    """Who keeps this file locked, by its own words; empty for nobody."""
    try:
        with path.open("rb") as file:
            try:
                # For a moment, and shared, so that nobody is refused for it who comes at the same time to look.
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read(_LONGEST_OWNER).decode("utf-8", "replace").strip() or "one that is just starting"
    except FileNotFoundError:
        pass
    return ""


def _made(path: str | Path) -> int:
    """A file that nobody else can read, open; made where there is none. Raises OSError.

    Root makes it for whoever its folder belongs to: a command run once as root must not shut out the bridge.
    """
    try:
        # Exclusively, so that root gives away what it made itself and nothing that a link leads to.
        number = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    except FileExistsError:
        return os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    if os.geteuid() == 0:
        folder = Path(path).parent.stat()
        os.fchown(number, folder.st_uid, folder.st_gid)
    return number


def _inode_of(path: str) -> int | None:
    try:
        return os.stat(path).st_ino  # noqa: PTH116 - asked before every transaction
    except FileNotFoundError:
        return None


def _execute(database: Database, sql: str) -> None:
    database.execute_sql(sql)  # type: ignore[no-untyped-call]


def _connection(database: Database) -> Any:
    return database.connection()  # type: ignore[no-untyped-call]
