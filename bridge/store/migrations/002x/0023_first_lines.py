"""Conversations in which the bot still has to say who started them."""

from __future__ import annotations

from peewee import Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class FirstLine(Model):
    conversation_id = TextField(primary_key=True)

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([FirstLine])
