"""Which attempts to sign in by the firm's single sign-on have begun a session, and how far people have read."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, CompositeKey, Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class SignOnUsed(Model):
    nonce_hash = TextField(primary_key=True)
    until = BigIntegerField()

    class Meta:
        legacy_table_names = False


class ReadPosition(Model):
    room_id = TextField()
    staff_id = TextField()
    threads = BooleanField()
    event_id = TextField()
    event_ms = BigIntegerField(null=True)
    at_ms = BigIntegerField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("room_id", "staff_id", "threads")


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([SignOnUsed, ReadPosition])
