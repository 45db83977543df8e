"""Which transcripts are in the filing cabinet, and how far they go."""

from __future__ import annotations

from peewee import BigIntegerField, Database, Model, TextField
from playhouse.migrate import SchemaMigrator


class FiledTranscript(Model):
    conversation_id = TextField(primary_key=True)
    mark = TextField()
    at_ms = BigIntegerField()

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, db: Database) -> None:
    with db.bind_ctx([FiledTranscript]):
        db.create_tables([FiledTranscript])
