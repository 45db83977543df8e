"""What each source of the directory said last, how it stands, and who is who in it."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, CompositeKey, Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class SourceRow(Model):
    source = TextField()
    kind = TextField()
    record_id = TextField()
    data = TextField()
    gone = BooleanField(default=False)

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("source", "kind", "record_id")


class SourceState(Model):
    source = TextField(primary_key=True)
    version = BigIntegerField(default=0)
    cursor = TextField(default="")
    read_at = BigIntegerField(null=True)
    tried_at = BigIntegerField(null=True)
    trouble = TextField(default="")

    class Meta:
        legacy_table_names = False


class SourceLink(Model):
    source = TextField()
    kind = TextField()
    record_id = TextField()
    directory_id = TextField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("source", "kind", "record_id")


class SourceSecret(Model):
    name = TextField(primary_key=True)
    sealed = TextField()

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([SourceRow, SourceState, SourceLink, SourceSecret])
