"""Rooms in which a conversation was held before it went on in another one (M3)."""

from __future__ import annotations

from peewee import TextField
from playhouse.migrate import SchemaMigrator, migrate

from bridge.store.engine.unit import Unit


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    migrate(
        migrator.add_column("room", "earlier_of", TextField(default="")),
        migrator.add_index("room", ("earlier_of",)),
    )
