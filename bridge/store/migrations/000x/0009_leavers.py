"""Leavers set by command (F2)."""

from __future__ import annotations

from peewee import BigIntegerField, Database, Model, TextField
from playhouse.migrate import SchemaMigrator


class CommandLeaver(Model):
    staff_id = TextField(primary_key=True)
    set_by = TextField()
    since = BigIntegerField()
    caused_by = TextField()

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, db: Database) -> None:
    with db.bind_ctx([CommandLeaver]):
        db.create_tables([CommandLeaver])
