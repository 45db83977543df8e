"""The tables of what waits to be handled or told."""

from __future__ import annotations

from peewee import AutoField, BigAutoField, BigIntegerField, BlobField, BooleanField, IntegerField, TextField

from bridge.store.models.base import Base


class InboxEvent(Base):
    """An event from the homeserver that needs handling. Its position is the order of arrival."""

    position = BigAutoField()
    event_id = TextField(unique=True)
    room_id = TextField()
    body = BlobField()
    """The event as JSON; emptied once handled, so that no message body is kept."""
    received_at = BigIntegerField()
    attempts = IntegerField(default=0)
    status = TextField(default="waiting", index=True)
    """waiting, handled or dead."""
    error = TextField(default="")


class OutboxMessage(Base):
    """Something to send, written before it is asked for. Its txn_id is made from the row's key and the sender."""

    position = BigAutoField()
    txn_id = TextField(unique=True)
    room_id = TextField()
    sender = TextField()
    event_type = TextField()
    content = BlobField()
    """JSON; emptied once sent."""
    attempts = IntegerField(default=0)
    status = TextField(default="waiting", index=True)
    """waiting, sent or dead."""
    error = TextField(default="")
    sent_at = BigIntegerField(null=True)


class Webhook(Base):
    """An address to which a system has itself told what happens (A3). Its row stays when it has ended."""

    id = TextField(primary_key=True)
    """Random: it counts nothing."""
    staff_id = TextField(index=True)
    """As whom it sees; empty for the firm itself."""
    token = IntegerField(null=True, index=True)
    """The number of the API's token that made it, with which it ends; null where the shell made it."""
    url = TextField()
    events = TextField()
    """The kinds of events it asks for, separated by blanks."""
    text = BooleanField()
    """Whether it is told what was said."""
    salt = TextField()
    """Of the secret with which its requests are signed, which stands nowhere: it is made from this and the bridge's
    key."""
    made_by = TextField()
    made_at = BigIntegerField()
    cause = TextField(unique=True)
    """What it was made by: the same makes no second one."""
    behind = BigIntegerField(null=True)
    """The position in the audit log up to which was queued for it, where too much waits for more; null elsewhere."""
    missed_since = BigIntegerField(null=True)
    """Since when, the last time, it was told of nothing but what the audit log has."""
    missed_until = BigIntegerField(null=True)
    ended_at = BigIntegerField(null=True)
    ended_cause = TextField(default="")


class WebhookDelivery(Base):
    """Something that a webhook is to be told of. Ids alone; the row goes once the receiver has it."""

    position = AutoField()
    delivery_id = TextField(unique=True)
    """By which the receiver knows it again. Random: it counts nothing."""
    webhook_id = TextField()
    lane = TextField()
    """What is told of in order."""
    type = TextField()
    subject = TextField()
    person = TextField()
    actor = TextField()
    room_id = TextField()
    event_id = TextField()
    at_ms = BigIntegerField()
    """When it happened."""
    since_ms = BigIntegerField()
    """Since when it waits; later than that where it was let wait again."""
    due_at = BigIntegerField(null=True, index=True)
    """When it is tried next; null while another of its lane comes first, and where it is parked."""
    attempts = IntegerField()
    status = TextField()
    """waiting or parked."""
    error = TextField()

    class Meta:
        indexes = ((("webhook_id", "status", "lane", "position"), False),)
