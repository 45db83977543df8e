"""Single facts that must outlive the process: the day that was done, the version that the guard was last told."""

from __future__ import annotations

from peewee import Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class Kept(Model):
    name = TextField(primary_key=True)
    value = TextField()

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([Kept])
