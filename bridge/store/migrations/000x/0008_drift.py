"""What was changed behind the bridge's back and put back, and how far the full check has come (O3)."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, IntegerField, Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class Drift(Model):
    cause = TextField(primary_key=True)
    key = TextField()
    kind = TextField()
    actor = TextField()
    person = TextField()
    what = TextField()
    at_ms = BigIntegerField()
    entry = BigIntegerField()
    put_back = BooleanField(default=False)
    told = BooleanField(default=False, index=True)

    class Meta:
        legacy_table_names = False


class DriftCheck(Model):
    day = TextField(primary_key=True)
    position = TextField(default="")
    rooms = IntegerField(default=0)
    started_at = BigIntegerField()
    finished_at = BigIntegerField(null=True)

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([Drift, DriftCheck])
