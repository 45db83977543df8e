"""Leavers set by command (F2)."""

from __future__ import annotations

from peewee import BigIntegerField, Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class CommandLeaver(Model):
    staff_id = TextField(primary_key=True)
    set_by = TextField()
    since = BigIntegerField()
    caused_by = TextField()

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([CommandLeaver])
