"""Tokens of the API, and requests that must happen once."""

from __future__ import annotations

from peewee import AutoField, BigIntegerField, IntegerField, Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class ApiToken(Model):
    number = AutoField()
    token_hash = TextField(unique=True)
    staff_id = TextField(index=True)
    name = TextField()
    scopes = TextField()
    made_by = TextField()
    made_at = BigIntegerField()
    until = BigIntegerField()
    used_at = BigIntegerField(null=True)
    ended_at = BigIntegerField(null=True)

    class Meta:
        legacy_table_names = False


class ApiRequest(Model):
    key_hash = TextField(primary_key=True)
    asked = TextField()
    cause = TextField()
    at_ms = BigIntegerField(index=True)
    status = IntegerField(null=True)
    answer = TextField(default="")

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([ApiToken, ApiRequest])
