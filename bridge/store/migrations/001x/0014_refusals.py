"""How far the guard's refusals are in the audit log, and who was refused how often (O1)."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, IntegerField, Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class RefusalsTaken(Model):
    spool = TextField(primary_key=True)
    number = BigIntegerField()
    met_at = BigIntegerField(index=True)

    class Meta:
        legacy_table_names = False


class RefusalTally(Model):
    actor = TextField(primary_key=True)
    since = BigIntegerField()
    last = BigIntegerField()
    count = IntegerField()
    told_at = BigIntegerField(null=True)
    due = BooleanField(default=False, index=True)

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([RefusalsTaken, RefusalTally])
