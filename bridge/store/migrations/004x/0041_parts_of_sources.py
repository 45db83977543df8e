"""Since when each record of a source is as it is, what people call flawed matters, and who was mentioned."""

from __future__ import annotations

from peewee import BigIntegerField, CompositeKey, Model, TextField
from playhouse.migrate import SchemaMigrator, migrate

from bridge.store.engine.unit import Unit


class Mention(Model):
    event_id = TextField()
    staff_id = TextField()
    room_id = TextField()
    at_ms = BigIntegerField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("event_id", "staff_id")


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([Mention])
    migrate(
        migrator.add_column("source_row", "version", BigIntegerField(default=0)),
        migrator.add_column("source_state", "dropped", BigIntegerField(default=0)),
        migrator.add_column("source_flaw", "number", TextField(default="")),
        migrator.add_index("source_row", ("source", "version")),
    )
