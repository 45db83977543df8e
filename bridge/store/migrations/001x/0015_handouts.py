"""Files that the bot gave to somebody alone, so that they can be taken back (M3)."""

from __future__ import annotations

from peewee import BigIntegerField, Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class Handout(Model):
    mxc = TextField(primary_key=True)
    staff_id = TextField()
    matter_id = TextField()
    at_ms = BigIntegerField()

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([Handout])
