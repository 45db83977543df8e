"""A trial restore: the databases of a backup put up in a place of their own, brought up to date and asked."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from bridge.backup.databases import LiveDatabase, restore_dump
from bridge.backup.manifest import LATEST_MS, Side
from bridge.backup.restoring import OpenedBackup, examine
from bridge.backup.sealed import BackupError
from bridge.store.engine.errors import StoreError
from bridge.store.engine.migrating import pending_migrations
from bridge.store.engine.store import Store
from bridge.store.record.audit import Chain, Verified, verified, verify_page
from bridge.store.rooms.accounts import all_accounts
from bridge.store.rooms.made import rooms_of


@dataclass(frozen=True)
class BridgeHeld:
    """What the bridge's database holds."""

    people: int
    rooms: int
    audit: Chain
    """Every entry of the audit log follows from the one before it."""
    migrations: int
    """Changes of the tables that this release makes to it, and made in the trial."""


@dataclass(frozen=True)
class SynapseHeld:
    """What Synapse's database holds."""

    people: int
    rooms: int
    newest_ms: int | None
    """When its newest event came; None for none."""


@dataclass(frozen=True)
class Trial:
    """What a backup holds. A side is None where it is not in it, or is a dump that no server was given for."""

    bridge: BridgeHeld | None
    synapse: SynapseHeld | None


def try_backup(opened: OpenedBackup, server: str = "") -> Trial:
    """Look through a backup and put its databases up, those of PostgreSQL on a server given by its URL, in databases
    that are made for that and dropped. Raises BackupError, and TamperedError where the audit log is not whole."""
    examine(opened)
    held: dict[Side, Any] = {}
    for side, ask in ((Side.SYNAPSE, _ask_synapse), (Side.BRIDGE, _ask_bridge)):
        if (found := opened.database(side)) is None:
            continue
        part, file = found
        if part.engine == "sqlite":
            # A copy: the trial changes its tables.
            held[side] = ask(f"sqlite:///{shutil.copyfile(file, file.with_name(f'trial-{file.name}'))}")
        elif server:
            with _trial_database(server) as url:
                restore_dump(file, LiveDatabase(url))
                held[side] = ask(url)
    return Trial(held.get(Side.BRIDGE), held.get(Side.SYNAPSE))


def _ask_bridge(url: str) -> BridgeHeld:
    async def ask() -> BridgeHeld:
        lacking = pending_migrations(url)
        store = Store(url)
        await store.open()
        try:
            people, rooms = await store.read(lambda unit: (len(all_accounts(unit)), len(rooms_of(unit, None))))
            so_far = Verified()
            while (further := await store.read(verify_page, so_far, "")) != so_far:
                so_far = further
            return BridgeHeld(people, rooms, verified(so_far, ""), lacking)
        finally:
            await store.close()

    try:
        return asyncio.run(ask())
    except StoreError as error:
        raise BackupError(f"The bridge's database in the backup cannot be used: {error}") from error


_COUNTED = (
    "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM rooms),"
    " (SELECT max(received_ts) FROM events WHERE NOT outlier)"
)
"""On Synapse's tables."""


def _ask_synapse(url: str) -> SynapseHeld:
    try:
        if url.startswith("sqlite:///"):
            with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
                row = database.execute(_COUNTED).fetchone()
        else:
            import psycopg

            with psycopg.connect(url) as connection:
                row = connection.execute(_COUNTED).fetchone()
    except Exception as error:
        raise BackupError(f"What should be Synapse's database in the backup is none: {error}") from error
    people, rooms, newest = row or (0, 0, None)
    if newest is not None and not (isinstance(newest, int) and 0 <= newest <= LATEST_MS):
        raise BackupError("What should be Synapse's database in the backup is none: its newest event is of no time.")
    return SynapseHeld(people, rooms, newest)


@contextlib.contextmanager
def _trial_database(server: str) -> Iterator[str]:
    try:
        import psycopg
    except ImportError as error:
        raise BackupError(
            "The PostgreSQL driver is missing. Install it with: pip install 'firm-bridge[postgresql]'."
        ) from error
    name = f"firm_bridge_trial_{secrets.token_hex(6)}"
    try:
        with psycopg.connect(server, autocommit=True) as connection:
            # As Synapse wants it, and good for the bridge.
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
            try:
                yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
            finally:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    except psycopg.Error as error:
        raise BackupError(f"The server for the trial did not do its part: {str(error).strip()}") from error
