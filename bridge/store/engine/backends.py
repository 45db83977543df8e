"""The two kinds of database, SQLite and PostgreSQL, and what is asked of both."""

from __future__ import annotations

import contextlib
from typing import Protocol

from peewee import Database

from bridge.store.engine.errors import StoreError
from bridge.store.engine.postgresql import PostgresqlBackend
from bridge.store.engine.processes import LEASE_SECONDS, Process, Reach
from bridge.store.engine.sqlite import SqliteBackend


class Backend(Protocol):
    """One kind of database. All but `interrupt` and `holds` is called on one thread.

    Who does not only read owns the database: no other process does at the same time, and `OwnedElsewhereError` is
    raised where one does, or took it over.
    """

    database: Database
    name: str
    """How people know it; without the password."""
    patience: float | None
    """Seconds that one transaction may take before it is interrupted; None where nothing can."""
    renews: float | None
    """Seconds without any work after which `ensure_connected` is called, since a silent owner is taken for gone; None
    where silence means nothing."""

    def connect(self) -> None:
        """Connect on this thread, and become the owner. Raises OwnedElsewhereError."""

    def ensure_connected(self) -> None:
        """Connect again where the connection was lost. Raises OwnedElsewhereError where this process owns it no
        more."""

    def take_time(self) -> contextlib.AbstractContextManager[object]:
        """A time in which a statement may take long, as those do that change tables."""

    def transaction(self, *, durable: bool, reads: bool) -> contextlib.AbstractContextManager[object]:
        """A transaction, once `ensure_connected`; where it is not durable, a loss of power may undo it, but never half
        of it.

        One that only reads locks nobody, and cannot write. Where the answer to a commit is lost, it is found out what
        became of it.
        """

    def in_transaction(self) -> bool:
        """Whether the transaction is still there after an error."""

    def owner(self) -> str:
        """Which process owns the database, as far as that is known; empty for none."""

    def begin_term(self) -> None:
        """Note that an owner begins, once the tables are there: whoever was it before must begin anew."""

    def holds(self) -> bool:
        """From any thread: whether nobody else can have become the owner by now. True for who only reads."""

    def processes(self) -> tuple[Process, ...]:
        """The processes that use the database, as far as that is known."""

    def interrupt(self) -> None:
        """From any thread: let the transaction under way fail."""

    def close(self) -> None:
        """Disconnect, and own it no more."""


def is_shared(url: str) -> bool:
    """Whether several processes can stand ready for the database behind this URL."""
    return url.startswith(("postgresql://", "postgres://"))


def backend_for(
    url: str, *, reading: bool = False, lease: float = LEASE_SECONDS, reach: Reach | None = None
) -> Backend:
    """The backend for a database URL. Raises StoreError for one that is none.

    Only PostgreSQL has a `lease`, the seconds for which its owner may be silent, and others who `reach` it.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and len(rest) > 1 and rest.startswith("/"):
        return SqliteBackend(rest[1:], reading=reading)
    if is_shared(url) and rest:
        return PostgresqlBackend(f"postgresql://{rest}", reading=reading, lease=lease, reach=reach)
    raise StoreError(
        "database.url names no database. Write sqlite:///PATH (four slashes for an absolute path) or"
        " postgresql://USER:PASSWORD@HOST/NAME."
    )


__all__ = ["Backend", "PostgresqlBackend", "SqliteBackend", "StoreError", "backend_for"]
