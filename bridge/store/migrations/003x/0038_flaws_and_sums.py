"""What of a source cannot be read, what removals of a day add up from, and when a resource of SCIM was pushed."""

from __future__ import annotations

from peewee import BigIntegerField, CompositeKey, Model, TextField
from playhouse.migrate import SchemaMigrator, migrate

from bridge.store.engine.unit import Unit


class SourceFlaw(Model):
    source = TextField()
    kind = TextField()
    record_id = TextField()
    why = TextField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("source", "kind", "record_id")


class EarlierRecord(Model):
    kind = TextField()
    record_id = TextField()
    hour = BigIntegerField()
    data = TextField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("kind", "record_id", "hour")


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([SourceFlaw, EarlierRecord])
    migrate(migrator.add_column("scim_resource", "pushed_at", BigIntegerField(null=True)))
