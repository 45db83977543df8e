"""PostgreSQL: a server that may be slow, hang or go away, and that says what became of a commit nobody heard of."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

import structlog
from peewee import Database, ImproperlyConfigured, PostgresqlDatabase

from bridge.guard.clock import boot_time
from bridge.store.engine.errors import LOCK_SECONDS, OwnedElsewhereError, StoreError, owned_elsewhere
from bridge.store.engine.processes import (
    KEY,
    LEASE_SECONDS,
    OWNER,
    PROCESSES,
    RENEWALS,
    TERM,
    Process,
    Reach,
    process_of,
)

log = structlog.get_logger(__name__)
T = TypeVar("T")

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 15
"""After so long the server gives one statement up."""
PATIENCE_SECONDS = 30.0
"""After so long the connection is broken off: the server does not answer, or the network swallows what is sent."""
SETTLE_SECONDS = 5.0
"""How long the fate of a commit, or the end of a connection of before, is waited for."""
_PAUSE_SECONDS = 0.1
_NETWORK: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""libpq's parameters; the last is in milliseconds."""
_PARTING_SECONDS = 1.0
"""How long a server may take to notice that the owner before has gone."""
_BEGIN_TERM = """
    INSERT INTO kept (name, value) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
_READING = "BEGIN READ ONLY"
_LASTING = "BEGIN; SELECT txid_current()"
_UNDURABLE = "BEGIN; SET LOCAL synchronous_commit = off; SELECT txid_current()"
_END_SILENT = f"SELECT pg_terminate_backend(pid) FROM ({PROCESSES}) AS found WHERE owns AND silent > %s"  # noqa: S608 - of our own


class _Postgresql(PostgresqlDatabase):
    begins = "BEGIN"
    """What begins the next transaction: all in one question, since each waits for the server."""
    number: int | None = None
    """The transaction's, where it may write."""

    def begin(self, isolation_level: str | None = None) -> None:
        statements, self.begins = self.begins, _Postgresql.begins
        # One that is closed must not be opened here, where nobody asks for the lock.
        cursor: Any = self.cursor()  # type: ignore[no-untyped-call]
        cursor.execute(statements, prepare=False)
        while cursor.nextset():
            pass
        self.number = cursor.fetchone()[0] if cursor.description is not None else None


class PostgresqlBackend:
    """A PostgreSQL server, through psycopg 3.

    The connection that writes holds the owner's lock, so that nothing is ever written without it: where the connection
    is lost the lock is, and the next one has it again or none. What each owner does is its term, which has a number:
    who comes back after another one's knows by it that what it has in memory is of before.
    """

    def __init__(
        self, url: str, *, reading: bool = False, lease: float = LEASE_SECONDS, reach: Reach | None = None
    ) -> None:
        """`lease` is how long an owner may be silent, in seconds; with a `reach` others find this process by it."""
        parts = urlsplit(url)
        self.name = f"postgresql://{parts.hostname or ''}{parts.path}"
        self.patience: float | None = PATIENCE_SECONDS
        self._reading = reading
        self._lease = lease
        self._reach = reach
        self.renews: float | None = None if reading else lease / RENEWALS
        self._term: int | None = None
        self._proven = -math.inf
        """When it was last asked, by boot_time, what showed that this process owned the database."""
        self._session: tuple[int, Any] | None = None
        """The server's process and its start behind the connection of now, or of before."""
        self._socket: int | None = None
        self._socket_lock = threading.Lock()
        try:
            self._database = _Postgresql(
                url, prefer_psycopg3=True, autoconnect=False, application_name="firm-bridge", **_NETWORK
            )
        except ImproperlyConfigured as error:
            raise StoreError(
                f"{self.name} needs the PostgreSQL driver. Install it with: pip install 'firm-bridge[postgresql]'."
            ) from error
        self.database: Database = self._database

    def connect(self) -> None:
        self.database.connect(reuse_if_open=True)
        try:
            with self._socket_lock:
                # A copy of its own: the driver may close its number, and the system give it to something else.
                self._socket = os.dup(_connection(self.database).fileno())
            self._set("lock_timeout", f"{LOCK_SECONDS}s")
            self._set("statement_timeout", f"{STATEMENT_SECONDS}s")
            if self._reach is not None:
                self._set("application_name", self._reach.name(self._address()))
            if self._reading:
                self._set("default_transaction_read_only", "on")
            else:
                self._own()
        except Exception:
            self._disconnect()
            raise

    def ensure_connected(self) -> None:
        self._surely(lambda: self._one("SELECT 1"))

    @contextlib.contextmanager
    def take_time(self) -> Iterator[None]:
        self._set("statement_timeout", "0")
        yield
        self._set("statement_timeout", f"{STATEMENT_SECONDS}s")

    @contextlib.contextmanager
    def transaction(self, *, durable: bool, reads: bool) -> Iterator[None]:
        number = None
        try:
            with contextlib.ExitStack() as stack:
                self._database.begins = _READING if reads else _LASTING if durable else _UNDURABLE
                # What begins it shows as well that the connection is there, so that one lost meanwhile costs no unit.
                self._surely(lambda: stack.enter_context(self.database.transaction()))
                yield
                number = self._database.number
        except Exception as error:
            if self.database.is_closed() or _connection(self.database).closed:
                # With the lock, which anybody may have by now.
                self._proven = -math.inf
            if number is None or not self._was_committed(number):
                raise
            log.warning("commit_found", database=self.name, reason=str(error).strip())

    def in_transaction(self) -> bool:
        if self.database.is_closed():
            return False
        return bool(_connection(self.database).info.transaction_status.name in {"INTRANS", "INERROR"})

    def owner(self) -> str:
        owner = self._one(OWNER)
        return "" if owner is None else _described(owner)

    def begin_term(self) -> None:
        with self.database.transaction():
            self._term = self._stored_term() + 1
            self._one(_BEGIN_TERM, TERM, str(self._term))

    def holds(self) -> bool:
        return self._reading or boot_time() - self._proven < self._lease

    def processes(self) -> tuple[Process, ...]:
        cursor = self.database.execute_sql(PROCESSES)  # type: ignore[no-untyped-call]
        return tuple(process_of(*row) for row in cursor.fetchall())

    def end_silent(self) -> bool:
        """End the owner's connection where it has been silent for longer than the lease; whether it was."""
        return self._one(_END_SILENT, self._lease) is not None

    def interrupt(self) -> None:
        """Break off the connection, which whoever waits at it hears at once, whatever the server or network does."""
        with self._socket_lock:
            if self._socket is not None:
                with socket.socket(fileno=os.dup(self._socket)) as end, contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._disconnect()

    def _surely(self, ask: Callable[[], T]) -> T:
        """Ask the server something, again on a new connection where the one there was is lost."""
        asked = boot_time()
        try:
            answer = ask()
        except Exception as error:  # noqa: BLE001 - the driver's own kinds; connecting again tells what is wrong
            log.info("database_connection_lost", database=self.name, reason=str(error).strip())
            self._proven = -math.inf
            self._disconnect()
            self.connect()
            return ask()
        self._proven = asked
        return answer

    def _disconnect(self) -> None:
        with self._socket_lock:
            if self._socket is not None:
                os.close(self._socket)
                self._socket = None
        if not self.database.is_closed():
            self.database.close()

    def _was_committed(self, number: int) -> bool:
        """Whether a transaction of a connection that was lost was committed. Raises StoreError where nobody can say."""
        end = time.monotonic() + SETTLE_SECONDS
        try:
            self._disconnect()
            self.connect()
            while (found := self._one("SELECT txid_status(%s)", number)) == ("in progress",):
                if time.monotonic() > end:
                    break
                time.sleep(_PAUSE_SECONDS)
        except Exception as error:
            raise StoreError(
                f"The connection to the database {self.name} was lost in the middle of a commit, and it cannot be asked"
                f" what became of it: {str(error).strip()}. The bridge reads back by itself what was stored."
            ) from error
        return bool(found == ("committed",))

    def _own(self) -> None:
        """Take the owner's lock, if need be from a connection of our own that the server does not know to be gone.

        Raises OwnedElsewhereError.
        """
        asked = boot_time()
        end, parting = asked + SETTLE_SECONDS, asked + _PARTING_SECONDS
        before, self._session = (
            self._session,
            self._one("SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"),
        )
        while self._one(f"SELECT pg_try_advisory_lock({KEY})") != (True,):
            owner = self._one(OWNER)
            if owner is not None and before != (owner[0], owner[2]):
                if boot_time() < parting:
                    time.sleep(_PAUSE_SECONDS)
                    continue
                self._session = before
                raise owned_elsewhere(self.name, _described(owner))
            if boot_time() > end:
                self._session = before
                raise StoreError(
                    f"An earlier connection to the database {self.name} does not come to its end. The bridge goes on by"
                    " itself when it does."
                )
            if owner is not None:
                self._one("SELECT pg_terminate_backend(%s)", owner[0])
            time.sleep(_PAUSE_SECONDS)
            asked = boot_time()
        if self._term is not None and self._term != self._stored_term():
            raise OwnedElsewhereError(
                f"Another process of firm-bridge used the database {self.name} while this one had lost it. What this"
                " one remembers is of before, so it changed nothing and begins anew."
            )
        self._proven = asked

    def _stored_term(self) -> int:
        found = self._one("SELECT value FROM kept WHERE name = %s", TERM)
        return 0 if found is None else int(found[0])

    def _address(self) -> str:
        """This machine's address on the network that leads to the server."""
        with socket.socket(fileno=os.dup(_connection(self.database).fileno())) as found:
            return str(found.getsockname()[0]) if found.family in {socket.AF_INET, socket.AF_INET6} else "127.0.0.1"

    def _set(self, name: str, value: str) -> None:
        self._one(f"SET {name} = '{value}'")

    def _one(self, statement: str, *values: object) -> Any:
        """The first row of what a statement answers, if it answers anything."""
        cursor = self.database.execute_sql(statement, values or None)  # type: ignore[no-untyped-call]
        return cursor.fetchone() if cursor.description is not None else None


def _described(owner: Any) -> str:
    return f"connected from {owner[1]} since {owner[2]:%Y-%m-%d %H:%M:%S}"


def _connection(database: Database) -> Any:
    return database.connection()  # type: ignore[no-untyped-call]
