"""Which process of Synapse each of the guard's lists of refusals belongs to."""

from __future__ import annotations

from peewee import TextField
from playhouse.migrate import SchemaMigrator, migrate

from bridge.store.engine.unit import Unit


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    migrate(migrator.add_column("refusals_taken", "process", TextField(default="")))
