"""What a record that cannot be read takes away."""

from __future__ import annotations

from peewee import TextField
from playhouse.migrate import SchemaMigrator, migrate

from bridge.store.engine.unit import Unit


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    migrate(migrator.add_column("source_flaw", "takes", TextField(default="")))
