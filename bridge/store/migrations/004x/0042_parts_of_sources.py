"""Since when each record of a source is as it is, and what people call flawed matters."""

from __future__ import annotations

from peewee import BigIntegerField, TextField
from playhouse.migrate import SchemaMigrator, migrate

from bridge.store.engine.unit import Unit


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    migrate(
        migrator.add_column("source_row", "version", BigIntegerField(default=0)),
        migrator.add_column("source_state", "dropped", BigIntegerField(default=0)),
        migrator.add_column("source_flaw", "number", TextField(default="")),
        migrator.add_index("source_row", ("source", "version")),
    )
