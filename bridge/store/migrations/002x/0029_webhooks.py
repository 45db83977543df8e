"""Webhooks, and what waits to be told by them."""

from __future__ import annotations

from peewee import AutoField, BigIntegerField, BooleanField, IntegerField, Model, TextField
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class Webhook(Model):
    id = TextField(primary_key=True)
    staff_id = TextField(index=True)
    token = IntegerField(null=True, index=True)
    url = TextField()
    events = TextField()
    text = BooleanField()
    salt = TextField()
    made_by = TextField()
    made_at = BigIntegerField()
    cause = TextField(unique=True)
    ended_at = BigIntegerField(null=True)
    ended_cause = TextField(default="")

    class Meta:
        legacy_table_names = False


class WebhookDelivery(Model):
    position = AutoField()
    delivery_id = TextField(unique=True)
    webhook_id = TextField()
    lane = TextField()
    type = TextField()
    subject = TextField()
    person = TextField()
    actor = TextField()
    room_id = TextField()
    event_id = TextField()
    at_ms = BigIntegerField()
    since_ms = BigIntegerField()
    due_at = BigIntegerField(null=True, index=True)
    attempts = IntegerField()
    status = TextField()
    error = TextField()

    class Meta:
        legacy_table_names = False
        indexes = ((("webhook_id", "status", "lane", "position"), False),)


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables([Webhook, WebhookDelivery])
