"""The users and groups that a SCIM client pushed."""

from __future__ import annotations

from peewee import BooleanField, Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class ScimResource(Model):
    id = TextField(primary_key=True)
    kind = TextField()
    data = TextField()
    email = TextField(default="")
    deleted = BooleanField(default=False)

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([ScimResource])
