"""Counts the changes of the directory, so that whoever knows a version need not read all records to compare with."""

from __future__ import annotations

from peewee import IntegerField, Model
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class DirectoryVersion(Model):
    id = IntegerField(primary_key=True)
    version = IntegerField()

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([DirectoryVersion])
    unit.run(DirectoryVersion.insert(id=1, version=0))
