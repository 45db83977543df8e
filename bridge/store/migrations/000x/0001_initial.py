"""The first tables. A copy of the models as they were, so that later changes to them do not change history."""

from __future__ import annotations

from peewee import (
    BigAutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    Model,
    TextField,
)
from playhouse.migrate import SchemaMigrator

from bridge.store.engine.unit import Unit


class Base(Model):
    class Meta:
        legacy_table_names = False


class DirectoryRecord(Base):
    kind = TextField()
    record_id = TextField()
    data = TextField()

    class Meta:
        primary_key = CompositeKey("kind", "record_id")


class HeldChange(Base):
    fingerprint = TextField(primary_key=True)
    summary = TextField()
    held_at = BigIntegerField()
    confirmed_by = TextField(default="")


class Account(Base):
    staff_id = TextField(primary_key=True)
    localpart = TextField(unique=True)
    profile = TextField(default="")
    avatar_mxc = TextField(default="")
    avatar_digest = TextField(default="")


class Conversation(Base):
    id = TextField(primary_key=True)
    kind = TextField()
    title = TextField(default="")
    topic = TextField(default="")
    matter_id = TextField(default="", index=True)
    name_key = TextField(null=True, unique=True)
    alias_localpart = TextField(default="")
    everyone = BooleanField(default=False)
    archived = BooleanField(default=False)
    created_by = TextField(default="")
    created_at = BigIntegerField()
    caused_by = TextField(default="")


class Participant(Base):
    conversation = ForeignKeyField(Conversation, backref="participants", on_delete="CASCADE")
    staff_id = TextField(index=True)
    present = BooleanField(default=True)
    since = BigIntegerField()
    added_by = TextField(default="")

    class Meta:
        primary_key = CompositeKey("conversation", "staff_id")


class Room(Base):
    key = TextField(primary_key=True)
    alias_localpart = TextField(unique=True)
    room_id = TextField(null=True, unique=True)


class InboxEvent(Base):
    position = BigAutoField()
    event_id = TextField(unique=True)
    room_id = TextField()
    body = BlobField()
    received_at = BigIntegerField()
    attempts = IntegerField(default=0)
    status = TextField(default="waiting", index=True)
    error = TextField(default="")


class OutboxMessage(Base):
    position = BigAutoField()
    txn_id = TextField(unique=True)
    room_id = TextField()
    sender = TextField()
    event_type = TextField()
    content = BlobField()
    attempts = IntegerField(default=0)
    status = TextField(default="waiting", index=True)
    error = TextField(default="")
    sent_at = BigIntegerField(null=True)


TABLES = [DirectoryRecord, HeldChange, Account, Conversation, Participant, Room, InboxEvent, OutboxMessage]


def up(migrator: SchemaMigrator, unit: Unit) -> None:
    unit.create_tables(TABLES)
