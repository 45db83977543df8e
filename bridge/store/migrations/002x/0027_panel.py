"""Links and sessions of the panel."""

from __future__ import annotations

from peewee import BigIntegerField, Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class PanelLink(Model):
    token_hash = TextField(primary_key=True)
    staff_id = TextField(index=True)
    until = BigIntegerField()

    class Meta:
        legacy_table_names = False


class PanelSession(Model):
    token_hash = TextField(primary_key=True)
    staff_id = TextField(index=True)
    begun_at = BigIntegerField()
    used_at = BigIntegerField()
    browser = TextField()

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([PanelLink, PanelSession])
