"""Counts the changes of the directory, so that whoever knows a version need not read all records to compare with."""

from __future__ import annotations

from peewee import Database, IntegerField, Model
from playhouse.migrate import SchemaMigrator


class DirectoryVersion(Model):
    id = IntegerField(primary_key=True)
    version = IntegerField()

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, db: Database) -> None:
    with db.bind_ctx([DirectoryVersion]):
        db.create_tables([DirectoryVersion])
        DirectoryVersion.create(id=1, version=0)
