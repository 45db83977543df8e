"""Walls that are set by command, and who was told of them."""

from __future__ import annotations

from peewee import BigAutoField, BigIntegerField, CompositeKey, ForeignKeyField, Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class CommandWall(Model):
    number = BigAutoField()
    kind = TextField()
    matter_id = TextField()
    client = TextField()
    people = TextField()
    memo = TextField()
    set_by = TextField()
    since = TextField()
    expires = TextField()
    caused_by = TextField(unique=True)
    ended_at = BigIntegerField(null=True)
    ended_by = TextField()
    ended_cause = TextField()

    class Meta:
        legacy_table_names = False


class Screened(Model):
    wall = ForeignKeyField(CommandWall, on_delete="CASCADE")
    staff_id = TextField(index=True)
    told_at = BigIntegerField()
    acknowledged_at = BigIntegerField(null=True)

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("wall", "staff_id")


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([CommandWall, Screened])
