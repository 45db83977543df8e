"""Filing: which files are in the cabinet, its folders, and which matters are filed (V3)."""

from __future__ import annotations

from peewee import BigAutoField, BigIntegerField, BooleanField, IntegerField, Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class Filing(Model):
    position = BigAutoField()
    event_id = TextField()
    mxc = TextField()
    given = TextField()
    sent_ms = BigIntegerField()
    state = TextField(default="waiting")
    queued_at = BigIntegerField()
    attempts = IntegerField(default=0)
    next_at = BigIntegerField(default=0)
    error = TextField(default="")
    folder = TextField(default="")
    name = TextField(default="")
    name_key = TextField(null=True)
    base_key = TextField(default="")
    version = IntegerField(default=0)
    type = TextField(default="")
    size = BigIntegerField(null=True)
    sha256 = TextField(default="")
    note = TextField(default="")
    filed_at = BigIntegerField(null=True)
    marked_removed = BooleanField(default=False)

    class Meta:
        legacy_table_names = False
        indexes = (
            (("event_id", "mxc"), True),
            (("state", "next_at"), False),
            (("folder", "name_key"), True),
            (("folder", "base_key"), False),
        )


class CabinetFolder(Model):
    key = TextField(primary_key=True)
    parent = TextField()
    name = TextField()
    name_key = TextField()
    changed = IntegerField(default=0)
    listed = IntegerField(default=0)

    class Meta:
        legacy_table_names = False
        indexes = ((("parent", "name_key"), True),)


class MatterFiling(Model):
    matter_id = TextField(primary_key=True)
    filed = BooleanField()
    set_by = TextField()
    at_ms = BigIntegerField()

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([Filing, CabinetFolder, MatterFiling])
