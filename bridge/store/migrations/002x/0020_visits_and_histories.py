"""Where the bot is for a moment, and from when on a room's history is to be read again for files."""

from __future__ import annotations

from peewee import BigIntegerField, Model, TextField
from playhouse.migrate import SchemaMigrator, migrate

from bridge.store.engine.unit import Unit


class BotVisit(Model):
    room_id = TextField(primary_key=True)
    conversation_id = TextField()
    at_ms = BigIntegerField()

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([BotVisit])
    migrate(
        migrator.add_column("file_history", "again_from", BigIntegerField(null=True)),
        migrator.add_column("file_history", "next_at", BigIntegerField(default=0)),
    )
