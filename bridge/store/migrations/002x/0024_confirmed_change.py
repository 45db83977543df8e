"""What a confirmed change of the directory replaced, so that it can be taken back."""

from __future__ import annotations

from peewee import BigIntegerField, CompositeKey, Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class ConfirmedChange(Model):
    fingerprint = TextField(primary_key=True)
    confirmed_by = TextField()
    at_ms = BigIntegerField()
    position = BigIntegerField()
    undone_at = BigIntegerField(null=True)

    class Meta:
        legacy_table_names = False


class ReplacedRecord(Model):
    kind = TextField()
    record_id = TextField()
    before = TextField(null=True)
    after = TextField(null=True)

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("kind", "record_id")


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([ConfirmedChange, ReplacedRecord])
