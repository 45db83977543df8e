"""Rooms in which a conversation was held before it went on in another one (M3)."""

from __future__ import annotations

from peewee import Database, TextField
from playhouse.migrate import SchemaMigrator, migrate


def up(migrator: SchemaMigrator, db: Database) -> None:
    migrate(
        migrator.add_column("room", "earlier_of", TextField(default="")),
        migrator.add_index("room", ("earlier_of",)),
    )
