"""Conversations in which the bot still has to say who started them."""

from __future__ import annotations

from peewee import Database, Model, TextField
from playhouse.migrate import SchemaMigrator


class FirstLine(Model):
    conversation_id = TextField(primary_key=True)

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, db: Database) -> None:
    with db.bind_ctx([FirstLine]):
        db.create_tables([FirstLine])
