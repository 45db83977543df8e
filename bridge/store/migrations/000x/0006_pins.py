"""Pinned messages: who pinned what and when, and the lists of the last moments (V2)."""

from __future__ import annotations

from peewee import BigIntegerField, CompositeKey, IntegerField, Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class Pin(Model):
    conversation_id = TextField()
    event_id = TextField()
    place = IntegerField()
    staff_id = TextField()
    at_ms = BigIntegerField()

    class Meta:
        legacy_table_names = False
        primary_key = CompositeKey("conversation_id", "event_id")


class PinLists(Model):
    conversation_id = TextField(primary_key=True)
    cause = TextField()
    data = TextField()

    class Meta:
        legacy_table_names = False


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([Pin, PinLists])
