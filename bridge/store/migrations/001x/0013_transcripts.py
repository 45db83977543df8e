"""Which transcripts are in the filing cabinet, and how far they go."""

from __future__ import annotations

from peewee import BigIntegerField, Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class FiledTranscript(Model):
    conversation_id = TextField(primary_key=True)
    mark = TextField()
    at_ms = BigIntegerField()

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([FiledTranscript])
