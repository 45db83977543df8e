"""How far each person has read the list that they asked for last, so that `!more` outlives a process."""

from __future__ import annotations

from peewee import BigIntegerField, Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class ListPosition(Model):
    staff_id = TextField(primary_key=True)
    room_id = TextField()
    event_id = TextField()
    place = TextField()
    after = TextField()
    at_ms = BigIntegerField()

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([ListPosition])
