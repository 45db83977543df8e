"""Files: what is known of each file in a conversation (V3)."""

from __future__ import annotations

from peewee import BigAutoField, BigIntegerField, IntegerField, Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class File(Model):
    position = BigAutoField()
    event_id = TextField(unique=True)
    room_id = TextField()
    conversation_id = TextField()
    matter_id = TextField(default="", index=True)
    sender = TextField()
    staff_id = TextField(default="")
    at_ms = BigIntegerField()
    kind = TextField()
    name = TextField()
    name_key = TextField()
    caption = TextField(default="")
    mxc = TextField(index=True)
    encryption = TextField(default="")
    declared_type = TextField(default="")
    declared_size = BigIntegerField(null=True)
    width = IntegerField(null=True)
    height = IntegerField(null=True)
    duration_ms = BigIntegerField(null=True)
    found_type = TextField(default="")
    found_size = BigIntegerField(null=True)
    sha256 = TextField(default="")
    removed_at = BigIntegerField(null=True)
    removed_by = TextField(default="")

    class Meta:
        legacy_table_names = False
        indexes = ((("conversation_id", "name_key", "at_ms"), False), (("conversation_id", "at_ms"), False))


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([File])
